"""The local side of the command line. The local verbs are the tests' own."""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gattkeeper.errors import SettingsError
from gattkeeper.fronts.cli.main import run_local


def serve(args):
    if args.config == "bad.toml":
        raise SettingsError("bad.toml: line 3: no such adapter")
    return 7


def run(*argv):
    return run_local(list(argv), {"serve": serve}, version="1.2.3")


def test_local_verbs_are_run_with_their_arguments(capsys):
    assert run("serve") == 7
    assert run("serve", "--config", "bad.toml") == 2
    assert capsys.readouterr().err == "gattkeeper: bad.toml: line 3: no such adapter\n"


def test_version_help_and_completion_need_no_daemon(capsys):
    assert (run("--version"), capsys.readouterr().out) == (0, "gattkeeper 1.2.3\n")
    assert run("act", "--help") == 0
    assert "DEVICE" in capsys.readouterr().out
    assert run("completion", "bash") == 0
    assert "complete -o default -F" in capsys.readouterr().out


def test_nothing_to_do_is_bad_usage_with_help(capsys):
    assert run() == 2
    assert "act" in capsys.readouterr().out


def test_without_a_daemon_its_verbs_say_where_it_was_looked_for(capsys):
    assert run("status", "--socket", "/nowhere/k.sock") == 69
    told = capsys.readouterr().err
    assert told.startswith(
        "gattkeeper: no gattkeeper daemon answers at /nowhere/k.sock: start one with `gattkeeper serve`"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("mode", "folder_mode"), [(0o600, 0o755), (0o666, 0o700)])
def test_socket_that_is_closed_to_the_user_is_told_from_one_that_nobody_serves(capsys, mode, folder_mode):
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as daemon:
        path = f"{folder}/k.sock"
        daemon.bind(path)
        Path(path).chmod(mode)
        Path(folder).chmod(folder_mode)
        os.seteuid(65534)
        try:
            assert run("status", "--socket", path) == 3
        finally:
            os.seteuid(0)
    assert capsys.readouterr().err.startswith(f"gattkeeper: you may not use {path}: ask the daemon's owner")


def test_json_asked_for_is_json_given(capsys):
    assert run("status", "--socket", "/nowhere/k.sock", "--json") == 69
    assert '"code":"no_daemon"' in capsys.readouterr().out


def test_bad_usage_is_told_before_the_missing_daemon(capsys):
    assert run("write", "lounge", "fe51", "zz", "--json") == 2
    told = capsys.readouterr()
    assert "hex digits" in told.err
    assert '"code":"usage"' in told.out


@pytest.mark.parametrize("argv", ["'--help'", "'completion', 'bash'"])
def test_a_reader_that_had_enough_is_no_traceback(argv):
    program = f"import sys; from gattkeeper.fronts.cli.main import run_local; sys.exit(run_local([{argv}], {{}}, version='1'))"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
