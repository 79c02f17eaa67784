"""The owner of a simulated link in tests: hears what connections tell, and makes them.

Knows the link's port only.
"""

import asyncio
from collections.abc import Awaitable, Callable

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Characteristic
from gattkeeper.model.outcome import Phase
from gattkeeper.runtime.ports import LinkConnection, Sighting
from gattkeeper.world import LinkAction, LinkMatch, LinkMoment, LinkRule, SimulatedLink, run_virtual
from sim.scene import device


class Heard:
    """Implements `ports.ConnectionEvents`."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []
        self.payloads: list[bytes] = []
        self.faults: list[Fault] = []
        self.news: list[tuple[int | None, str | None]] = []
        self.pairings: list[bool] = []

    def progress(self, phase: Phase) -> None:
        self.phases.append(phase)

    def sighted(self, sighting: Sighting) -> None:
        """Simulated links find their devices without advertisements."""

    def notification(self, characteristic: Characteristic, payload: bytes) -> None:
        self.payloads.append(payload)

    def updated(self, *, att_mtu: int | None = None, table: str | None = None) -> None:
        self.news.append((att_mtu, table))

    def pairing(self, *, under_way: bool) -> None:
        self.pairings.append(under_way)

    def asking(self) -> None:
        """Nobody is asked."""

    def lost(self, fault: Fault) -> None:
        self.faults.append(fault)


class Scene:
    """One lamp behind one link, connected on demand."""

    def __init__(self, **settings) -> None:
        self.lamp = device("lamp")
        self.link = SimulatedLink([self.lamp], **settings)
        self.heard = Heard()
        self.adapter: list[tuple[bool, Fault | None]] = []

    async def connect(self) -> LinkConnection:
        await self.link.open(lambda up, fault: self.adapter.append((up, fault)))
        return await self.link.connect(self.lamp.address, self.heard)

    def rule(self, moment: LinkMoment, action: LinkAction, **match) -> None:
        self.link.rules.append(LinkRule(LinkMatch(moment=moment, **match), action))


def play(story: Callable[[Scene], Awaitable[None]], **settings) -> None:
    async def run() -> None:
        await story(Scene(**settings))

    run_virtual(run())


async def fault_of(call: Awaitable[object]) -> Fault:
    try:
        await call
    except LinkError as error:
        return error.fault
    raise AssertionError("the call should have failed")


async def hangs(call: Awaitable[object], seconds: float = 60.0) -> bool:
    """Whether it is still without an answer after so long; it is cancelled then."""
    try:
        await asyncio.wait_for(call, seconds)
    except TimeoutError:
        return True
    return False
