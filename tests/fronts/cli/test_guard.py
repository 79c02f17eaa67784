"""Groups of processes end, and the guard ends one whose watcher was killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gattkeeper.fronts.cli.guard import end_group, is_at_work, signalled

STUBBORN = "import signal, sys; signal.signal(15, signal.SIG_IGN); print(flush=True); sys.stdin.read()"
WATCHER = """
import os, signal, sys
from gattkeeper.fronts.cli.guard import Guard
guard = Guard()
child = os.posix_spawnp("sleep", ["sleep", "1000"], os.environ, setpgroup=0)
guard.watch(child)
print(child, flush=True)
if sys.stdin.read(1) == "d":
    guard.dismiss()
    os.kill(child, 0)
    os.killpg(child, 9)
    print("dismissed")
"""


def start(program: str, **more: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **more
    )


def test_a_group_that_heeds_is_told_once() -> None:
    with start("import sys; print(flush=True); sys.stdin.read()", process_group=0) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert is_at_work(process.pid)
        end_group(process.pid, grace_s=60)
        assert process.wait() == -signal.SIGTERM
    assert not is_at_work(process.pid)
    assert not signalled(process.pid, 0)


def test_a_group_that_does_not_is_ended_after_the_grace_even_when_stopped() -> None:
    with start(STUBBORN, process_group=0) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        end_group(process.pid, grace_s=0.05)
        assert process.wait() == -signal.SIGKILL


def test_what_can_be_read_of_a_process_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = os.getpgrp()
    assert is_at_work(ours)
    monkeypatch.setattr(os, "listdir", lambda _folder: [])
    assert is_at_work(ours)  # no such table here: it is believed to live


def test_the_command_of_a_killed_watcher_is_ended() -> None:
    with start(WATCHER) as watcher:
        assert watcher.stdout is not None
        child = int(watcher.stdout.readline())
        assert is_at_work(child)
        watcher.kill()
        watcher.wait()
        give_up_at = time.monotonic() + 20
        while is_at_work(child):
            assert time.monotonic() < give_up_at
            os.sched_yield()


def test_a_dismissed_guard_ends_nothing() -> None:
    with start(WATCHER) as watcher:
        said, _ = watcher.communicate("d")
    assert said.endswith("dismissed\n")
    assert watcher.returncode == 0


def test_a_guard_that_was_killed_is_no_fault(tmp_path: Path) -> None:
    program = (
        "import os; from gattkeeper.fronts.cli.guard import Guard\n"
        "guard = Guard(); os.kill(guard._pid, 9)\n"
        "os.waitid(os.P_PID, guard._pid, os.WEXITED | os.WNOWAIT); guard.dismiss(); print('on')"
    )
    assert start(program).communicate()[0] == "on\n"
