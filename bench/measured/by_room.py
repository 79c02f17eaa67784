"""What one command is made of: a thousand writes, one after the other, through a keeper with a connected device
whose stack answers at once, under Python's profiler. A room is a folder of `src/gattkeeper`; what a room asks
of Python itself and of other packages is theirs, not the room's. The profiler makes every call dearer by the
same amount, so rooms of many short calls look larger than they are; the numbers of calls are exact.
"""

import asyncio
import cProfile
import pstats
import time
from pathlib import Path

import gattkeeper
from measured.figures import Part, Parts, Tick
from measured.keeper_cost import command, lamp_keeper

TITLE = "Where the time of a command goes"
WARMING, COMMANDS = 200, 1_000
PACKAGE = Path(gattkeeper.__file__).parent
_ASYNCIO = Path(asyncio.__file__).parent

Stats = dict[tuple[str, int, str], tuple[int, int, float, float, object]]


async def profiled() -> cProfile.Profile:
    """The commands, and nothing before or after them."""
    keeper = await lamp_keeper()

    async def carry_out(count: int) -> None:
        for number in range(count):
            outcome = await (await keeper.submit(command(number))).wait()
            assert outcome.succeeded, outcome

    await carry_out(WARMING)
    profile = cProfile.Profile(time.process_time)  # not the time in which others had the processor
    profile.enable()
    await carry_out(COMMANDS)
    profile.disable()
    await keeper.close()
    return profile


def room_of(file: str) -> str:
    """Whose code it is."""
    path = Path(file)
    if path.is_relative_to(PACKAGE):
        return path.relative_to(PACKAGE).parts[0]
    if path.is_relative_to(_ASYNCIO) or path.name in ("selectors.py", "contextlib.py"):
        return "asyncio"
    return "this measurement" if path.is_relative_to(Path(__file__).parent) else "Python's own functions"


def parts_of(stats: Stats, commands: int) -> tuple[Part, ...]:
    """The share of each room in the time of its own functions, and its calls for a command; the largest first."""
    seconds: dict[str, float] = {}
    calls: dict[str, int] = {}
    for (file, _line, _name), (primitive, _calls, own_s, _below_s, _callers) in stats.items():
        room = room_of(file)
        seconds[room] = seconds.get(room, 0.0) + own_s
        calls[room] = calls.get(room, 0) + primitive
    total = sum(seconds.values())
    rooms = sorted(seconds, key=lambda room: -seconds[room])
    return tuple(Part(name=room, share=seconds[room] / total, calls=calls[room] / commands) for room in rooms)


def measure(*, quick: bool, tick: Tick) -> list[Parts]:
    del quick
    tick(f"{COMMANDS} commands")
    stats: Stats = pstats.Stats(asyncio.run(profiled())).stats  # type: ignore[attr-defined]
    return [Parts(name="room", parts=parts_of(stats, COMMANDS))]
