"""A day in a house of twenty blinds, in virtual time: four sources submit at their own pace, for every blind,
and one call in a hundred goes wrong: an answer is lost or late, the stack is busy, the link breaks. Five of the
twenty can be connected at once. What must not grow is compared between the first hours, once everything that is
kept has been filled, and the last ones: the memory of the process, its open files, and the time from a tap to
its outcome, in the middle and of the slowest hundredth. Counted over the whole day, and compared with none:
commands without exactly one outcome, requests that overlapped on a connection, and reads that brought another
blind's value; the load above shows that they are seen.
"""

import asyncio
import gc
import os
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles

from msgspec import Struct

from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.errors import CommandError, RefusedError
from gattkeeper.links.fault_tables.hci import hci_fault
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import (
    Fail,
    LateResponse,
    LinkMatch,
    LinkMoment,
    LinkRule,
    LoseLink,
    LoseResponse,
    SimulatedLink,
    VirtualBlind,
    run_virtual,
)
from gattkeeper.world.virtual_blind import BLIND_LABEL, BLIND_TARGET
from measured.figures import NONE, Course, Figure, Finding, Goal, Tick, Unit

TITLE = "A day in a house (virtual time)"
BLINDS = 20
HOUR_S = 3600.0
HOURS, QUICK_HOURS = 24, 7
SETTLING_HOURS = 5
"""Until all that is kept, such as the outcomes that are remembered, has been filled: those do not count."""
FAULTS = 0.01
TAP_S, SYNC_S, TELEMETRY_S = 120.0, 300.0, 60.0
"""How long each source waits between two commands for one blind, on average."""

BUSY = Fault(kind=FaultKind.BUSY, ran=Ran.NO, stack="simulated", name="busy")


class Hour(Struct, frozen=True, kw_only=True):
    """What was seen at its end; seconds, bytes and a count."""

    taps: tuple[float, ...]
    resident: float
    files: float

    @property
    def median_s(self) -> float:
        return median(self.taps)

    @property
    def slowest_s(self) -> float:
        """The 99th percentile."""
        return quantiles(self.taps, n=100)[-1]


class House:
    """The blinds, the keeper, and what was seen."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - seeded dice, not secrets
        self.blinds = {
            f"blind{number:02}": VirtualBlind(f"blind{number:02}", f"F0:00:00:00:00:{number:02X}")
            for number in range(BLINDS)
        }
        self.link = SimulatedLink([blind.device for blind in self.blinds.values()], seed=seed)
        for action in (
            LoseResponse(),
            LateResponse(seconds=2.0),
            Fail(fault=BUSY),
            LoseLink(fault=hci_fault(0x08)),
        ):
            match = LinkMatch(moment=LinkMoment.OPERATION, probability=FAULTS / 4)
            self.link.rules.append(LinkRule(match, action))
        book = ProfileBook(
            Entry(name=name, rules=DeviceRules(address=blind.device.address))
            for name, blind in self.blinds.items()
        )
        self.keeper = Keeper(links={"radio": self.link}, book=book)
        self.submitted = self.ended = self.strays = self.overlaps = 0
        self.taps: list[float] = []  # of this hour, in seconds

    async def tap(self, name: str) -> None:
        """A person moves a blind, and waits."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        level = bytes([self.dice.randrange(101)])
        await self._do(name, BLIND_TARGET, level, Priority.INTERACTIVE)
        self.taps.append(loop.time() - began)

    async def sync(self, name: str) -> None:
        """A program writes what it believes."""
        await self._do(name, BLIND_LABEL, name.encode(), Priority.NORMAL)

    async def telemetry(self, name: str) -> None:
        """A program reads which blind it is; the answer must be this one's."""
        self.submitted += 1
        try:
            value = await self.keeper.device(name).read(BLIND_LABEL, priority=Priority.BACKGROUND)
        except (CommandError, RefusedError):
            pass
        else:
            self.strays += value not in (name.encode(), b"")
        self.ended += 1

    async def _do(self, name: str, characteristic: str, payload: bytes, priority: Priority) -> None:
        self.submitted += 1
        with suppress(CommandError, RefusedError):
            await self.keeper.device(name).write(characteristic, payload, priority=priority, idempotent=True)
        self.ended += 1

    async def source(self, what: str, every_s: float, name: str) -> None:
        """One of them, for one blind, as long as the day lasts."""
        while True:
            await asyncio.sleep(self.dice.expovariate(1 / every_s))
            await getattr(self, what)(name)

    def forget(self) -> None:
        """The world's own logs are not what is measured."""
        self.overlaps += len(self.link.log.violations)
        self.link.log.violations.clear()
        self.link.log.seen.clear()
        for blind in self.blinds.values():
            blind.device.applied.clear()
        gc.collect()


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * float(os.sysconf("SC_PAGE_SIZE"))


