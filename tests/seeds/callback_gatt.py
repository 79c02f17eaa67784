"""A connection the way Android gives it to a program: calls that start operations, and one listener for all answers.

Knows a simulated connection. No answer says which request it belongs to: that is what the articles' queues have to
live with. A second request while one has no answer is let through, as some phones do; the link's log notes it.
"""

import asyncio
from collections.abc import Callable

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Characteristic
from gattkeeper.model.operation import Operation
from gattkeeper.model.outcome import AnswerValue, Phase
from gattkeeper.runtime.ports import LinkConnection, Sighting

SUCCESS = 0
GENERIC_ERROR = 133
"""Statuses of Android's GATT callbacks; other numbers are ATT error codes."""


class CallbackGatt:
    """`listener` is called with a status and a value for every answer."""

    def __init__(self, connection: LinkConnection) -> None:
        self.listener: Callable[[int, AnswerValue], None] = lambda _status, _value: None
        self._connection = connection
        self._running: set[asyncio.Task[None]] = set()

    def start(self, operation: Operation) -> bool:
        """Hand an operation over; whether the stack took it."""
        task = asyncio.get_running_loop().create_task(self._run(operation))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return True

    async def close(self) -> None:
        """Let go of the connection and of every answer that is still owed."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._connection.disconnect()

    async def _run(self, operation: Operation) -> None:
        try:
            value = await self._connection.perform(operation)
        except LinkError as error:
            self.listener(error.fault.code or GENERIC_ERROR, None)
        else:
            self.listener(SUCCESS, value)


class Unheard:
    """Implements `ports.ConnectionEvents`: the articles' queues are told of answers only."""

    def progress(self, phase: Phase) -> None:
        """Nobody listens."""

    def sighted(self, sighting: Sighting) -> None:
        """Nobody listens."""

    def notification(self, characteristic: Characteristic, payload: bytes) -> None:
        """Nobody listens."""

    def updated(self, *, att_mtu: int | None = None, table: str | None = None) -> None:
        """Nobody listens."""

    def pairing(self, *, under_way: bool) -> None:
        """Nobody listens."""

    def asking(self) -> None:
        """Nobody is asked."""

    def lost(self, fault: Fault) -> None:
        """Nobody listens."""
