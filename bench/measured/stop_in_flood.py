"""Processor time from `Keeper.stop` to the stop's packet on the air, past a write that is in flight. The bare
write without response goes over the same link with no keeper around it: what the stack alone takes. Behind a
long queue theirs is the same stop with 100 in line, because how many wait must not matter: some of them end with
the event that takes the stop, the others after it. The stop may bypass, so that no answer is waited for; the radio
is virtual, and none of its time counts.
"""

import asyncio
import time

from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write, WriteMode
from gattkeeper.world import run_virtual
from measured.air import INTERVAL_S, STOP, STOP_PAYLOAD, Air, Kept, Locked, kept, level, locked
from measured.figures import Figure, Goal, Tick

TITLE = "An emergency stop in front of a long queue (processor time)"
BARE_STOP = Write(target=characteristic_ref(STOP), payload=STOP_PAYLOAD, mode=WriteMode.WITHOUT_RESPONSE)
FEW = 100
SAMPLES = {10_000: (3, 9), 100_000: (1, 3)}
"""By how many wait: how many samples, quick or in full."""
BARE_SAMPLES = (51, 301)
SETTLING_S = 1.0


async def bare(standing: Locked, air: Air) -> float:
    """A write without response from an idle program."""
    air.on_air.clear()
    asked_at = time.perf_counter()
    await standing.connection.perform(BARE_STOP)
    await asyncio.sleep(SETTLING_S)
    return air.on_air[0] - asked_at


async def stop_behind(standing: Kept, air: Air, waiting: int) -> float:
    """A stop while one write is in flight, and so many wait."""
    for number in range(waiting + 1):
        await standing.write(level(number))
    await asyncio.sleep(INTERVAL_S / 10)
    air.on_air.clear()
    asked_at = time.perf_counter()
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


async def against_few(count: int, length: int) -> tuple[list[float], list[float]]:
    """Stops behind so many, and stops behind few, in turn."""
    ours, theirs = [], []
    for _ in range(count):
        air = Air()
        async with kept(air, may_bypass=True) as keeper:
            theirs.append([await stop_behind(keeper, air, FEW) for _ in range(3)][-1])  # the first ones warm up
            ours.append(await stop_behind(keeper, air, length))
    return ours, theirs


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    tick("nothing waits")
    ours, theirs = run_virtual(against_bare(BARE_SAMPLES[not quick]))
    figures = [_figure("nothing waits", "bare write", ours, theirs, limit=4)]
    for length, counts in SAMPLES.items():
        tick(f"{length} wait")
        ours, theirs = run_virtual(against_few(counts[not quick], length))
        name = f"{length:,} commands wait".replace(",", " ")
        figures.append(_figure(name, f"{FEW} wait", ours, theirs, limit=2))
    return figures


def _figure(name: str, theirs_is: str, ours: list[float], theirs: list[float], *, limit: float) -> Figure:
    return Figure(
        name=name,
        ours_is="`stop`",
        theirs_is=theirs_is,
        ours=tuple(ours),
        theirs=tuple(theirs),
        goal=Goal(limit=limit),
    )
