"""Bonds that are given up without a connection, each in a task of its own, bounded.

Knows how to run, bound and end what a link does about them. When one may begin, the core decides.
"""

from collections.abc import Callable

from gattkeeper.core import effects, events
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.runtime.errands import Errands
from gattkeeper.runtime.ports import Link
from gattkeeper.runtime.recoveries import fault_within

FORGET_TIMEOUT_S = 10.0
"""How long a link may take: as long as any attempt, by default."""

_TIMED_OUT = Fault(
    kind=FaultKind.TIMED_OUT, ran=Ran.MAYBE, stack="keeper", name="forget_timeout", text="it did not end in time"
)


class Forgetting:
    """`feed` gets `Answered` or `Failed` for each, whatever the link does."""

    def __init__(self, feed: Callable[[events.Event], None], jitter: Callable[[], float]) -> None:
        self._feed = feed
        self._jitter = jitter
        self._errands = Errands()

    def start(self, link: Link, effect: effects.Forget, device: DeviceAddress) -> None:
        """Do it; returns at once."""
        self._errands.start(self._run(link, effect, device))

    async def close(self) -> None:
        """End what runs."""
        await self._errands.close()

    async def _run(self, link: Link, effect: effects.Forget, device: DeviceAddress) -> None:
        fault = await fault_within(FORGET_TIMEOUT_S, link.forget(device), late=_TIMED_OUT)
        name, epoch, token = effect.device, effect.epoch, effect.token
        if fault is None:
            self._feed(events.Answered(device=name, epoch=epoch, token=token))
        else:
            self._feed(events.Failed(device=name, epoch=epoch, token=token, fault=fault, jitter=self._jitter()))
