"""Time from asking for an emergency stop to its bytes at the device, in virtual time on a radio with a
connection interval of 30 ms. Theirs is what many programs do: an `asyncio.Lock` around each write, which is
first in, first out; the stop is the next write, over the same link. The stop is asked for at different moments
of the first write's flight.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

from gattkeeper.world import AttOpcode, Drop, Match, Moment, Rule, run_virtual
from measured.air import INTERVAL_S, Air, Kept, Locked, kept, level, locked
from measured.figures import Figure, Goal, Tick, Unit

TITLE = "An emergency stop behind other commands (virtual time)"
WRITES = 100
SETTLING_S = 2.0
PUSHES_PER_INTERVAL = 4
"""Of the six packets that a connection event carries here."""

Holder = Callable[..., AbstractAsyncContextManager[Kept | Locked]]
Prepare = Callable[[Air, Kept | Locked], Awaitable[None]]


async def nothing(air: Air, standing: Kept | Locked) -> None:
    """The device behaves."""


async def silence(air: Air, standing: Kept | Locked) -> None:
    """The next request never reaches the device, and is never answered."""
    del standing
    air.radio.rules.append(Rule(Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.WRITE_REQUEST, times=1), Drop()))


async def flood(air: Air, standing: Kept | Locked) -> None:
    """The device pushes values all the time."""
    await standing.subscribe()
    loop = asyncio.get_running_loop()

    def push() -> None:
        if not air.at_device.done():
            air.lamp.notify(air.pushed, b"value")
            loop.call_later(INTERVAL_S / PUSHES_PER_INTERVAL, push)

    push()


async def story(holder: Holder, prepare: Prepare, writes: int, phase_s: float, *, may_bypass: bool) -> float:
    """One stop; how long it took to the device, in seconds."""
    air = Air()
    async with holder(air, may_bypass=may_bypass) as standing:
        await asyncio.sleep(SETTLING_S)
        await prepare(air, standing)
        for number in range(writes):
            await standing.write(level(number))
        await asyncio.sleep(phase_s)
        asked_at = asyncio.get_running_loop().time()
        await standing.stop()
        return await air.at_device - asked_at


def samples(
    holder: Holder, prepare: Prepare, phases: int, *, writes: int = WRITES, may_bypass: bool = False
) -> tuple[float, ...]:
    """Stops asked for at moments spread over the flight of one write, which takes two intervals."""
    moments = [2 * INTERVAL_S * (number + 0.5) / phases for number in range(phases)]
    return tuple(run_virtual(story(holder, prepare, writes, moment, may_bypass=may_bypass)) for moment in moments)


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    take = partial(samples, phases=9 if quick else 27)
    tick("behind 100 writes, a lock")
    behind_lock = take(locked, nothing)
    tick("behind 100 writes, a keeper")
    behind_keeper = take(kept, nothing)
    bypassing = take(kept, nothing, may_bypass=True)
    tick("a device that does not answer")
    silent_lock, silent_keeper = take(locked, silence), take(kept, silence)
    silent_bypassing = take(kept, silence, may_bypass=True)
    tick("a device that pushes values")
    flood_lock, flood_keeper = take(locked, flood), take(kept, flood)
    tick("nothing in flight")
    idle_lock, idle_keeper = take(locked, nothing, writes=0), take(kept, nothing, writes=0)
    lock, keeper = "lock", "gattkeeper"

    def figure(
        name: str, ours: tuple[float, ...], theirs: tuple[float, ...], goal: Goal, *, of: str = ""
    ) -> Figure:
        return Figure(name=name, ours_is=keeper, theirs_is=lock, ours=ours, theirs=theirs, goal=goal, of=of)

    return [
        figure(
            "behind 100 writes, with response", behind_keeper, behind_lock, Goal(limit=70, sooner=True), of="G8"
        ),
        figure("behind 100 writes, may bypass", bypassing, behind_lock, Goal(limit=200, sooner=True), of="G8"),
        Figure(
            name="the latest of those that may bypass, in connection intervals",
            ours_is=keeper,
            theirs_is="limit",
            ours=(max(bypassing) / INTERVAL_S,),
            theirs=(1.0,),
            goal=Goal(limit=1.001),
            unit=Unit.COUNT,
            of="G8",
        ),
        figure(
            "behind 100 writes, the first never answered", silent_keeper, silent_lock, Goal(limit=20, sooner=True)
        ),
        figure(
            "behind 100 writes, the first never answered, may bypass",
            silent_bypassing,
            silent_lock,
            Goal(limit=1000, sooner=True),
        ),
        figure("behind 100 writes, under notifications", flood_keeper, flood_lock, Goal(limit=70, sooner=True)),
        figure("nothing in flight", idle_keeper, idle_lock, Goal(limit=1.001)),
    ]
