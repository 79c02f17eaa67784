"""The virtual world that tests and the demo stand on. A day must fit into a test: ten minutes in which one lamp
is written to all the time, over the complete stacks of both ends and at an interval of 30 ms, against the time
they really took. And a house must cost nothing while nobody does anything: a hundred devices that advertise
every second, each with the stack of a device, against the share of a processor that they may take.
"""

import asyncio
import time

from gattkeeper.world import VirtualDevice, VirtualRadio, VirtualService, run_virtual
from measured.air import Air, level, locked
from measured.figures import Figure, Goal, Tick

TITLE = "The virtual world"
SPAN_S, QUICK_SPAN_S = 600.0, 60.0
DEVICES = 100
ADVERTISING_S = 1.0
SHARE_MAX = 0.05


async def written(span_s: float) -> float:
    """Real seconds that so many virtual ones of writes took."""
    air = Air()
    async with locked(air) as program:
        loop = asyncio.get_running_loop()
        over_at, began = loop.time() + span_s, time.process_time()
        count = 0
        while loop.time() < over_at:
            count += 1
            await program.connection.perform(level(count))
        return time.process_time() - began


async def rested(span_s: float) -> float:
    """The share of a processor that the devices take."""
    radio = VirtualRadio()
    await radio.adapter("C0:00:00:00:00:01")()
    for number in range(DEVICES):
        device = VirtualDevice(f"lamp{number}", f"F0:00:00:00:00:{number:02X}", (VirtualService("fe50", ()),))
        await radio.add(device, advertising_interval_s=ADVERTISING_S)
    began = time.process_time()
    await asyncio.sleep(span_s)
    share = (time.process_time() - began) / span_s
    await radio.close()
    return share


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    rounds, span_s = (2, QUICK_SPAN_S) if quick else (5, SPAN_S)
    tick("ten minutes of writes")
    real = tuple(run_virtual(written(span_s)) for _ in range(rounds))
    tick(f"{DEVICES} devices at rest")
    shares = tuple(run_virtual(rested(span_s)) for _ in range(rounds))
    return [
        Figure(
            name=f"{span_s:g} seconds of writes",
            ours_is="the processor's time",
            theirs_is="virtual time",
            ours=real,
            theirs=(span_s,) * rounds,
            goal=Goal(limit=200, sooner=True),
            of="G12",
        ),
        Figure(
            name=f"{DEVICES} devices at rest, in a second",
            ours_is="the processor's time",
            theirs_is="limit",
            ours=shares,
            theirs=(SHARE_MAX,) * rounds,
            goal=Goal(limit=1),
            of="G12",
        ),
    ]
