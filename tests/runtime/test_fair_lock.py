"""First come, first served: places in one line, taken by several locks of this process and by others."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gattkeeper.runtime.fair_lock import Blocked, FairLock
from gattkeeper.runtime.file_lock import hold
from gattkeeper.runtime.lock_holder import COMMAND, KEEPER, SCRIPT, is_frozen, written

OTHER = """
import sys
from gattkeeper.runtime.fair_lock import FairLock
lock = FairLock(sys.argv[1], "adapter-x", "command")
print("blocked" if lock.step() else "ours", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path)


def one(folder: str, role: str = SCRIPT) -> FairLock:
    return FairLock(folder, "adapter-x", role)


def blocked(lock: FairLock) -> Blocked:
    found = lock.step()
    assert found is not None
    return found


def woken(found: Blocked) -> bool:
    return bool(select.select([found.descriptor], [], [], 0)[0])


@contextmanager
def other(folder: str, says: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", OTHER, folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == says + "\n"
        try:
            yield process
        finally:
            process.kill()


def freeze(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGSTOP)
    while not is_frozen(process.pid):
        time.sleep(0)


def test_a_lock_that_nobody_has_is_ours_at_once(folder: str) -> None:
    lock = one(folder)
    assert lock.step() is None
    assert lock.step() is None
    lock.release()
    lock.release()
    assert os.listdir(folder) == ["adapter-x.lock"]


def test_everybody_gets_it_in_the_order_in_which_they_came(folder: str) -> None:
    locks = [one(folder) for _ in range(16)]
    for place, lock in enumerate(locks):
        for later in reversed(locks[place + 1 :]):
            assert blocked(later).ahead >= 1
        assert lock.step() is None
        lock.release()


def test_the_next_one_hears_at_once_that_its_turn_has_come(folder: str) -> None:
    first, second, third = one(folder), one(folder), one(folder)
    assert first.step() is None
    waits, waits_longer = blocked(second), blocked(third)
    assert (waits.ahead, waits_longer.ahead) == (1, 2)
    assert not woken(waits)
    first.release()
    assert woken(waits)
    assert not woken(waits_longer)
    assert second.step() is None
    second.release()
    assert third.step() is None
    third.release()


def test_who_gives_its_place_up_leaves_no_hole(folder: str) -> None:
    first, second, third = one(folder), one(folder), one(folder)
    assert first.step() is None
    waits = blocked(third)
    second.release()
    assert woken(waits)
    assert blocked(third).ahead == 1
    first.release()
    assert third.step() is None
    third.release()


def test_a_killed_holder_is_heard_of_and_its_ticket_thrown_away(folder: str) -> None:
    with other(folder, "ours") as holder:
        lock = one(folder)
        found = blocked(lock)
        assert found.holder is not None
        assert found.holder.pid == holder.pid
        holder.kill()
        assert select.select([found.descriptor], [], [], 10)[0]
        holder.wait()
    assert lock.step() is None
    lock.release()
    assert os.listdir(folder) == ["adapter-x.lock"]


def test_a_killed_waiter_leaves_no_hole(folder: str) -> None:
    first = one(folder)
    assert first.step() is None
    with other(folder, "blocked") as waiter:
        last = one(folder)
        found = blocked(last)
        assert found.ahead == 2
        waiter.kill()
        assert select.select([found.descriptor], [], [], 10)[0]
    first.release()
    assert last.step() is None
    last.release()


def test_a_waiter_that_was_stopped_is_passed_over_and_keeps_its_place(folder: str) -> None:
    first = one(folder)
    assert first.step() is None
    with other(folder, "blocked") as waiter:
        last = one(folder)
        freeze(waiter)
        first.release()
        assert last.step() is None
        waiter.send_signal(signal.SIGCONT)
        last.release()
        assert len([name for name in os.listdir(folder) if str(waiter.pid) in name]) == 1


def test_a_holder_that_was_stopped_still_has_it_and_is_told_of(folder: str) -> None:
    with other(folder, "ours") as holder:
        freeze(holder)
        lock = one(folder)
        found = blocked(lock)
        assert f"which is stopped (`kill -CONT {holder.pid}`" in str(found.holder)
        lock.release()


def test_a_keeper_has_it_without_a_ticket(folder: str) -> None:
    descriptor = hold(Path(folder) / "adapter-x.lock", remedy="", text=written(KEEPER))
    lock = one(folder)
    found = blocked(lock)
    assert found.by_keeper
    assert (found.descriptor, found.ahead) == (-1, 0)
    os.close(descriptor)
    assert lock.step() is None
    lock.release()


def test_a_lock_file_that_was_removed_locks_nothing(folder: str) -> None:
    first, second = one(folder), one(folder)
    assert first.step() is None
    os.unlink(first.path)
    first.release()
    assert second.step() is None
    assert os.path.exists(second.path)
    second.release()


def test_who_works_under_the_lock_is_named_when_its_holder_is_dead(folder: str) -> None:
    lock = one(folder, COMMAND)
    assert lock.step() is None
    lock.worker(4321)
    assert Path(lock.path).read_text().split("\n")[2:4] == [COMMAND, "4321"]
    lock.release()
    assert Path(lock.path).read_text() == ""


def test_tickets_of_one_moment_are_two(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _clock: 7)
    (Path(folder) / f".adapter-x.turn-{7:020d}-{os.getpid()}").touch()
    lock = one(folder)
    assert lock.step() is None
    lock.release()


def test_a_symbolic_link_in_place_of_the_lock_is_not_followed(folder: str) -> None:
    precious = Path(folder) / "precious"
    precious.write_text("content")
    os.symlink(precious, f"{folder}/adapter-x.lock")
    lock = one(folder)
    with pytest.raises(OSError, match="symbolic links"):
        lock.step()
    lock.release()
    assert precious.read_text() == "content"


def test_a_folder_that_is_not_there_is_told(folder: str) -> None:
    with pytest.raises(FileNotFoundError):
        FairLock(f"{folder}/missing", "adapter-x", SCRIPT)
    (Path(folder) / "file").touch()
    with pytest.raises(NotADirectoryError):
        FairLock(f"{folder}/file", "adapter-x", SCRIPT)


def test_lock_and_tickets_are_for_their_owner_alone(folder: str) -> None:
    lock = one(folder)
    assert lock.step() is None
    assert {os.stat(f"{folder}/{name}").st_mode & 0o777 for name in os.listdir(folder)} == {0o600}
    lock.release()
