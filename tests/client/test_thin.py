"""The thin client as a process of its own, against a real socket; its daemon runs on a fake link."""

import asyncio
import contextlib
import json
import os
import pty
import signal
import socket
import sys
from pathlib import Path

import pytest

from fronts.keeper_bench import bench
from gattkeeper.client import thin
from gattkeeper.fronts.cli.daemon_verbs import DAEMON_VERBS

SOURCE = Path(__file__).parents[2] / "src"
PROGRAM = Path(__file__).parents[2] / "scripts" / "gattkeeper"
WRITE = ("write", "lounge", "fe51", "01")


def environment(path):
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "TERM")}
    return {**clean, "PYTHONPATH": str(SOURCE), "GATTKEEPER_SOCKET": str(path), "TERM": "xterm"}


async def start(path, *argv, **settings):
    settings = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE, **settings}
    return await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), *argv, env=environment(path), **settings
    )


async def run(path, *argv):
    program = await start(path, *argv)
    out, err = await program.communicate()
    return program.returncode, out.decode(), err.decode()


@pytest.mark.asyncio
async def test_the_outcome_is_the_exit_code_and_one_line_of_json(tmp_path):
    async with bench(tmp_path) as b:
        code, out, err = await run(b.path, "act", "lounge", "target_percent", "73", "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    outcome = json.loads(out)
    assert (outcome["verdict"], outcome["label"], outcome["device"]) == (
        "delivered",
        "target_percent 73",
        "lounge",
    )
    assert b.timeline.of(outcome["command_id"]).command.origin.front == "cli"


@pytest.mark.asyncio
async def test_text_that_needs_escaping_arrives_as_it_was_typed(tmp_path):
    odd = 'say "ä\\\n\t\x7f\U0001f600"'
    async with bench(tmp_path) as b:
        code, _, err = await run(b.path, "act", odd, "x")
    assert code == 2
    assert repr(odd).encode("unicode_escape").decode() in err.encode("unicode_escape").decode()


@pytest.mark.asyncio
async def test_killing_the_program_neither_kills_nor_repeats_the_command(tmp_path):
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        program = await start(b.path, *WRITE)
        await b.link.reached.wait()
        program.kill()
        await program.wait()
        await b.until(lambda: not b.front._served)
        b.link.let_answer.set()
        [known] = b.timeline.newest(9)
        assert (await b.keeper.handle(known.command.id).wait()).succeeded
        assert len(b.link.performed) == 1


@pytest.mark.asyncio
async def test_ctrl_c_says_that_the_command_goes_on(tmp_path):
    outer, inner = pty.openpty()
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        program = await start(b.path, *WRITE, stderr=inner)
        os.close(inner)
        await asyncio.to_thread(os.read, outer, 4096)  # progress: the id came before it
        [known] = b.timeline.newest(9)
        program.send_signal(signal.SIGINT)
        await program.wait()
        assert f"goes on as {known.command.id}" in rest_of(outer)
        assert program.returncode == 130


def rest_of(terminal):
    """What a terminal still shows when its program has ended."""
    shown = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while chunk := os.read(terminal, 4096):
            shown += chunk
    os.close(terminal)
    return shown.decode()


@pytest.mark.asyncio
async def test_progress_is_for_terminals_and_leaves_no_trace(tmp_path):
    outer, inner = pty.openpty()
    async with bench(tmp_path) as b:
        b.link.let_answer.clear()
        program = await start(b.path, *WRITE, stderr=inner)
        os.close(inner)
        shown = await asyncio.to_thread(os.read, outer, 4096)
        b.link.let_answer.set()
        out, _ = await program.communicate()
    shown = shown.decode() + rest_of(outer)
    assert "lounge write fe51: dispatched" in shown
    assert shown.endswith("\r\x1b[K")
    assert out.startswith("✓ lounge write fe51  delivered".encode())


@pytest.mark.asyncio
async def test_a_reader_that_had_enough_ends_the_program_quietly(tmp_path):
    async with bench(tmp_path) as b:
        code = f"{sys.executable} {PROGRAM} devices | true; exit ${{PIPESTATUS[0]}}"
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", code, env=environment(b.path), stderr=asyncio.subprocess.PIPE
        )
        _, err = await shell.communicate()
    assert (err, shell.returncode) in ((b"", 141), (b"", 0))


