"""Processor time from `Keeper.stop` to the stop's packet on the air, past a write that is in flight. The bare
write without response goes over the same link with no keeper around it: what the stack alone takes; Bumble's is
the same through Bumble alone, with none of our code and none of our corrections, once as many commands have been
put in line beside it: that leaves none of what either needs in the processor's caches. Behind a long queue theirs
is also the same stop with 100 in line, because how many wait must not matter: they end after it is handed over.
The stop may bypass, so that no answer is waited for; the radio is virtual, and none of its time counts.
"""

import asyncio
import time

from msgspec import Struct

from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write, WriteMode
from gattkeeper.world import run_virtual
from measured.air import INTERVAL_S, STOP, STOP_PAYLOAD, Air, Kept, Locked, kept, level, locked
from measured.bare_bumble import NotedLink, bare_level
from measured.figures import Figure, Goal, Tick

TITLE = "An emergency stop in front of a long queue (processor time)"
BARE_STOP = Write(target=characteristic_ref(STOP), payload=STOP_PAYLOAD, mode=WriteMode.WITHOUT_RESPONSE)
FEW = 100
SAMPLES = {10_000: (2, 9), 100_000: (0, 3)}
"""By how many wait: how many samples, quick or in full."""
_BECAUSE = (
    "A stop is a command, with a row on record and the phases that its caller is told; Bumble's write is a call."
    " The same code runs whatever the length of the line, but nothing of it is in the processor's caches then."
)
BARE_SAMPLES = (51, 301)
SETTLING_S = 1.0


async def bare(standing: Locked, air: Air) -> float:
    """A write without response from an idle program."""
    air.on_air.clear()
    asked_at = time.process_time()
    await standing.connection.perform(BARE_STOP)
    await asyncio.sleep(SETTLING_S)
    return air.on_air[0] - asked_at


async def in_line(standing: Kept, waiting: int) -> None:
    """One write is in flight, and so many wait."""
    for number in range(waiting + 1):
        await standing.write(level(number))
    await asyncio.sleep(INTERVAL_S / 10)


async def stop_behind(standing: Kept, air: Air, waiting: int) -> float:
    """A stop in front of so many."""
    await in_line(standing, waiting)
    air.on_air.clear()
    asked_at = time.process_time()
    await standing.stop()
    await asyncio.sleep(SETTLING_S)
    return air.on_air[0] - asked_at


async def against_bare(count: int) -> tuple[list[float], list[float]]:
    """Stops with nothing in line, and bare writes, in turn."""
    ours, theirs = [], []
    kept_air, bare_air = Air(), Air()
    async with kept(kept_air, may_bypass=True) as keeper, locked(bare_air) as program:
        for _ in range(count):
            theirs.append(await bare(program, bare_air))
            ours.append(await stop_behind(keeper, kept_air, 0))
    return ours, theirs


async def bumble_beside(standing: Kept, waiting: int) -> float:
    """A write without response of Bumble's, to its packet on Bumble's own link, while so many wait elsewhere."""
    link = NotedLink()
    async with bare_level(link) as lamp:
        for _ in range(3):  # the first ones warm up
            await lamp.write_value(STOP_PAYLOAD, with_response=False)
        await in_line(standing, waiting)
        link.on_air.clear()
        asked_at = time.process_time()
        await lamp.write_value(STOP_PAYLOAD, with_response=False)
        await asyncio.sleep(INTERVAL_S / 10)
        taken = link.on_air[0] - asked_at
    await standing.stop()
    await asyncio.sleep(SETTLING_S)
    return taken


class Behind(Struct, frozen=True, kw_only=True):
    """Stops behind many, and what was measured in turn with them."""

    many: tuple[float, ...]
    few: tuple[float, ...]
    bumble: tuple[float, ...]


async def behind(count: int, length: int) -> Behind:
    """Stops behind so many, stops behind few, and Bumble's writes, in turn."""
    many, few, bumble = [], [], []
    for _ in range(count):
        air = Air()
        async with kept(air, may_bypass=True) as keeper:
            few.append([await stop_behind(keeper, air, FEW) for _ in range(3)][-1])  # the first ones warm up
            bumble.append(await bumble_beside(keeper, length))
            many.append(await stop_behind(keeper, air, length))
    return Behind(many=tuple(many), few=tuple(few), bumble=tuple(bumble))


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    tick("nothing waits")
    ours, theirs = run_virtual(against_bare(BARE_SAMPLES[not quick]))
    figures = [_figure("nothing waits", "bare write", tuple(ours), tuple(theirs), Goal(limit=4))]
    lengths = {length: counts[not quick] for length, counts in SAMPLES.items() if counts[not quick]}
    for length, count in lengths.items():
        tick(f"{length} wait")
        taken = run_virtual(behind(count, length))
        name = f"{length:,} commands wait".replace(",", " ")
        of = "G7" if length == max(lengths) else ""
        bumble = Goal(limit=2, stretch=1.3)
        figures.append(_figure(name, "Bumble's bare write", taken.many, taken.bumble, bumble, of=of))
        figures.append(_figure(name, f"{FEW} wait", taken.many, taken.few, Goal(limit=2), of=of))
    return figures


def _figure(
    name: str, theirs_is: str, ours: tuple[float, ...], theirs: tuple[float, ...], goal: Goal, of: str = ""
) -> Figure:
    return Figure(
        name=name,
        ours_is="`stop`",
        theirs_is=theirs_is,
        ours=ours,
        theirs=theirs,
        goal=goal,
        of=of,
        because=_BECAUSE,
    )
