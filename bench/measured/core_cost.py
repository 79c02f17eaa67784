"""What the pure core takes for one command from submission over its intent and its answer to the next one's
turn, and what a command occupies while it waits. The line is kept at one length meanwhile. With a journal a
command is three events: submitted, its intent recorded, answered; the first finds the device busy and only
enters the line and looks at the gauges, the last ends one command and begins the next. The floor of the
memory is the least that any queue keeps: a tuple in a heap, a future, and the command as a dictionary of six
keys.
"""

import asyncio
import gc
import heapq
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from gattkeeper.core import effects, events
from gattkeeper.core.limits import Limits
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Connect, Write
from gattkeeper.world import run_virtual
from measured.air import Air, kept, level
from measured.figures import Figure, Goal, Tick, Unit

TITLE = "The cost of the core (processor time)"
PLENTY = Limits(queue_max=10_000_000, queue_per_device_max=10_000_000)
LEVEL = characteristic_ref("fe51")
COMMANDS = 2_000
"""Carried out for one sample."""


class Line:
    """A connected device with commands in line, and the stack that answers them at once."""

    def __init__(self, waiting: int) -> None:
        self.now = 0
        self.count = 0
        self.scheduler = Scheduler(PLENTY)
        self.owed: effects.Dispatch | None = None
        self.feed(events.AdapterAdded(adapter="hci", slots=5))
        self.feed(events.DeviceAdded(device="lamp", adapter="hci"))
        self.feed(events.Submitted(command=Command(id="connect", device="lamp", operation=Connect())))
        self.feed(events.Connected(device="lamp", epoch=1))
        for _ in range(waiting + 1):
            self.submit()

    def feed(self, event: events.Event) -> None:
        """One event, and the disk's part of what it causes."""
        self.now += 10
        for effect in self.scheduler.handle(event, self.now):
            if isinstance(effect, effects.RecordIntent):
                self.feed(events.IntentRecorded(device="lamp", token=effect.token))
            elif isinstance(effect, effects.Dispatch):
                self.owed = effect

    def submit(self) -> None:
        """One more in line."""
        self.count += 1
        operation = Write(target=LEVEL, payload=self.count.to_bytes(4, "big"))
        command = Command(id=f"c-{self.count}", device="lamp", operation=operation, deadline_us=3_600_000_000)
        self.feed(events.Submitted(command=command))

    def answer(self) -> None:
        """The one in flight has its answer."""
        if self.owed is not None:
            self.feed(events.Answered(device="lamp", epoch=self.owed.epoch, token=self.owed.token))

    def cost(self) -> float:
        """Seconds for a command, with the line as long afterwards as before."""
        gc.collect()
        began = time.process_time()
        for _ in range(COMMANDS):
            self.submit()
            self.answer()
        return (time.process_time() - began) / COMMANDS


async def held_with_handle(count: int) -> float:
    """The same for a command whose caller has it through a keeper."""
    air = Air()
    async with kept(air) as standing:
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(count):
            await standing.write(level(number))
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    return taken / count


def held(make: Callable[[], Any], count: int) -> float:
    """Bytes that one of `count` things occupies."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = make()
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    del kept
    return taken / count


def floor(count: int) -> Any:
    """The least a queue holds."""
    loop = asyncio.new_event_loop()
    line: list[tuple[int, int, Any, Any]] = []
    for number in range(count):
        command = {
            "id": f"c-{number}",
            "device": "lamp",
            "payload": number.to_bytes(4, "big"),
            "at": number * 10,
            "deadline": number * 10 + 3_600_000_000,
            "priority": 2,
        }
        heapq.heappush(line, (2, number, loop.create_future(), command))
    loop.close()
    return line


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    rounds = 3 if quick else 9
    tick("filling the lines")
    length = 10_000 if quick else 100_000
    short, long = Line(100), Line(length)
    of_short, of_long = [], []
    for number in range(rounds):
        tick(f"commands, {number + 1} of {rounds}")
        of_short.append(short.cost())
        of_long.append(long.cost())
    del short, long
    tick("memory")
    count = 5_000 if quick else 20_000
    repeats = range(1 if quick else 3)
    of_floor = tuple(held(lambda: floor(count), count) for _ in repeats)
    of_core = tuple(held(lambda: Line(count), count) for _ in repeats)
    of_keeper = tuple(run_virtual(held_with_handle(count)) for _ in repeats)
    return [
        Figure(
            name="one command",
            ours_is=f"{length:,} wait".replace(",", " "),
            theirs_is="100 wait",
            ours=tuple(of_long),
            theirs=tuple(of_short),
            goal=Goal(limit=3),
        ),
        *(
            Figure(
                name="memory of a command that waits",
                ours_is=whose,
                theirs_is="floor",
                ours=taken,
                theirs=of_floor,
                goal=Goal(limit=4, stretch=2),
                unit=Unit.BYTES,
                of="G4",
            )
            for whose, taken in (("core", of_core), ("keeper, with the caller's handle", of_keeper))
        ),
    ]
