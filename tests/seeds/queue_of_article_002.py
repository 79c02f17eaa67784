"""A command queue as one article about medical devices builds it, translated to asyncio: a bad example on purpose.

Knows a heap by priority, a worker, a semaphore, one place for the answer, and a log of what it believes happened. Its
mistakes are kept, because the tests show that ours has none of them. The stop cancels a running task that the
original never assigns; `assigned=True` assigns it, which shows what the stop would then do.
"""

import asyncio
import heapq
from collections.abc import Callable

from gattkeeper.model.operation import Operation
from gattkeeper.model.outcome import AnswerValue
from seeds.callback_gatt import SUCCESS, CallbackGatt

CRITICAL = 0


class Command002:
    """What to do, with a counter that every attempt changes and the wall clock's time of its making."""

    def __init__(
        self,
        operation: Operation,
        *,
        priority: int = 2,
        timeout_s: float = 5.0,
        retries_max: int = 1,
        made_at: float,
    ) -> None:
        self.operation = operation
        self.priority = priority
        self.timeout_s = timeout_s
        self.retries_max = retries_max
        self.retries_remaining = retries_max
        self.made_at = made_at

    def __lt__(self, other: "Command002") -> bool:
        return self.priority < other.priority


class QueueOfArticle002:
    """`log` is told of every attempt: the command, whether it is believed to have worked, and the wall clock."""

    def __init__(
        self,
        gatt: CallbackGatt,
        log: Callable[[Command002, bool, float], None],
        wall: Callable[[], float],
        *,
        assigned: bool = False,
    ) -> None:
        self._gatt = gatt
        self._gatt.listener = self._on_answer
        self._log = log
        self._wall = wall
        self._assigned = assigned
        self._heap: list[Command002] = []
        self._news = asyncio.Event()
        self._lock = asyncio.Semaphore(1)
        self._answer: asyncio.Future[int] | None = None
        self._running: asyncio.Task[None] | None = None
        self._tasks = {asyncio.get_running_loop().create_task(self._work())}

    def submit(self, command: Command002) -> None:
        command.retries_remaining = command.retries_max
        self._offer(command)

    def stop(self, command: Command002) -> None:
        self._heap = [waiting for waiting in self._heap if waiting.priority == CRITICAL]
        if self._running is not None:
            self._running.cancel()
        if self._lock.locked():
            self._lock.release()  # and its holder releases it as well
        self._offer(command)

    async def shutdown(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._heap.clear()

    def _offer(self, command: Command002) -> None:
        heapq.heappush(self._heap, command)
        self._news.set()

    async def _work(self) -> None:
        while True:
            while not self._heap:
                self._news.clear()
                await self._news.wait()
            await self._lock.acquire()
            if not self._heap:  # a stop emptied it meanwhile
                self._lock.release()
                continue
            task = asyncio.get_running_loop().create_task(self._execute(heapq.heappop(self._heap)))
            self._tasks.add(task)
            if self._assigned:
                self._running = task
            else:
                await task

    async def _execute(self, command: Command002) -> None:
        try:
            self._answer = asyncio.get_running_loop().create_future()
            self._gatt.start(command.operation)
            async with asyncio.timeout(command.timeout_s):
                status = await self._answer
            self._log(command, status == SUCCESS, self._wall())
            if status != SUCCESS and command.retries_remaining > 0:
                command.retries_remaining -= 1
                await asyncio.sleep(0.1)
                self._offer(command)
        except TimeoutError:
            if command.retries_remaining > 0:
                command.retries_remaining -= 1
                self._offer(command)
        finally:
            self._lock.release()

    def _on_answer(self, status: int, _value: AnswerValue) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(status)
