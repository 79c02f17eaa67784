"""`gattkeeper.adapter_lock`: the adapter's lock for programs that use Bluetooth by themselves.

Knows how a coroutine waits. It is the lock, and the line, of `gattkeeper lock` and of every keeper.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

from msgspec import Struct

from gattkeeper.daemon.lock_place import LockPlaceError, lock_place
from gattkeeper.errors import RefusedError, SettingsError, StorageError, UnsupportedError
from gattkeeper.runtime.fair_lock import Blocked, FairLock
from gattkeeper.runtime.lock_holder import SCRIPT, Holder


class AdapterLock(Struct, frozen=True, kw_only=True):
    """An adapter that is ours until the end of the block."""

    adapter: str  # as the machine names it: "hci0", an address, a transport
    waited_s: float
    holder: Holder | None = None  # who had it when the wait began; None: nobody


@contextlib.asynccontextmanager
async def adapter_lock(adapter: str | None = None, wait: float | None = None) -> AsyncIterator[AdapterLock]:
    """An adapter for this block alone: `async with gattkeeper.adapter_lock(wait=30.0) as lock: …`.

    First come, first served, among programs, tasks and `gattkeeper lock`. `adapter` is a name of the settings,
    "hci0" or an address; None is the only adapter of the settings, or hci0. Waits `wait` seconds at most, None for
    ever; cancelling the wait gives the place up.

    Raises RefusedError (another program has it until the wait is over, or a keeper, which keeps it), SettingsError
    (there is no telling which adapter, or the lock's folder is not ours alone), StorageError (it holds no lock),
    UnsupportedError (Windows).
    """
    if sys.platform == "win32":
        raise UnsupportedError("the adapter's lock needs FIFOs, which Windows has not")
    try:
        place = lock_place(adapter)
        lock = FairLock(place.folder, place.name, SCRIPT)
    except LockPlaceError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise StorageError(f"the adapter's lock cannot be used: {error.strerror}") from error
    try:
        began_at = time.monotonic()
        holder = await _until_ours(lock, place.adapter, wait)
        yield AdapterLock(adapter=place.adapter, waited_s=time.monotonic() - began_at, holder=holder)
    finally:
        lock.release()


async def _until_ours(lock: FairLock, adapter: str, wait: float | None) -> Holder | None:
    """Who had it at first."""
    first: Holder | None = None
    end_at = None if wait is None else time.monotonic() + wait
    while blocked := _step(lock):
        first = first or blocked.holder
        if blocked.by_keeper and blocked.descriptor < 0:
            raise RefusedError(f"{adapter} belongs to a keeper, {blocked.holder}: submit commands to it instead")
        left_s = blocked.again_s if end_at is None else end_at - time.monotonic()
        if left_s <= 0:
            raise RefusedError(
                f"{adapter} is held by {blocked.holder or 'another process'}; {blocked.ahead} before this one"
            )
        await _look_again(blocked.descriptor, min(left_s, blocked.again_s))
    return first


def _step(lock: FairLock) -> Blocked | None:
    try:
        return lock.step()
    except OSError as error:
        raise StorageError(f"the lock {lock.path} cannot be used: {error.strerror}") from error


async def _look_again(descriptor: int, at_the_latest_s: float) -> None:
    """Once the descriptor is readable, if there is one, or after so many seconds."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    if descriptor >= 0:
        loop.add_reader(descriptor, ready.set)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_the_latest_s):
                await ready.wait()
    finally:
        if descriptor >= 0:
            loop.remove_reader(descriptor)
