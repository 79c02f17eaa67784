"""The queues that traps are set for: the keeper, and the two that articles build.

Knows how each is built, asked and taken down.
"""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Operation, Write
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import SimulatedLink, VirtualDevice, run_virtual
from runtime.house import Watch
from seeds.callback_gatt import CallbackGatt, Unheard
from seeds.queue_of_article_001 import QueueOfArticle001
from seeds.queue_of_article_002 import CRITICAL, Command002, QueueOfArticle002
from seeds.subject import Reply, Subject, Ticket
from sim.scene import STOP, Book, device

S = TypeVar("S", bound=Subject)


class Ours:
    """Implements `Subject` over a keeper."""

    def __init__(self, limits: Limits | None = None, lamp: VirtualDevice | None = None) -> None:
        self.device = lamp or device("lamp")
        self.link = SimulatedLink([self.device])
        self.watch = Watch()
        self.keeper = Keeper(
            links={"adapter": self.link},
            book=Book({"lamp": DeviceRules(address=self.device.address)}),
            observers=(self.watch,),
            limits=limits,
        )
        self._kept: list[tuple[Command, Command]] = []
        self._handles: dict[Ticket, Handle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        await self.keeper.start()
        await self.keeper.device("lamp").connect()

    async def call(self, operation: Operation, timeout_s: float = 5.0) -> None:
        await (await self.keeper.submit(self._command(operation, timeout_s))).wait()

    def submit(self, operation: Operation, *, timeout_s: float = 5.0) -> Ticket:
        ticket = Ticket()
        self._spawn(self._run(ticket, self._command(operation, timeout_s)))
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        self.keeper.cancel(self._handles[ticket].id)

    def stop(self) -> Ticket:
        ticket = Ticket()
        self._spawn(self._stop(ticket))
        return ticket

    async def close(self) -> None:
        await self.keeper.close()
        await asyncio.gather(*self._tasks)

    def changed(self) -> list[str]:
        return [before.id for before, after in self._kept if before != after]

    def times(self) -> list[float]:
        return [mark.at_us / 1e6 for mark in self.watch.marks]

    def set_wall_clock(self, seconds: float) -> None:
        """There is none in the keeper that decides or orders anything."""

    def _command(self, operation: Operation, timeout_s: float) -> Command:
        return Command(
            device="lamp",
            operation=operation,
            attempt_timeout_us=int(timeout_s * 1e6),
            deadline_us=86_400_000_000,
            survive_reconnect=True,
        )

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.add(asyncio.get_running_loop().create_task(work))

    async def _run(self, ticket: Ticket, command: Command) -> None:
        handle = await self.keeper.submit(command)
        self._handles[ticket] = handle
        self._kept.append((copy.deepcopy(handle.command), handle.command))
        await self._follow(ticket, handle)

    async def _stop(self, ticket: Ticket) -> None:
        (handle,) = await self.keeper.stop("lamp")
        await self._follow(ticket, handle)

    async def _follow(self, ticket: Ticket, handle: Handle) -> None:
        outcome = await handle.wait()
        told = "done" if outcome.succeeded else outcome.cause.value
        code = outcome.fault.code if outcome.fault is not None else None
        ticket.reply = Reply(told=told, code=code, value=outcome.value)


class Of001:
    """Implements `Subject` over the queue of article 001, which has neither a stop nor a record."""

    def __init__(self) -> None:
        self.device = device("lamp")
        self.link = SimulatedLink([self.device])
        self._tasks: dict[Ticket, asyncio.Task[None]] = {}

    async def start(self) -> None:
        self._gatt = CallbackGatt(await self.link.connect(self.device.address, Unheard()))
        self.queue = QueueOfArticle001(self._gatt)

    async def call(self, operation: Operation, timeout_s: float = 5.0) -> None:
        await self.queue.submit(operation, 2, timeout_s)

    def submit(self, operation: Operation, *, timeout_s: float = 5.0) -> Ticket:
        ticket = Ticket()
        self._tasks[ticket] = asyncio.get_running_loop().create_task(self._run(ticket, operation, timeout_s))
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        self._tasks[ticket].cancel()

    def stop(self) -> Ticket:
        return Ticket()

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._gatt.close()

    def changed(self) -> list[str]:
        return []

    def times(self) -> list[float]:
        return []

    def set_wall_clock(self, seconds: float) -> None:
        """It looks at no clock on the wall."""

    async def _run(self, ticket: Ticket, operation: Operation, timeout_s: float) -> None:
        ticket.reply = await self.queue.submit(operation, 2, timeout_s)


class Of002:
    """Implements `Subject` over the queue of article 002. Its callers learn only what its log says."""

    def __init__(self, *, assigned: bool = False) -> None:
        self.device = device("lamp")
        self.link = SimulatedLink([self.device])
        self._assigned = assigned
        self._wall = 0.0
        self._times: list[float] = []
        self._tickets: dict[Command002, Ticket] = {}

    async def start(self) -> None:
        self._gatt = CallbackGatt(await self.link.connect(self.device.address, Unheard()))
        self.queue = QueueOfArticle002(self._gatt, self._log, self._wall_now, assigned=self._assigned)

    async def call(self, operation: Operation, timeout_s: float = 5.0) -> None:
        self.submit(operation, timeout_s=timeout_s)  # there is nothing to wait for

    def submit(self, operation: Operation, *, timeout_s: float = 5.0) -> Ticket:
        command = Command002(operation, timeout_s=timeout_s, made_at=self._wall_now())
        self.queue.submit(command)
        return self._tickets.setdefault(command, Ticket())

    def cancel(self, ticket: Ticket) -> None:
        """There is no such thing."""

    def stop(self) -> Ticket:
        operation = Write(target=characteristic_ref(STOP), payload=b"S")
        command = Command002(operation, priority=CRITICAL, timeout_s=2.0, retries_max=3, made_at=self._wall_now())
        self.queue.stop(command)
        return self._tickets.setdefault(command, Ticket())

    async def close(self) -> None:
        await self.queue.shutdown()
        await self._gatt.close()

    def changed(self) -> list[str]:
        return [str(one.operation) for one in self._tickets if one.retries_remaining != one.retries_max]

    def times(self) -> list[float]:
        return self._times

    def set_wall_clock(self, seconds: float) -> None:
        self._wall = seconds - asyncio.get_running_loop().time()

    def _wall_now(self) -> float:
        return self._wall + asyncio.get_running_loop().time()

    def _log(self, command: Command002, success: bool, at: float) -> None:
        self._times.append(at)
        self._tickets[command].reply = Reply(told="done" if success else "failed")


def on(make: Callable[[], S], body: Callable[[S], Awaitable[None]]) -> None:
    """Run the body of a trap on a queue, in virtual time."""

    async def run() -> None:
        subject = make()
        await subject.start()
        try:
            await body(subject)
        finally:
            await subject.close()

    run_virtual(run())
