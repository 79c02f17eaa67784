"""A command as a child: in programs of their own, because it takes over signals and the terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gattkeeper.runtime.lock_holder import command_line

PROGRAM = """
import sys
import time
from gattkeeper.fronts.cli.signals import Signals
from gattkeeper.fronts.cli.supervised import CannotStartError, run_supervised
limit = float(sys.argv[1]) or None
try:
    code = run_supervised(sys.argv[2:], Signals(), limit_s=limit, started=lambda pid: None)
except CannotStartError as error:
    sys.exit(f"{error} {error.exit_code}")
sys.exit(code)
"""
WAITS = "import sys; print('up', flush=True); sys.stdin.read()"
FAMILY = "sleep 1000 & echo $!; sleep 1000"


def run(*command: str, limit: str = "0", **more: object) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-c", PROGRAM, limit, *command]
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload,no-any-return]


def test_stdin_stdout_stderr_and_the_exit_code_are_the_commands() -> None:
    done = run("sh", "-c", "cat; echo trouble >&2; exit 42", input="payload")
    assert (done.returncode, done.stdout, done.stderr) == (42, "payload", "trouble\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, 137), (signal.SIGSEGV, 139)])
def test_a_command_that_a_signal_ended_is_told_as_a_shell_does(number: int, code: int) -> None:
    assert run("sh", "-c", f"ulimit -c 0; kill -{int(number)} $$").returncode == code


def test_a_command_that_cannot_be_run_is_told() -> None:
    assert run("no-such-program").stderr == "cannot run no-such-program: No such file or directory 127\n"
    assert run("/").stderr == "cannot run /: Permission denied 126\n"


def test_what_python_ignores_the_command_does_not() -> None:
    assert run("sh", "-c", "kill -PIPE $$").returncode == 128 + signal.SIGPIPE


def test_at_its_limit_a_command_ends_with_all_it_started() -> None:
    done = run("sh", "-c", FAMILY, limit="0.2")
    assert done.returncode == 128 + signal.SIGTERM
    assert command_line(int(done.stdout)) == ""  # gone, or only waited for


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_who_is_told_to_end_ends_the_command_first(number: int) -> None:
    command = [sys.executable, "-c", PROGRAM, "0", sys.executable, "-c", WAITS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(timeout=20) == 128 + number
        assert process.stdout.read() == ""  # whose end is only seen when the command has gone too


@contextmanager
def on_terminal(program: str) -> Iterator[tuple[int, int]]:
    """A Python program under ours, as the foreground of a terminal of its own: its process and the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM, "0", sys.executable, "-c", program])
    try:
        yield pid, terminal
    finally:
        os.close(terminal)


def exit_code(pid: int) -> int:
    """Of a process that is about to end."""
    give_up_at = time.monotonic() + 20
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        assert time.monotonic() < give_up_at, "it does not end"
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(ended[1])


def expect(terminal: int, text: bytes) -> None:
    seen = b""
    while text not in seen:
        assert select.select([terminal], [], [], 20)[0], seen
        seen += os.read(terminal, 1000)


def test_a_command_that_asks_at_the_terminal_gets_it() -> None:
    with on_terminal("print('got', input('name? '))") as (pid, terminal):
        expect(terminal, b"name? ")
        os.write(terminal, b"lounge\n")
        expect(terminal, b"got lounge")
        assert exit_code(pid) == 0


@pytest.mark.parametrize("asks", ["", "input('name? '); "], ids=["terminal is ours", "terminal is the command's"])
def test_ctrl_c_reaches_the_command_either_way(asks: str) -> None:
    with on_terminal(f"import time; {asks}print('up', flush=True); time.sleep(1000)") as (pid, terminal):
        if asks:
            expect(terminal, b"name? ")
            os.write(terminal, b"\n")
        expect(terminal, b"up")
        os.write(terminal, b"\x03")
        assert exit_code(pid) == 128 + signal.SIGINT


@pytest.mark.parametrize("asks", ["", "input('name? '); "], ids=["terminal is ours", "terminal is the command's"])
def test_ctrl_z_stops_both_and_both_go_on(asks: str) -> None:
    program = f"import os; {asks}print('up', os.getpid(), flush=True); input(); print('on', flush=True)"
    with on_terminal(program) as (pid, terminal):
        if asks:
            expect(terminal, b"name? ")
            os.write(terminal, b"\n")
        expect(terminal, b"up")
        os.write(terminal, b"\x1a")
        assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
        os.kill(pid, signal.SIGCONT)
        os.write(terminal, b"\n")
        expect(terminal, b"on")
        assert exit_code(pid) == 0