def files() -> float:
    return float(len(list(Path("/proc/self/fd").iterdir())))


class Seen(Struct, frozen=True, kw_only=True):
    """A day by the hour, and its account."""

    hours: tuple[Hour, ...]
    accepted: int
    wrong: int  # overlaps, strays, and commands without an end


async def day(hours: int) -> Seen:
    """Live through it."""
    house = House(seed=1)
    await house.keeper.start()
    paces = (("tap", TAP_S), ("sync", SYNC_S), ("telemetry", TELEMETRY_S), ("telemetry", SYNC_S))
    sources = [
        asyncio.create_task(house.source(what, every_s, name)) for name in house.blinds for what, every_s in paces
    ]
    seen = []
    for _ in range(hours):
        await asyncio.sleep(HOUR_S)
        house.forget()
        seen.append(
            Hour(
                taps=tuple(house.taps),
                resident=resident(),
                files=files(),
            )
        )
        house.taps.clear()
    for source in sources:
        source.cancel()
    await asyncio.gather(*sources, return_exceptions=True)
    await house.keeper.close()
    status = house.keeper.status()
    wrong = house.overlaps + house.strays + abs(status.accepted - status.ended)
    return Seen(hours=tuple(seen), accepted=status.accepted, wrong=wrong)


def lived(hours: int) -> Seen:
    """The same, from outside of an event loop."""
    return run_virtual(day(hours))


def alone(hours: int) -> Seen:
    """In a process of its own: what another suite has left behind would hide what grows."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(lived, hours).result()


def slowest(hours: Sequence[Hour]) -> float:
    """The 99th percentile of their taps together: an hour by itself has only a handful beyond it."""
    return quantiles([tap for hour in hours for tap in hour.taps], n=100)[-1]


def measure(*, quick: bool, tick: Tick) -> list[Finding]:
    hours = QUICK_HOURS if quick else HOURS
    tick(f"{hours} hours")
    seen = alone(hours)
    settled = seen.hours[SETTLING_HOURS:]
    part = max(len(settled) // 3, 1)
    early, late = settled[:part], settled[-part:]

    def figure(name: str, part: str, limit: float, unit: Unit) -> Figure:
        ours, theirs = (tuple(getattr(hour, part) for hour in hours) for hours in (late, early))
        return Figure(
            name=name,
            ours_is="last hours",
            theirs_is="hours before",
            ours=ours,
            theirs=theirs,
            goal=Goal(limit=limit),
            unit=unit,
        )

    def course(name: str, part: str, unit: Unit = Unit.SECONDS) -> Course:
        return Course(name=name, step="hour", values=tuple(getattr(hour, part) for hour in seen.hours), unit=unit)

    return [
        figure("from a tap to its outcome, median", "median_s", 1.1, Unit.SECONDS),
        Figure(
            name="from a tap to its outcome, 99th percentile",
            ours_is="last hours",
            theirs_is="hours before",
            ours=(slowest(late),),
            theirs=(slowest(early),),
            goal=Goal(limit=1.25),
        ),
        figure("memory", "resident", 1.05, Unit.BYTES),
        figure("open files", "files", 1, Unit.COUNT),
        Figure(
            name=f"overlaps, strays and lost of {seen.accepted} commands",
            ours_is="gattkeeper",
            theirs_is="limit",
            ours=(float(seen.wrong),),
            theirs=(0.0,),
            goal=NONE,
            unit=Unit.COUNT,
        ),
        course("from a tap to its outcome, median", "median_s"),
        course("from a tap to its outcome, 99th percentile", "slowest_s"),
        course("memory of the process", "resident", Unit.BYTES),
        course("open files", "files", Unit.COUNT),
    ]
