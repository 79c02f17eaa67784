"""Android's habits: one operation at a time, statuses by number, and a vendor's way with those that overlap.

Knows what a program sees of BluetoothGatt. What a number means depends on the callback it comes in, and is read by
whoever the numbers are for: `Statuses` takes the readers, `links.fault_tables.android` has them.
"""

import asyncio
from collections.abc import Callable
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Characteristic, Service
from gattkeeper.model.operation import Operation, Write, WriteMode, kind_of
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.world.simulated_connection import SimulatedConnection

GATT_ERROR = 133
SUPERVISION_TIMEOUT = 8
"""Statuses: of anything that has no better number, and of a connection that went silent."""

UNANSWERED = frozenset({"request_connection_parameters"})
"""Android asks for a connection priority and calls nobody back: give it to the simulated link."""

GUARDED = frozenset({"read", "write", "read_descriptor", "write_descriptor", "subscribe", "unsubscribe"})
"""Operations that the busy flag is about; a subscription writes a descriptor."""

RETURNED_FALSE = Fault(
    kind=FaultKind.BUSY,
    ran=Ran.NO,
    stack="android",
    name="returned_false",
    text="the call returned false: an earlier operation is not over",
)


class Overlap(Enum):
    """What a phone does to an operation that comes while another one is under way."""

    RETURNS_FALSE = "returns_false"  # the call says so at once (Pixel)
    STATUS_133 = "status_133"  # taken, and its callback says 133 (Samsung)
    DROPPED = "dropped"  # taken, and no callback ever comes (Xiaomi)


class Statuses(Struct, frozen=True, kw_only=True):
    """How numbers are read, by where they arrive."""

    connecting: Callable[[int], Fault]  # onConnectionStateChange of a connection that never came up
    lost: Callable[[int], Fault]  # the same of one that was up
    other: Callable[[int], Fault]  # every other callback


class Android:
    """Implements `personality.Personality`. `overlapped` counts operations that came while another was under way.

    `buffered_s`: a write without response is over for Android when the adapter has it, so long after the call.
    """

    def __init__(self, overlap: Overlap, statuses: Statuses, *, buffered_s: float = 0.004) -> None:
        self.overlap = overlap
        self.statuses = statuses
        self.buffered_s = buffered_s
        self.overlapped = 0

    def take(self, connection: SimulatedConnection) -> "AndroidConnection":
        """See `personality.Personality`."""
        return AndroidConnection(connection, self)

    def connect_fault(self, fault: Fault) -> Fault | None:
        """A status always comes: the cause's own where the controller gave one, else 133."""
        if fault.kind is FaultKind.ADAPTER_GONE:
            return fault
        return self.statuses.connecting(GATT_ERROR if fault.code is None else fault.code)

    def lost_fault(self, fault: Fault) -> Fault:
        """The reason as a status."""
        if fault.kind is FaultKind.ADAPTER_GONE:
            return fault
        return self.statuses.lost(SUPERVISION_TIMEOUT if fault.code is None else fault.code)


class AndroidConnection:
    """Implements `personality.PersonalConnection`."""

    def __init__(self, connection: SimulatedConnection, android: Android) -> None:
        self._connection = connection
        self._android = android
        self._busy = False
        self._loop = asyncio.get_running_loop()
        self._dropped: set[asyncio.Future[AnswerValue]] = set()

    @property
    def att_mtu(self) -> int:
        """ATT_MTU in force, in bytes."""
        return self._connection.att_mtu

    @property
    def services(self) -> tuple[Service, ...]:
        """The attribute table."""
        return self._connection.services

    async def perform(self, operation: Operation) -> AnswerValue:
        """Run one operation once. Raises LinkError; waits for ever where the phone drops it."""
        if kind_of(operation) not in GUARDED or self._connection.down is not None:
            return await self._carry_out(operation)
        if self._busy:
            self._android.overlapped += 1
            return await self._overlap()
        self._busy = True
        running = self._loop.create_task(self._carry_out(operation))
        running.add_done_callback(self._over)
        return await asyncio.shield(
            running
        )  # who stops waiting does not end it: the flag stays until the callback

    async def disconnect(self, *, quick: bool = False) -> str:
        """See `ports.LinkConnection`."""
        return await self._connection.disconnect(quick=quick)

    def claims(self, characteristic: Characteristic, payload: bytes) -> bool:
        """Never: notifications have a callback of their own."""
        del characteristic, payload
        return False

    def ended(self, fault: Fault) -> None:
        """What was dropped fails with the connection."""
        for answer in self._dropped:
            if not answer.done():
                answer.set_exception(LinkError(fault))
        self._dropped.clear()

    def _over(self, running: "asyncio.Task[AnswerValue]") -> None:
        self._busy = False
        if not running.cancelled():
            running.exception()  # looked at, as its caller may be gone

    async def _carry_out(self, operation: Operation) -> AnswerValue:
        try:
            value = await self._connection.perform(operation)
        except LinkError as error:
            raise LinkError(self._read(error.fault)) from error
        if isinstance(operation, Write) and operation.mode is WriteMode.WITHOUT_RESPONSE:
            await asyncio.sleep(self._android.buffered_s)
        return value

    async def _overlap(self) -> AnswerValue:
        match self._android.overlap:
            case Overlap.RETURNS_FALSE:
                raise LinkError(RETURNED_FALSE)
            case Overlap.STATUS_133:
                await asyncio.sleep(self._android.buffered_s)
                raise LinkError(self._android.statuses.other(GATT_ERROR))
            case Overlap.DROPPED:
                answer: asyncio.Future[AnswerValue] = self._loop.create_future()
                self._dropped.add(answer)
                answer.add_done_callback(self._dropped.discard)
                return await answer

    def _read(self, fault: Fault) -> Fault:
        """A device's refusal comes as its number; the end of a connection by another callback."""
        if self._connection.down is not None:
            return replace(self._android.lost_fault(fault), ran=fault.ran)
        return self._android.statuses.other(fault.code) if fault.stack == "att" and fault.code else fault
