"""CoreBluetooth's habits, as a program meets them through Bleak.

Knows four: an attempt to connect goes on until somebody ends it; requests queue inside and are answered in their
order; an answer names its characteristic and not its request, so the newest caller gets it; and a write without
response that comes before the system is ready for it is lost in silence.
"""

import asyncio
from collections import deque
from functools import partial

from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Characteristic, Service, find_characteristics
from gattkeeper.model.operation import Operation, Write, WriteMode, kind_of
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.world.simulated_connection import SimulatedConnection

PLACES = 4
"""Writes without response that the system takes at once: a figure of ours, as it tells nobody its own."""

_SILENT = (FaultKind.NOT_FOUND, FaultKind.TRANSIENT)
"""Failures of an attempt that CoreBluetooth keeps to itself."""

_LOST = {0x08: (6, "connection_timeout"), 0x13: (7, "disconnected_by_device")}
"""HCI reason: CBError code and name. Other reasons come without a number."""


class CoreBluetooth:
    """Implements `personality.Personality`.

    `asks`: the link asks whether the system is ready (`canSendWriteWithoutResponse`) and waits until it says so
    (`peripheralIsReady`), as a link has to. One that does not loses what comes too early; `lost_writes` counts.
    Each of the `places` is free again after `sent_s`. `overlapped` counts requests that came while another one for
    the same characteristic had no answer.
    """

    def __init__(self, *, asks: bool = True, places: int = PLACES, sent_s: float = 0.03) -> None:
        self.asks = asks
        self.places = places
        self.sent_s = sent_s
        self.lost_writes = 0
        self.overlapped = 0

    def take(self, connection: SimulatedConnection) -> "CoreBluetoothConnection":
        """See `personality.Personality`."""
        return CoreBluetoothConnection(connection, self)

    def connect_fault(self, fault: Fault) -> Fault | None:
        """It has no time-out of its own: a device that is not there is waited for."""
        return None if fault.kind in _SILENT else replace(fault, stack="core_bluetooth")

    def lost_fault(self, fault: Fault) -> Fault:
        """Two reasons have a number."""
        code, name = _LOST.get(fault.code or 0, (None, fault.name))
        return replace(fault, stack="core_bluetooth", code=code, name=name)


class CoreBluetoothConnection:
    """Implements `personality.PersonalConnection`."""

    def __init__(self, connection: SimulatedConnection, habits: CoreBluetooth) -> None:
        self._connection = connection
        self._habits = habits
        self._loop = asyncio.get_running_loop()
        self._line = asyncio.Lock()  # fair: who came first is first
        self._newest: dict[tuple[str, int], asyncio.Future[AnswerValue]] = {}  # by kind and handle
        self._running: set[asyncio.Task[AnswerValue]] = set()
        self._open: set[asyncio.Future[AnswerValue]] = set()
        self._free = habits.places
        self._ready: deque[asyncio.Future[None]] = deque()

    @property
    def att_mtu(self) -> int:
        """ATT_MTU in force, in bytes."""
        return self._connection.att_mtu

    @property
    def services(self) -> tuple[Service, ...]:
        """The attribute table."""
        return self._connection.services

    @property
    def can_send_write_without_response(self) -> bool:
        """Whether the system takes one now."""
        return self._free > 0

    async def perform(self, operation: Operation) -> AnswerValue:
        """Run one operation once. Raises LinkError; waits for ever when a newer caller gets its answer."""
        if isinstance(operation, Write) and operation.mode is WriteMode.WITHOUT_RESPONSE:
            return await self._write_without_response(operation)
        if self._connection.down is not None:
            return await self._connection.perform(operation)
        key = self._key(operation)
        self._habits.overlapped += key in self._newest
        answer: asyncio.Future[AnswerValue] = self._loop.create_future()
        self._newest[key] = answer
        self._open.add(answer)
        answer.add_done_callback(self._open.discard)
        running = self._loop.create_task(self._in_line(operation))
        self._running.add(running)
        running.add_done_callback(partial(self._answered, key))
        return await answer

    async def disconnect(self, *, quick: bool = False) -> str:
        """See `ports.LinkConnection`."""
        return await self._connection.disconnect(quick=quick)

    def claims(self, characteristic: Characteristic, payload: bytes) -> bool:
        """A read of the same characteristic is under way: one callback serves both, and the read gets it."""
        answer = self._newest.pop(("read", characteristic.handle), None)
        if answer is None or answer.done():
            return False
        answer.set_result(payload)
        return True

    def ended(self, fault: Fault) -> None:
        """Whoever still waits is told that the connection is down."""
        for answer in list(self._open):
            if not answer.done():
                answer.set_exception(LinkError(replace(fault, ran=Ran.MAYBE)))
        for waiting in self._ready:
            if not waiting.done():
                waiting.set_exception(LinkError(replace(fault, ran=Ran.NO)))
        self._ready.clear()

    def _key(self, operation: Operation) -> tuple[str, int]:
        """What an answer is known by: the kind of callback, and the characteristic's handle where there is one."""
        target = getattr(operation, "target", None)
        known = find_characteristics(self.services, target) if target is not None else ()
        return kind_of(operation), known[0].handle if known else 0

    async def _in_line(self, operation: Operation) -> AnswerValue:
        async with self._line:
            return await self._connection.perform(operation)

    def _answered(self, key: tuple[str, int], running: "asyncio.Task[AnswerValue]") -> None:
        """The newest caller of the characteristic gets it, whoever asked."""
        self._running.discard(running)
        error = None if running.cancelled() else running.exception()
        answer = self._newest.pop(key, None)
        if answer is None or answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(running.result())

    async def _write_without_response(self, operation: Write) -> AnswerValue:
        while not self.can_send_write_without_response:
            if not self._habits.asks:
                self._habits.lost_writes += 1
                return None
            ready: asyncio.Future[None] = self._loop.create_future()
            self._ready.append(ready)
            await ready
        self._free -= 1
        self._loop.call_later(self._habits.sent_s, self._sent)
        return await self._connection.perform(operation)

    def _sent(self) -> None:
        """One is on the air: the system is ready for another (`peripheralIsReady`)."""
        self._free += 1
        while self._ready:
            waiting = self._ready.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return
