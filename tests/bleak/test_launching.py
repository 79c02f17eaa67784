"""How `gattkeeper run` is spelled, what the program finds, and what it becomes. That it is served: test_seam.py."""

import signal
import subprocess
import sys

import pytest
from ran_programs import Runs

from gattkeeper.bleak.launching import PRIORITIES, RunCall, environment_for, program_name, quick_call
from gattkeeper.model.command import Priority


@pytest.fixture
def runs(tmp_path):
    own = Runs(tmp_path)
    with own.listen():
        yield own


@pytest.mark.parametrize(
    ("line", "priority", "socket_path", "command"),
    [
        ("-- python x.py", "", "", "python x.py"),
        ("--priority Urgent python x.py --priority 3", "urgent", "", "python x.py --priority 3"),
        ("--socket=/k.sock --priority normal -- -x", "normal", "/k.sock", "-x"),
    ],
)
def test_options_end_where_the_command_begins(line, priority, socket_path, command):
    call = quick_call(line.split())
    assert (call.priority, call.socket, call.command) == (priority, socket_path, command.split())


@pytest.mark.parametrize("line", ["", "--", "--help", "--priority", "--priority soon -- x", "--fast 1 -- x"])
def test_help_and_mistakes_are_left_to_the_whole_parser(line):
    assert quick_call(line.split()) is None


def test_a_program_that_is_to_have_its_own_keeper_needs_no_daemon(runs):
    call = quick_call(["--in-process", "--priority", "urgent", "--", "x", "--in-process"])
    assert (call.in_process, call.priority, call.command) == (True, "urgent", ["x", "--in-process"])
    assert quick_call(["--in-process", "--socket", "/k", "x"]) is None
    own = environment_for(call, "/k", {"GATTKEEPER_SOCKET": "/other"})
    assert (own["GATTKEEPER_IN_PROCESS"], own["GATTKEEPER_SOCKET"]) == ("1", "")
    inside = environment_for(quick_call(["x"]), "/k", own)
    assert (inside["GATTKEEPER_IN_PROCESS"], inside["GATTKEEPER_SOCKET"]) == ("", "/k")
    runs.socket.unlink()
    done = runs.run("x", options=("--in-process",))
    assert (done.returncode, "not allowed with argument" in done.stderr) == (2, True)


def test_the_priorities_are_those_of_commands():
    assert sorted(PRIORITIES) == sorted(priority.name.lower() for priority in Priority)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("python blind.py lounge 73", "blind.py"),
        ("/usr/bin/python3 -u /opt/x/blind.py", "blind.py"),
        ("python -m homes.blind x", "homes.blind"),
        ("python", "python"),
        ("python -m", "-m"),
        ("/opt/bin/blind lounge", "blind"),
    ],
)
def test_a_program_is_called_after_its_script(line, name):
    assert program_name(line.split()) == name


def test_the_seam_comes_first_and_once():
    call = RunCall(command=["x"], priority="", socket="")
    first = environment_for(call, "/k", {"PYTHONPATH": "/a:/b", "HOME": "/h", "GATTKEEPER_PRIORITY": "urgent"})
    assert first["PYTHONPATH"].endswith("/bleak/site:/a:/b")
    assert (first["HOME"], first["GATTKEEPER_PRIORITY"]) == ("/h", "urgent")
    assert environment_for(call, "/k", first)["PYTHONPATH"] == first["PYTHONPATH"]
    assert ":" not in environment_for(call, "/k", {})["PYTHONPATH"]


def test_the_program_is_told_its_daemon_its_priority_and_its_name(runs):
    see = "printenv GATTKEEPER_SOCKET GATTKEEPER_PRIORITY GATTKEEPER_CLIENT"
    done = runs.run(*see.split(), options=("--priority", "background"))
    assert done.stdout == f"{runs.socket}\nbackground\nprintenv\n"


def test_it_becomes_the_program(runs):
    words = [sys.executable, "-m", "gattkeeper", "run", "--socket", str(runs.socket), "--"]
    program = [*words, "sh", "-c", "echo $$; read line; kill -TERM $$"]
    with subprocess.Popen(
        program, env=runs.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.communicate("\n")[0] == f"{process.pid}\n"
        assert process.returncode == -signal.SIGTERM
    assert runs.run("sh", "-c", "cat; exit 42", input="in").returncode == 42
    assert runs.run("sh", "-c", "kill -PIPE $$").returncode == -signal.SIGPIPE


def test_without_a_daemon_the_program_does_not_start(runs):
    runs.socket.unlink()
    done = runs.run("echo", "radio")
    assert (done.returncode, done.stdout) == (69, "")
    assert f"no gattkeeper daemon answers at {runs.socket}: start one with `gattkeeper serve`" in done.stderr


@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_a_python_that_cannot_be_reached_is_refused(runs, option):
    done = runs.run(sys.executable, option, "-c", "print('radio')")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Python's option {option} keeps the program from the queue" in done.stderr


def test_a_program_that_is_not_there_is_told(runs):
    assert runs.run("no-such-program").returncode == 127
    assert runs.run("/").returncode == 126


def test_mistakes_and_help_are_the_whole_parsers(runs):
    assert "there" not in runs.run("x", options=("--priority", "soon")).stdout
    done = runs.run("x", options=("--priority", "soon"))
    assert done.returncode == 2
    assert "is no priority: urgent, interactive" in done.stderr
    assert "goes through" not in runs.run("x", options=("--help",)).stderr
    assert runs.run("x", options=("--help",)).stdout.startswith("usage: gattkeeper run [--priority P]")


def test_it_loads_nothing_slow(runs):
    program = (
        "import os, sys; from gattkeeper import __main__; os.execvpe = lambda *_: sys.exit("
        ".join(sys.modules))\n"
        f"__main__.main(['run', '--socket', {str(runs.socket)!r}, '--', 'true'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=runs.env, capture_output=True, text=True, check=False
    )
    assert not {"asyncio", "bleak", "msgspec", "argparse", "subprocess", "socket", "typing"} & set(
        done.stderr.split()
    )
