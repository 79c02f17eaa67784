"""A keeper of the event loop's own, for programs without a daemon: opened at the first use, closed after the last.

Knows how many use it. What it is made of, the settings say.
"""

import asyncio
from contextlib import AsyncExitStack
from importlib import import_module
from weakref import WeakKeyDictionary

from gattkeeper.bleak.doors import Door
from gattkeeper.bleak.in_process import InProcess
from gattkeeper.runtime.keeper import Keeper


class _Shared:
    """The keeper of one loop."""

    def __init__(self) -> None:
        self._users = 0
        self._keeper: Keeper | None = None
        self._stack = AsyncExitStack()
        self._turn = asyncio.Lock()

    async def take(self) -> Keeper:
        """One more uses it. Raises SettingsError, StorageError."""
        async with self._turn:
            keeper = self._keeper
            if keeper is None:
                # By its public name: how a keeper is put together, only the rooms above this one know.
                opened: Keeper = await self._stack.enter_async_context(import_module("gattkeeper").open())
                self._keeper = keeper = opened
            self._users += 1
            return keeper

    async def give_back(self) -> None:
        """One less."""
        async with self._turn:
            self._users -= 1
            if not self._users:
                self._keeper = None
                await self._stack.aclose()


_OF_LOOPS: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Shared]" = WeakKeyDictionary()
"""An adapter has one owner in a process, whatever libraries meet in it: they have to find each other."""


class OwnDoor(InProcess):
    """A door to the loop's own keeper."""

    def __init__(self, shared: _Shared, keeper: Keeper) -> None:
        super().__init__(keeper)
        self._shared: _Shared | None = shared

    async def close(self) -> None:
        """See `Door`."""
        shared, self._shared = self._shared, None
        if shared is not None:
            await shared.give_back()


async def own_door() -> Door:
    """A door to the loop's own keeper. Raises SettingsError, StorageError."""
    shared = _OF_LOOPS.setdefault(asyncio.get_running_loop(), _Shared())
    return OwnDoor(shared, await shared.take())
