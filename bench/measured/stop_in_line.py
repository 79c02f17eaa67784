"""Time from asking for an emergency stop to its bytes at the device, or until its caller knows that the device
has acknowledged it, in virtual time on a radio with a connection interval of 30 ms. Theirs is what many
programs do: an `asyncio.Lock` around each write, which is first in, first out; the stop is the next write, over
the same link. The stop is asked for at different moments of the first write's flight.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

from msgspec import Struct

from gattkeeper.world import AttOpcode, Drop, Match, Moment, Rule, run_virtual
from measured.air import INTERVAL_S, Air, Kept, Locked, kept, level, locked
from measured.figures import Figure, Goal, Tick, Unit

TITLE = "An emergency stop behind other commands (virtual time)"
WRITES = 100
BYPASSING = "behind 100 writes, may bypass"
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


async def story(
    holder: Holder, prepare: Prepare, writes: int, phase_s: float, *, may_bypass: bool, confirmed: bool
) -> float:
    """One stop; how long it took to the device, or until its caller knows of it, in seconds."""
    air = Air()
    async with holder(air, may_bypass=may_bypass) as standing:
        await asyncio.sleep(SETTLING_S)
        await prepare(air, standing)
        for number in range(writes):
            await standing.write(level(number))
        await asyncio.sleep(phase_s)
        asked_at = asyncio.get_running_loop().time()
        await standing.stop()
        if not confirmed:
            return await air.at_device - asked_at
        await standing.confirmed()
        return asyncio.get_running_loop().time() - asked_at


def samples(
    holder: Holder,
    prepare: Prepare,
    phases: int,
    *,
    writes: int = WRITES,
    may_bypass: bool = False,
    confirmed: bool = False,
) -> tuple[float, ...]:
    """Stops asked for at moments spread over the flight of one write, which takes two intervals."""
    moments = [2 * INTERVAL_S * (number + 0.5) / phases for number in range(phases)]
    return tuple(
        run_virtual(story(holder, prepare, writes, moment, may_bypass=may_bypass, confirmed=confirmed))
        for moment in moments
    )


class Row(Struct, frozen=True, kw_only=True):
    """One kind of stop: what the device does, what is said to `samples`, and how much sooner it should be."""

    name: str
    prepare: Prepare = nothing
    said: tuple[tuple[str, bool | int], ...] = ()
    goal: Goal
    of: str = ""


ROWS = (
    Row(name="behind 100 writes, with response", goal=Goal(limit=70, sooner=True), of="G8"),
    Row(name=BYPASSING, said=(("may_bypass", True),), goal=Goal(limit=200, sooner=True), of="G8"),
    Row(name="behind 100 writes, the first never answered", prepare=silence, goal=Goal(limit=20, sooner=True)),
    Row(
        name="behind 100 writes, the first never answered, may bypass",
        prepare=silence,
        said=(("may_bypass", True),),
        goal=Goal(limit=1000, sooner=True),
    ),
    Row(name="behind 100 writes, under notifications", prepare=flood, goal=Goal(limit=70, sooner=True)),
    Row(
        name="behind 100 writes, until its caller knows",
        said=(("confirmed", True),),
        goal=Goal(limit=50, sooner=True),
    ),
    Row(
        name="behind 100 writes, the first never answered, until its caller knows",
        prepare=silence,
        said=(("confirmed", True),),
        goal=Goal(limit=20, sooner=True),
    ),
    Row(name="nothing in flight", said=(("writes", 0),), goal=Goal(limit=1.001)),
)


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    take = partial(samples, phases=9 if quick else 27)
    locks: dict[object, tuple[float, ...]] = {}
    figures = []
    for row in ROWS:
        tick(row.name)
        theirs_said = tuple(one for one in row.said if one[0] != "may_bypass")  # a lock lets nobody past
        asked = (row.prepare, theirs_said)
        if asked not in locks:
            locks[asked] = take(locked, row.prepare, **dict(theirs_said))
        figures.append(
            Figure(
                name=row.name,
                ours_is="gattkeeper",
                theirs_is="lock",
                ours=take(kept, row.prepare, **dict(row.said)),
                theirs=locks[asked],
                goal=row.goal,
                of=row.of,
            )
        )
    return [*figures, latest(next(one for one in figures if one.name == BYPASSING))]


def latest(bypassing: Figure) -> Figure:
    """The slowest of those that go past what is in flight."""
    return Figure(
        name="the latest of those that may bypass, in connection intervals",
        ours_is="gattkeeper",
        theirs_is="limit",
        ours=(max(bypassing.ours) / INTERVAL_S,),
        theirs=(1.0,),
        goal=Goal(limit=1.001),
        unit=Unit.COUNT,
        of="G8",
    )
