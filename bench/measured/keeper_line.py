"""What a command costs through the keeper while others wait: it is submitted, the oldest is carried out, and its
outcome is in its caller's hands, so that the line stays as long as it is. Everything that belongs to a command is
there, as above; the link holds each operation back until it is let go, so that nothing but the keeper is measured.
Processor time, against the same with 100 in line.
"""

import asyncio
import gc
import time
from collections import deque

from msgspec.structs import replace

from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.model.command import Command
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Operation
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import ConnectionEvents, DeviceRules
from measured.figures import Figure, Goal, Tick
from measured.keeper_cost import ADDRESS, PLENTY, InstantConnection, InstantLink, command

TITLE = "A long line in front of the keeper (processor time)"
FEW = 100
LENGTHS = (1, 10_000, 100_000)
QUICK_LENGTHS = (1, 10_000)
COMMANDS = 500
"""Carried out for one sample."""
_HOUR_US = 3_600_000_000


class _Connection(InstantConnection):
    """Carries out one operation each time that it may."""

    def __init__(self, events: ConnectionEvents, gate: asyncio.Semaphore) -> None:
        super().__init__(events)
        self._gate = gate

    async def perform(self, operation: Operation) -> AnswerValue:
        await self._gate.acquire()
        return await super().perform(operation)


class GatedLink(InstantLink):
    """A stack that waits until it is let go on."""

    def __init__(self) -> None:
        self.gate = asyncio.Semaphore(0)

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> InstantConnection:
        del device, demand
        return _Connection(events, self.gate)


def patient(number: int) -> Command:
    """One that may be in flight for as long as it takes to fill the lines."""
    return replace(command(number), attempt_timeout_us=_HOUR_US)


class Line:
    """A keeper with so many commands in line for one device."""

    def __init__(self) -> None:
        self._link = GatedLink()
        rules = DeviceRules(address=ADDRESS, linger_us=_HOUR_US)
        book = ProfileBook([Entry(name="lamp", rules=rules)])
        self.keeper = Keeper(links={"hci": self._link}, book=book, limits=PLENTY)
        self._waiting: deque[Handle] = deque()
        self._count = 0

    async def fill(self, waiting: int) -> None:
        """Start, connect, and submit so many, and the one in flight."""
        await self.keeper.start()
        await self.keeper.device("lamp").connect()
        for _ in range(waiting + 1):
            await self._submit()

    async def _submit(self) -> None:
        self._count += 1
        self._waiting.append(await self.keeper.submit(patient(self._count)))

    async def cost(self) -> float:
        """Seconds of the processor for one."""
        gc.collect()
        began = time.process_time()
        for _ in range(COMMANDS):
            await self._submit()
            self._link.gate.release()
            outcome = await self._waiting.popleft().wait()
            assert outcome.succeeded, outcome
        return (time.process_time() - began) / COMMANDS

    async def close(self) -> None:
        """End; what is in flight is let go as long as that takes."""
        closing = asyncio.ensure_future(self.keeper.close())
        while not closing.done():
            self._link.gate.release()
            await asyncio.sleep(0)


async def samples(lengths: tuple[int, ...], rounds: int, tick: Tick) -> dict[int, list[float]]:
    """By length, in turn."""
    lines = {length: Line() for length in lengths}
    for length, line in lines.items():
        tick(f"filling a line of {length}")
        await line.fill(length)
    costs: dict[int, list[float]] = {length: [] for length in lengths}
    for number in range(rounds):
        tick(f"commands, {number + 1} of {rounds}")
        for length, line in lines.items():
            costs[length].append(await line.cost())
    for line in lines.values():
        await line.close()
    return costs


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    lengths = QUICK_LENGTHS if quick else LENGTHS
    costs = asyncio.run(samples((FEW, *lengths), 3 if quick else 9, tick))
    return [
        Figure(
            name="a command through the keeper",
            ours_is=f"{length:,} wait".replace(",", " "),
            theirs_is=f"{FEW} wait",
            ours=tuple(costs[length]),
            theirs=tuple(costs[FEW]),
            goal=Goal(limit=3, stretch=2),
            of="G3" if length == lengths[-1] else "",
        )
        for length in lengths
    ]
