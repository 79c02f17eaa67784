"""Processor time from `Keeper.stop` to the stop's packet at the host controller interface. The bare write
without response goes over the same link with no keeper around it: what the stack alone takes. Behind a queue
theirs is the same stop with nothing in line, because how many wait must not matter. The stop may bypass, so
that no answer is waited for; the radio is virtual, and none of its time counts.
"""

import time

from bench.air import STOP, STOP_PAYLOAD, Air, kept, level, locked
from bench.figures import Figure, Goal, Tick
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write, WriteMode
from gattkeeper.world import run_virtual

TITLE = "An emergency stop in front of a long queue (processor time)"
BARE_STOP = Write(target=characteristic_ref(STOP), payload=STOP_PAYLOAD, mode=WriteMode.WITHOUT_RESPONSE)
SAMPLES = {0: (15, 51), 100: (15, 51), 10_000: (3, 9), 100_000: (1, 3)}
"""By how many wait: how many samples, quick or in full."""


async def bare() -> float:
    """A write without response from an idle program."""
    air = Air()
    async with locked(air) as standing:
        asked_at = time.perf_counter()
        await standing.connection.perform(BARE_STOP)
        await air.at_device
        return air.at_hci[0] - asked_at


async def stop_behind(waiting: int) -> float:
    """A stop while so many wait."""
    air = Air()
    async with kept(air, may_bypass=True) as standing:
        for number in range(waiting + 1):
            await standing.write(level(number))
        asked_at = time.perf_counter()
        await standing.stop()
        await air.at_device
        return air.at_hci[0] - asked_at


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    figures = []
    for length, counts in SAMPLES.items():
        ours, theirs = [], []
        count = counts[not quick]
        for number in range(count):
            tick(f"{length} wait, {number + 1} of {count}")
            theirs.append(run_virtual(stop_behind(0) if length else bare()))
            ours.append(run_virtual(stop_behind(length)))
        figures.append(
            Figure(
                name=f"{length:,} commands wait".replace(",", " ") if length else "nothing waits",
                ours_is="`stop`",
                theirs_is="nothing waits" if length else "bare write",
                ours=tuple(ours),
                theirs=tuple(theirs),
                goal=Goal(limit=2),
            )
        )
    return figures
