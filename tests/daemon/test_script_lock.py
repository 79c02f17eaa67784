"""The adapter's lock in a program's own code: tasks, programs and keepers in one line."""

import asyncio
import os
from pathlib import Path

import pytest

import gattkeeper
from gattkeeper.daemon import script_lock
from gattkeeper.daemon.lock_place import lock_place
from gattkeeper.errors import RefusedError, SettingsError, StorageError, UnsupportedError
from gattkeeper.runtime.fair_lock import FairLock
from gattkeeper.runtime.file_lock import hold
from gattkeeper.runtime.lock_holder import COMMAND, KEEPER, written

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("GATTKEEPER_SETTINGS", str(tmp_path / "g.toml"))
    (tmp_path / "g.toml").write_text("")
    return tmp_path


def command_s_lock():
    """As `gattkeeper lock` takes it."""
    place = lock_place(None)
    lock = FairLock(place.folder, place.name, COMMAND)
    assert lock.step() is None
    return lock


def files():
    return os.listdir(lock_place(None).folder)


async def test_a_free_adapter_is_had_at_once():
    async with gattkeeper.adapter_lock() as lock:
        assert isinstance(lock, gattkeeper.AdapterLock)
        assert (lock.adapter, lock.holder) == ("hci0", None)
        assert 0 <= lock.waited_s < 10
    assert files() == ["adapter-hci0.lock"]


async def test_tasks_have_it_in_their_order_and_one_at_a_time():
    order = []

    async def use(number):
        async with gattkeeper.adapter_lock(adapter="hci0"):
            order.append(number)
            await asyncio.sleep(0)
            order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(16):
            group.create_task(use(number))
            await asyncio.sleep(0)
    assert order == [number for number in range(16) for _ in range(2)]


async def test_it_is_the_lock_of_the_command_line_whose_holder_is_told():
    held = command_s_lock()
    waiting = asyncio.create_task(enter())
    while len(files()) < 3:
        await asyncio.sleep(0)
    held.release()
    lock = await waiting
    assert lock.holder.pid == os.getpid()
    assert lock.holder.role == COMMAND


async def enter(**how):
    async with gattkeeper.adapter_lock(**how) as lock:
        return lock


async def test_a_wait_that_is_over_names_the_holder():
    held = command_s_lock()
    with pytest.raises(RefusedError, match=r"hci0 is held by this very process, for .* s; 1 before this one"):
        await enter(wait=0.01)
    held.release()
    assert (await enter(wait=0)).holder is None


async def test_a_cancelled_wait_gives_its_place_up():
    held = command_s_lock()
    waiting = asyncio.create_task(enter())
    while len(files()) < 3:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(files()) == 2
    held.release()


async def test_a_keepers_adapter_is_not_waited_for():
    place = lock_place(None)
    descriptor = hold(Path(place.folder) / f"{place.name}.lock", remedy="", text=written(KEEPER))
    with pytest.raises(RefusedError, match="belongs to a keeper, this very process"):
        await enter()
    os.close(descriptor)
    await enter(wait=5.0)


async def test_a_place_that_is_not_safe_and_a_lock_that_is_a_link_are_told(home):
    await enter()
    lock = Path(lock_place(None).folder) / "adapter-hci0.lock"
    lock.unlink()
    lock.symlink_to(home / "g.toml")
    with pytest.raises(StorageError, match=r"adapter-hci0.lock cannot be used"):
        await enter()
    os.chmod(home / "gattkeeper", 0o777)
    with pytest.raises(SettingsError, match="others may write into"):
        await enter()


async def test_windows_is_told_why_not(monkeypatch):
    monkeypatch.setattr(script_lock.sys, "platform", "win32")
    with pytest.raises(UnsupportedError, match="Windows"):
        await enter()


async def test_a_folder_that_holds_no_lock_is_told(monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "mkfifo", refuse)
    with pytest.raises(StorageError, match="No space left"):
        await enter()
