"""The rungs of adapters' recoveries, each in a task of its own, bounded.

Knows how to run, bound and end what a link does about its adapter. Which rung is due, and when, the core decides.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gattkeeper.core import effects, events
from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.runtime.errands import Errands
from gattkeeper.runtime.ports import Link
from gattkeeper.runtime.sessions import outlast, unexpected

RUNG_TIMEOUT_S = 30.0
"""How long one rung may take: a service that is restarted needs most of it, a power cycle half a second."""

_TIMED_OUT = Fault(
    kind=FaultKind.TIMED_OUT, ran=Ran.MAYBE, stack="keeper", name="rung_timeout", text="it did not end in time"
)


class Recoveries:
    """`feed` gets `RecoveryDone` for each rung, whatever the link does."""

    def __init__(self, feed: Callable[[events.Event], None]) -> None:
        self._feed = feed
        self._errands = Errands()

    def start(self, link: Link, effect: effects.Recover, device: DeviceAddress) -> None:
        """Do it; returns at once."""
        self._errands.start(self._run(link, effect, device))

    async def close(self) -> None:
        """End what runs."""
        await self._errands.close()

    async def _run(self, link: Link, effect: effects.Recover, device: DeviceAddress) -> None:
        fault = await fault_within(RUNG_TIMEOUT_S, link.recover(effect.rung, device), late=_TIMED_OUT)
        self._feed(
            events.RecoveryDone(
                adapter=effect.adapter, rung=effect.rung, device=effect.device, alone=effect.alone, fault=fault
            )
        )


async def fault_within(limit_s: float, call: Coroutine[Any, Any, None], *, late: Fault) -> Fault | None:
    """Run a link's call, bounded. Gives what went wrong: whatever it raised, or `late` when it took too long."""
    task = asyncio.get_running_loop().create_task(call)
    try:
        await asyncio.wait({task}, timeout=limit_s)
    finally:
        in_time = task.done()
        await outlast(task)
    return _fault_of(task) if in_time else late


def _fault_of(task: "asyncio.Task[None]") -> Fault | None:
    if task.cancelled():
        return unexpected(asyncio.CancelledError(), Ran.MAYBE)
    match task.exception():
        case None:
            return None
        case LinkError() as error:
            return error.fault
        case BaseException() as error:
            return unexpected(error, Ran.MAYBE)
