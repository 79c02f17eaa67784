"""What a front hands to its connections: the keeper, a safe way to submit, what was watched of it.

Knows parts only; `daemon` joins them.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from gattkeeper.model.command import Command, Origin
from gattkeeper.runtime.fanout import GATHER_S, Fanout
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.telemetry.timeline import Timeline

T = TypeVar("T")


class Submissions:
    """Hands commands over in a way that a vanishing caller cannot tear.

    Between the call and the durable `accepted` a command is neither here nor there. A caller that
    goes away in that moment must not leave it half submitted, so the hand-over runs to its end.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._running: set[asyncio.Task[Any]] = set()

    def begin(self, command: Command) -> Handle:
        """`Keeper.begin`: handed over in this moment, so that nobody can tear it."""
        return self._keeper.begin(command)

    async def submit(self, command: Command) -> Handle:
        """`Keeper.submit`, but that the command goes on when the caller is cancelled."""
        handle = self.begin(command)
        await handle.taken_on()
        return handle

    async def fanout(self, commands: Sequence[Command], gather: float | None = None) -> Fanout:
        """`Keeper.fanout`, finished even when the caller is cancelled. `gather`: None for the default."""
        gather = GATHER_S if gather is None else gather
        return await self._finish(asyncio.ensure_future(self._keeper.fanout(commands, gather=gather)))

    async def stop(self, scope: str, *, latch: bool, origin: Origin) -> list[Handle]:
        """`Keeper.stop`, finished even when the caller is cancelled."""
        return await self._finish(
            asyncio.ensure_future(self._keeper.stop(scope, latch=latch, origin=origin)),
        )

    async def drain(self) -> None:
        """Wait until every hand-over that began has ended."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _finish(self, task: asyncio.Task[T]) -> T:
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be left to hear it; the journal has the rest


class Service(Struct, frozen=True, kw_only=True):
    """Everything a request may reach."""

    keeper: Keeper
    submissions: Submissions
    timeline: Timeline
    now_us: Callable[[], int]  # the keeper's monotonic clock, in microseconds
