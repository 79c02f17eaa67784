"""What the keeper adds to one command, from `submit` to the outcome in its caller's hands, on the event loop and
with everything that belongs to it: time-out armed, cancellable, timeline kept, outcome told. The link answers
at once, so nothing but the keeper is measured. The floor is the least that could be called a queue: a heap, a
worker, a future, `asyncio.timeout`, and a task for each operation, so that one of them can be given up. The raw
write is Bumble's alone, both ends in one process, its link without connection interval and without any of our
code.

Twice the floor is not reached, and why is counted. For one command, in instructions of the interpreter and in
calls of Python (3.11), one command after the other:

    room             instructions  share   calls
    core                    2,180   58 %      70
    runtime, devices          830   22 %      36
    event loop                600   16 %      32
    model                     130    4 %       9
    together                3,750            147
    the floor               1,610

The core takes two events, submitted and answered: rules, slot, two timers, five marks of the timeline, gauges,
verdict. A command for a device with nothing to do does not stand in line; nobody watches here, so nothing is told
but the outcome; without a journal no row is made. What is not the core is as much as the floor already. The rest
is spread thin: no function of ours has more than 5 % of it. On the air a command waits for two connection events,
15 ms at the least.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from gattkeeper.core.limits import Limits
from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Characteristic, Property, Service, characteristic_ref, normal_uuid
from gattkeeper.model.identity import DeviceAddress, parse_address
from gattkeeper.model.operation import Operation, Write
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import ConnectionEvents, DeviceRules, LinkTraits, Sighting
from measured.bare_bumble import bare_level
from measured.figures import Figure, Goal, Tick

TITLE = "What the keeper adds (processor time)"
COMMANDS = 1_000
"""Carried out one after the other for one sample."""

TOGETHER = {4: "together 4", 100: "together 100", 10_000: "together 10 000"}
_BECAUSE = (
    "What the keeper does for a command is counted, in instructions of the interpreter, under the suite that says"
    " what the keeper adds, and shared out to rooms under the profile."
)

ADDRESS = parse_address("F0:00:00:00:00:01")
LEVEL = characteristic_ref("fe51")
PLENTY = Limits(queue_max=1_000_000, queue_per_device_max=1_000_000)
_TABLE = (
    Service(
        uuid=normal_uuid("fe50"),
        handle=1,
        characteristics=(
            Characteristic(
                uuid=normal_uuid("fe51"), service=normal_uuid("fe50"), handle=3, properties=Property.WRITE.value
            ),
        ),
    ),
)


class InstantConnection:
    """Implements `ports.LinkConnection`: everything succeeds at once."""

    att_mtu = 247
    services = _TABLE

    def __init__(self, events: ConnectionEvents) -> None:
        self._events = events

    async def perform(self, operation: Operation) -> AnswerValue:
        del operation
        return None

    async def disconnect(self, *, quick: bool = False) -> str:
        del quick
        return ""


class InstantLink:
    """Implements `ports.Link`: a stack that takes no time."""

    name = "instant"
    traits = LinkTraits(operations=frozenset({"connect", "disconnect", "write"}))

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None: ...

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> InstantConnection:
        del device, demand
        return InstantConnection(events)

    async def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        del duration_s
        return
        yield

    async def bonded(self, device: DeviceAddress) -> bool:
        del device
        return False

    async def close(self) -> None: ...


def command(number: int) -> Command:
    """A write with a time-out and a deadline, as callers have them."""
    operation = Write(target=LEVEL, payload=number.to_bytes(4, "big"))
    return Command(device="lamp", operation=operation, deadline_us=3_600_000_000)


async def lamp_keeper() -> Keeper:
    """A keeper with a connected lamp."""
    rules = DeviceRules(address=ADDRESS, linger_us=3_600_000_000)
    book = ProfileBook([Entry(name="lamp", rules=rules)])
    keeper = Keeper(links={"hci": InstantLink()}, book=book, limits=PLENTY)
    await keeper.start()
    await keeper.device("lamp").connect()
    return keeper


class Floor:
    """The least queue: first in, first out by priority, each operation bounded and on its own."""

    def __init__(self) -> None:
        self._line: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._news = asyncio.Event()
        self._worker = asyncio.create_task(self._work())

    def submit(self) -> asyncio.Future[None]:
        """Queue one; the future holds its end."""
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (2, next(self._count), future))
        self._news.set()
        return future

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._line:
                self._news.clear()
                await self._news.wait()
            future = heapq.heappop(self._line)[2]
            async with asyncio.timeout(10):
                await loop.create_task(_nothing())
            future.set_result(None)

    def close(self) -> None:
        """No more."""
        self._worker.cancel()


async def _nothing() -> None: ...


async def timed(once: Callable[[int], Awaitable[object]], count: int = COMMANDS) -> float:
    """Seconds for one, of `count` one after the other."""
    began = time.process_time()
    for number in range(count):
        await once(number)
    return (time.process_time() - began) / count


async def timed_together(submit: Callable[[int], Awaitable[Awaitable[object]]], count: int) -> float:
    """Seconds for one, of `count` that wait together: as often as makes a sample of those."""
    times = max(1, COMMANDS // count)
    began = time.process_time()
    for _ in range(times):
        for one in [await submit(number) for number in range(count)]:
            await one
    return (time.process_time() - began) / (count * times)


Pairs = list[tuple[float, float]]


async def samples(rounds: int, tick: Tick) -> dict[str, Pairs]:
    """By what is measured: ours and theirs, in turn."""
    keeper, floor = await lamp_keeper(), Floor()

    async def ours(number: int) -> None:
        outcome = await (await keeper.submit(command(number))).wait()
        assert outcome.succeeded, outcome

    async def submit_ours(number: int) -> Awaitable[object]:
        return (await keeper.submit(command(number))).wait()

    async def submit_theirs(_number: int) -> Awaitable[object]:
        return floor.submit()

    found: dict[str, Pairs] = {name: [] for name in ("floor", "raw", *TOGETHER.values())}
    async with bare_level() as level:

        async def raw(number: int) -> None:
            await level.write_value(number.to_bytes(4, "big"), with_response=True)

        async def theirs(_number: int) -> None:
            await floor.submit()

        for number in range(rounds):
            tick(f"{number + 1} of {rounds}")
            found["floor"].append((await timed(ours), await timed(theirs)))
            found["raw"].append((await timed(ours), await timed(raw)))
            for count, name in TOGETHER.items():
                pair = await timed_together(submit_ours, count), await timed_together(submit_theirs, count)
                found[name].append(pair)
    floor.close()
    await keeper.close()
    return found


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    found = asyncio.run(samples(2 if quick else 9, tick))

    def figure(name: str, key: str, theirs_is: str, of: str, goal: Goal) -> Figure:
        ours, theirs = zip(*found[key], strict=True)
        return Figure(
            name=name,
            ours_is="gattkeeper",
            theirs_is=theirs_is,
            ours=ours,
            theirs=theirs,
            goal=goal,
            of=of,
            because=_BECAUSE,
        )

    floor = Goal(limit=2.0, stretch=1.3)
    return [
        figure("one command after the other", "floor", "floor", "G1", floor),
        figure("one command after the other", "raw", "raw Bumble write", "G2", Goal(limit=0.15, stretch=0.09)),
        *(
            figure(f"each of {count:,} that wait together".replace(",", " "), name, "floor", "", floor)
            for count, name in TOGETHER.items()
        ),
    ]