@pytest.mark.asyncio
async def test_a_closed_stdout_harms_nobody(tmp_path):
    async with bench(tmp_path) as b:
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", f"exec {sys.executable} {PROGRAM} read lounge 2a19 >&-", env=environment(b.path)
        )
        assert await shell.wait() == 0


@pytest.mark.parametrize("argv", [("act", "--help"), ("--help",), ("status", "-h")])
def test_help_is_not_for_the_daemon(argv):
    assert not thin.is_for_daemon(list(argv))


def test_an_argument_after_two_dashes_is_no_option():
    assert thin.is_for_daemon(["act", "lounge", "say", "--", "--help"])


def test_of_the_journal_only_its_acceptance_is_for_the_daemon():
    assert thin.is_for_daemon(["audit", "accept", "--who", "Ann", "--why", "looked"])
    assert not thin.is_for_daemon(["audit", "query"])
    assert not thin.is_for_daemon(["audit"])
    assert not thin.is_for_daemon([])
    assert thin.split_socket(["--socket", "/a", "act", "x", "--", "--socket", "b"]) == (
        ["act", "x", "--", "--socket", "b"],
        "/a",
    )


def test_the_socket_may_be_named_before_or_behind_the_verb():
    assert thin.split_socket(["status", "--socket=/a"]) == (["status"], "/a")
    assert thin.split_socket(["--socket", "/a", "status"]) == (["status"], "/a")


def test_thin_client_and_daemon_know_the_same_verbs():
    assert thin.DAEMON_VERBS == DAEMON_VERBS


def test_nobody_answers_at_a_path_that_is_no_socket(tmp_path):
    assert thin.dial(str(tmp_path)) is None
    assert thin.dial("a\0b") is None
    assert thin.dial("x" * 5000) is None


@pytest.mark.parametrize(
    ("answer", "argv", "code", "words"),
    [
        (b"", ["act"], 4, "went away before"),
        (b"", ["status"], 69, "went away before"),
        (b"ic-7\n", ["act"], 4, "gattkeeper outcome c-7"),
        (
            b'{"id":null,"error":{"code":"too_many_connections","message":"come later"}}\n',
            ["act"],
            75,
            "come later",
        ),
        (b'{"id":null,"error":{"code":"not_allowed","message":"not you"}}\n', ["act"], 3, "not you"),
        (b"HTTP/1.1 400 Bad Request\n", ["act"], 3, "no gattkeeper daemon"),
    ],
)
def test_a_daemon_that_fails_in_the_middle_is_told_apart(capfd, answer, argv, code, words):
    ours, theirs = socket.socketpair()
    theirs.sendall(answer)
    theirs.shutdown(socket.SHUT_WR)
    assert thin.talk(ours, argv) == code
    theirs.close()
    assert words in capfd.readouterr().err


def test_a_piped_answer_is_as_wide_as_the_terminal_it_ends_on(monkeypatch):
    def size(descriptor):
        if descriptor != 2:
            raise OSError
        return os.terminal_size((72, 20))

    monkeypatch.setattr(os, "get_terminal_size", size)
    assert b'"columns":72' in thin.request_line(["timeline"])


def test_arguments_that_are_no_text_are_bad_usage(capfd):
    ours, theirs = socket.socketpair()
    assert thin.talk(ours, ["act", "\udcff"]) == 2
    theirs.close()
    assert "UTF-8" in capfd.readouterr().err


def test_no_color_is_honoured(monkeypatch):
    monkeypatch.setattr(os, "isatty", lambda _fd: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert b'"color":true' in thin.request_line(["status"])
    monkeypatch.setenv("NO_COLOR", "1")
    assert b'"color":false' in thin.request_line(["status"])
