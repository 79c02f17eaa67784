"""A keeper with two devices on a simulated link, for stories in virtual time.

Knows how to build one and to take it down again; every story ends with nothing left running.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write
from gattkeeper.model.outcome import Outcome, PhaseMark, Resolution
from gattkeeper.model.status import Alert
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules, Link
from gattkeeper.world import LinkAction, LinkMatch, LinkMoment, LinkRule, SimulatedLink, run_virtual
from sim.memory_journal import MemoryJournal, Row
from sim.scene import WRITABLE, Book, device

LOST = Fault(kind=FaultKind.LINK_LOST, ran=Ran.MAYBE, stack="test", code=0x08)


class Watch:
    """Implements `ports.Observer`: keeps everything it is told."""

    def __init__(self) -> None:
        self.ends: list[Outcome] = []
        self.accepts: list[str] = []
        self.marks: list[PhaseMark] = []
        self.connections: list[tuple[str, str]] = []
        self.availabilities: list[tuple[str, str]] = []
        self.alerts: list[Alert] = []
        self.resolutions: list[Resolution] = []

    def accepted(self, command: Command, at_us: int) -> None:
        self.accepts.append(command.id)

    def marked(self, command: Command, mark: PhaseMark) -> None:
        self.marks.append(mark)

    def ended(self, command: Command, outcome: Outcome, at_us: int) -> None:
        self.ends.append(outcome)

    def resolved(self, command: Command, resolution: Resolution, at_us: int) -> None:
        self.resolutions.append(resolution)

    def connection(self, device: str, state: str, at_us: int) -> None:
        self.connections.append((device, state))

    def availability(self, device: str, state: str, at_us: int) -> None:
        self.availabilities.append((device, state))

    def alert(self, alert: Alert, at_us: int) -> None:
        self.alerts.append(alert)


class House:
    """`lamp` and `door` on one adapter; `link` may be another one that carries the same devices."""

    def __init__(
        self,
        *,
        journal: bool = False,
        safety: bool = False,
        limits: Limits | None = None,
        recording: Path | None = None,
        recovery: bool = True,
        slots: int = 5,
        rows: Iterable[Row] = (),
        link: Callable[[SimulatedLink], Link] = lambda link: link,
        **settings: object,
    ) -> None:
        self.lamp, self.door = device("lamp", 1), device("door", 2)
        self.link = SimulatedLink([self.lamp, self.door], **settings)
        self.journal = MemoryJournal(rows=rows) if journal else None
        self.watch = Watch()
        self.book = Book(
            {one.name: DeviceRules(address=one.address, safety=safety) for one in (self.lamp, self.door)}
        )
        self.keeper = Keeper(
            links={"adapter": link(self.link)},
            book=self.book,
            journal=self.journal,
            observers=(self.watch,),
            limits=limits,
            recording=recording,
            slots={"adapter": slots},
            recovery={"adapter": recovery},
        )

    def rule(self, moment: LinkMoment, action: LinkAction, **match: object) -> LinkRule:
        rule = LinkRule(LinkMatch(moment=moment, **match), action)
        self.link.rules.append(rule)
        return rule

    def applied(self, name: str = "lamp") -> list[bytes]:
        return [one.payload for one in (self.lamp if name == "lamp" else self.door).applied]


async def nothing_left() -> None:
    """Fail when anything still runs but the caller."""
    await asyncio.sleep(0)  # tasks cancelled in the last moment end in this turn
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"outlived the keeper: {left}"


def live(story: Callable[[House], Awaitable[None]], **settings: object) -> None:
    """Run a story in a house of its own; nothing may be left of it, and nothing may have overlapped."""

    async def run() -> None:
        house = House(**settings)
        await house.keeper.start()
        try:
            await story(house)
        finally:
            await house.keeper.close()
        await nothing_left()
        assert house.link.log.violations == []

    run_virtual(run())


def write(payload: bytes = b"x", device: str = "lamp", **fields: object) -> Command:
    return Command(device=device, operation=Write(target=characteristic_ref(WRITABLE), payload=payload), **fields)


def now() -> float:
    return asyncio.get_running_loop().time()
