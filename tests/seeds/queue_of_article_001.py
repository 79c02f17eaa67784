"""A command queue as one article about BLE on phones builds it, translated to asyncio: a bad example on purpose.

Knows a heap by priority, a flag, one place for who waits for an answer, and a watchdog per command. Its mistakes are
kept, because the tests show that ours has none of them. Threads of the original may run between two steps; where
that matters the translation lets the loop take a turn.
"""

import asyncio
import heapq

from gattkeeper.model.operation import Operation
from gattkeeper.model.outcome import AnswerValue
from seeds.callback_gatt import SUCCESS, CallbackGatt
from seeds.subject import Reply


class Queued:
    """A command in the heap: compared by its priority and by nothing else."""

    def __init__(
        self, operation: Operation, priority: int, timeout_s: float, caller: "asyncio.Future[Reply]"
    ) -> None:
        self.operation = operation
        self.priority = priority
        self.timeout_s = timeout_s
        self.caller = caller

    def __lt__(self, other: "Queued") -> bool:
        return self.priority < other.priority


class QueueOfArticle001:
    """One operation at a time, as long as nothing takes longer than its time-out."""

    def __init__(self, gatt: CallbackGatt) -> None:
        self._gatt = gatt
        self._gatt.listener = self._on_answer
        self._loop = asyncio.get_running_loop()
        self._heap: list[Queued] = []
        self._executing = False
        self._pending: asyncio.Future[Reply] | None = None

    async def submit(self, operation: Operation, priority: int, timeout_s: float) -> Reply:
        caller: asyncio.Future[Reply] = self._loop.create_future()
        heapq.heappush(self._heap, Queued(operation, priority, timeout_s, caller))
        self._process_next()
        return await caller

    def _process_next(self) -> None:
        if self._executing:
            return
        self._executing = True
        if not self._heap:
            self._loop.call_soon(self._rest)  # another thread may submit before the flag is cleared
            return
        following = heapq.heappop(self._heap)
        self._pending = following.caller
        self._loop.call_later(following.timeout_s, self._watchdog)  # never taken back
        self._gatt.start(following.operation)

    def _rest(self) -> None:
        self._executing = False

    def _watchdog(self) -> None:
        self._resume(Reply(told="timeout"))

    def _on_answer(self, status: int, value: AnswerValue) -> None:
        self._resume(Reply(told="done" if status == SUCCESS else "failed", code=status, value=value))

    def _resume(self, reply: Reply) -> None:
        caller, self._pending = self._pending, None
        if caller is not None and not caller.done():
            caller.set_result(reply)
        self._executing = False
        self._process_next()
