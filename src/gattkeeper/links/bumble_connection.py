"""One connection over Bumble: operations by raw handle, one request at a time, and exactly one end.

Knows Bumble's GATT client and its habits: after a cancelled or timed-out request it sends the next one on the
same bearer, and gives it the late answer of the first. So this connection refuses every further request then.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import assert_never

from bumble import att
from bumble.device import Connection
from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.links import bumble_bonds, bumble_link_layer
from gattkeeper.links.bumble_backlog import Backlog
from gattkeeper.links.bumble_faults import as_link_errors
from gattkeeper.links.bumble_long_write import write_long
from gattkeeper.links.bumble_reading import exchange_mtu, read_attribute
from gattkeeper.links.bumble_subscriptions import Subscriptions
from gattkeeper.links.bumble_table import BumbleTable
from gattkeeper.links.bumble_trust import BumbleTrust
from gattkeeper.links.fault_tables.hci import TERMINATED_BY_LOCAL_HOST, hci_lost_fault
from gattkeeper.links.known_tables import KnownTables
from gattkeeper.links.pairing_faults import advised
from gattkeeper.links.targets import (
    find_descriptor,
    fits,
    must_allow,
    must_fit,
    refusal,
)
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import (
    Characteristic,
    CharacteristicRef,
    Property,
    Service,
    find_characteristics,
    normal_uuid,
    table_digest,
)
from gattkeeper.model.operation import (
    Connect,
    Disconnect,
    DiscoverServices,
    Operation,
    Pair,
    Read,
    ReadDescriptor,
    ReadPhy,
    ReadRssi,
    RequestConnectionParameters,
    RequestMtu,
    SetPhy,
    Subscribe,
    SubscriptionKind,
    Unpair,
    Unsubscribe,
    Write,
    WriteDescriptor,
    WriteMode,
    kind_of,
)
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.runtime.ports import ConnectionEvents

DISCONNECT_S = 5.0
"""How long the adapter may take to disconnect; then the connection counts as lost, and the adapter as wedged."""

FIRST_COMMAND_S = 0.25
"""How long a fresh connection is left to its first command, before it begins to watch its table by itself."""

ASIDE = frozenset({"read_rssi", "read_phy"})
"""Questions to the adapter alone: no ATT bearer takes part in them."""

_SERVICE_CHANGED = normal_uuid("2a05")

_RSSI_UNKNOWN = 127
"""What an adapter reads when it has no reading (Core Specification, Vol 4, Part E, 7.5.4)."""

_BEARER_UNUSABLE = (FaultKind.TIMED_OUT, FaultKind.LINK_LOST)
"""What leaves a bearer without use: a response that is still owed, or prepared parts that nobody took back."""

_POISONED = Fault(
    kind=FaultKind.LINK_LOST,
    ran=Ran.NO,
    stack="keeper",
    name="request_abandoned",
    text="an earlier request was given up and may still be answered: disconnect first",
)
_TABLE_CHANGED = Fault(
    kind=FaultKind.STALE,
    ran=Ran.NO,
    stack="keeper",
    name="service_changed",
    text="the device changed its attribute table: handles may mean something else now",
)
_OCCUPIED = Fault(
    kind=FaultKind.BUSY, ran=Ran.NO, stack="keeper", name="request_pending", text="another operation is running"
)
_UNANSWERED = Fault(
    kind=FaultKind.WEDGED, stack="hci", text=f"the adapter did not disconnect within {DISCONNECT_S:g} s"
)


class BumbleConnection:
    """A `runtime.ports.LinkConnection`. Made the moment the link is up, so that no end of it goes unseen."""

    def __init__(
        self, connection: Connection, on_end: "Callable[[BumbleConnection], None]", known: KnownTables
    ) -> None:
        self._connection = connection
        self._gatt = connection.gatt_client
        self._backlog = Backlog(connection)
        self._subscriptions = Subscriptions(self._gatt, self._heard)
        self._on_end = on_end
        self._events: ConnectionEvents | None = None  # told about the end from `announce` on
        self.identity = bumble_bonds.identity(connection)
        self.trust = BumbleTrust(connection, self._why_down)
        self._table = BumbleTable(self._gatt, known, self.identity)
        self._down: Fault | None = None
        self._asked_down = False
        self._ended = asyncio.Event()
        self._leaving: asyncio.Task[str] | None = None
        self._poisoned = False
        self._occupied = False
        self._unwatched = False  # nobody would tell us that the table changes
        self._tending: asyncio.Task[None] | None = None
        self._pairs = False
        connection.on(connection.EVENT_DISCONNECTION, self._on_disconnection)
        connection.on(connection.EVENT_PAIRING_START, lambda: self._note_pairing(under_way=True))
        connection.on(connection.EVENT_PAIRING, lambda _keys: self._note_pairing(under_way=False))
        connection.on(connection.EVENT_PAIRING_FAILURE, lambda _reason: self._note_pairing(under_way=False))
        connection.on(connection.EVENT_CONNECTION_ATT_MTU_UPDATE, self._on_att_mtu)

    @property
    def att_mtu(self) -> int:
        """ATT_MTU in force, in bytes."""
        return int(self._gatt.mtu)

    @property
    def services(self) -> tuple[Service, ...]:
        """The attribute table in force: discovered on this connection, or proved to be still the same."""
        return self._table.services

    async def prepare(self) -> None:
        """Exchange the MTU, and discover the services unless they are known. Raises LinkError."""
        with as_link_errors(self._why_down):
            self._refuse_after_end()
            await exchange_mtu(self._gatt)
            self._unwatched = await self._table.load()
            if not self._unwatched:
                await self._look_after_table()
            self._refuse_after_end()

    async def _watch_table(self) -> None:
        """Hear of a table that changes under us. A device without Service Changed promises that it stays."""
        for target in find_characteristics(self.services, CharacteristicRef(uuid=_SERVICE_CHANGED)):
            with suppress(att.ATT_Error, LinkError):
                await self._subscriptions.begin(target, SubscriptionKind.INDICATE)

    def announce(self, events: ConnectionEvents) -> None:
        """From now on the owner has it, and is told how it ends."""
        self._events = events
        asyncio.get_running_loop().call_later(FIRST_COMMAND_S, self._tend)
        if self._pairs:
            events.pairing(under_way=True)

    async def perform(self, operation: Operation) -> AnswerValue:
        """Run one operation once. Raises LinkError.

        A write without response goes at once, also past a pending request and after an abandoned one: ATT
        commands need no answer (Core Specification, Vol 3, Part F, 3.3.2). It counts as taken when the adapter
        has few packets left: see `bumble_backlog`. What is in `ASIDE` needs no bearer, and waits for nothing.
        """
        self._refuse_after_end()
        if self._table.has_changed and hasattr(operation, "target"):
            raise LinkError(_TABLE_CHANGED)
        if isinstance(operation, Write) and operation.mode is WriteMode.WITHOUT_RESPONSE:
            await self._send(operation)
            return None
        if kind_of(operation) in ASIDE:
            with as_link_errors(self._why_down):
                return await self._run(operation)
        await self._tended(operation)
        if self._poisoned:
            raise LinkError(_POISONED)
        if self._occupied:
            raise LinkError(_OCCUPIED)
        self._occupied = True
        try:
            with as_link_errors(self._why_down):
                answer = await self._run(operation)
        except asyncio.CancelledError:
            self._poisoned = True
            raise
        except LinkError as error:
            self._poisoned |= error.fault.kind in _BEARER_UNUSABLE
            if error.fault.kind is FaultKind.STALE:
                self._table.distrust()
            raise
        finally:
            self._occupied = False
        self._tend()
        if isinstance(operation, Unpair):  # what is encrypted with a key that is gone ends after the answer
            self._leaving = asyncio.create_task(self.disconnect())
        return answer

    async def _send(self, write: Write) -> None:
        with as_link_errors(self._why_down):
            await self._write(write)
            await self._backlog.until_short()
        if self._down is not None:
            raise LinkError(self._down)

    async def disconnect(self, *, quick: bool = False) -> str:
        """Take the connection down; never raises. Takes `DISCONNECT_S` at most. There is no quicker way."""
        means = "the adapter ended the link at once (HCI Disconnect)" if quick and self._down is None else ""
        if self._asked_down or self._down is not None:
            await self._ended.wait()
            return means
        self._asked_down = True
        end = hci_lost_fault(TERMINATED_BY_LOCAL_HOST)
        try:
            async with asyncio.timeout(DISCONNECT_S):
                with as_link_errors(self._why_down):
                    await self._connection.disconnect()
        except TimeoutError:
            end = _UNANSWERED
        except LinkError as error:
            end = error.fault
        finally:
            self.end(end)
        return means

    def end(self, fault: Fault) -> None:
        """The connection is down: fail what is pending and tell the owner. Only the first end counts."""
        if self._down is not None:
            return
        self._down = fault
        self._ended.set()
        self._connection.remove_listener(self._connection.EVENT_DISCONNECTION, self._on_disconnection)
        self._connection.remove_listener(self._connection.EVENT_CONNECTION_ATT_MTU_UPDATE, self._on_att_mtu)
        self._backlog.close()
        self._gatt.on_disconnection()  # Bumble does so itself only when the adapter reports the end
        self._on_end(self)
        if self._events is not None:
            self._events.lost(fault)

    def _tend(self) -> None:
        """Look after the table as soon as nothing is in flight: the first command goes before."""
        idle = self._down is None and not self._occupied and (self._tending is None or self._tending.done())
        if idle and self._events is not None and (self._unwatched or self._table.has_changed):
            self._tending = asyncio.create_task(self._look_after_table_by_ourselves())

    async def _look_after_table_by_ourselves(self) -> None:
        try:
            with as_link_errors(self._why_down):
                self._refuse_after_end()
                await self._look_after_table(watch=self._unwatched)
        except LinkError as error:  # a table that has changed stays so: operations are refused
            self._poisoned |= error.fault.kind is FaultKind.TIMED_OUT

    async def _look_after_table(self, *, watch: bool = True) -> None:
        """Hear of changes from now on, and find the table that the device has after one.

        A second look at the hash finds what changed before anybody listened.
        """
        if watch:
            self._unwatched = False
            await self._watch_table()
            await self._table.verify()
        while self._table.has_changed:
            await self._discover_again()

    async def _tended(self, operation: Operation) -> None:
        """Wait until the connection does nothing by itself. Raises LinkError when it is another one then."""
        services = self.services
        if self._tending is not None:
            await asyncio.wait((self._tending,))
        self._refuse_after_end()
        if (self._table.has_changed or self.services is not services) and hasattr(operation, "target"):
            raise LinkError(_TABLE_CHANGED)

    def _heard(self, target: Characteristic, payload: bytes) -> None:
        if target.uuid == _SERVICE_CHANGED:
            self._table.changed()
            self._tend()
        if self._events is not None:
            self._events.notification(target, payload)

    def _on_att_mtu(self) -> None:
        if self._events is not None:
            self._events.updated(att_mtu=self.att_mtu)

    def _on_disconnection(self, reason: int) -> None:
        self.end(advised(hci_lost_fault(reason), asked=True))

    def _note_pairing(self, *, under_way: bool) -> None:
        """Our own pairing, or one that the device began."""
        self._pairs = under_way
        if self._events is not None and self._down is None:
            self._events.pairing(under_way=under_way)

    def _why_down(self) -> Fault:
        return self._down or hci_lost_fault(TERMINATED_BY_LOCAL_HOST)

    def _refuse_after_end(self) -> None:
        if self._down is not None:
            raise LinkError(replace(self._down, ran=Ran.NO))

    async def _run(self, operation: Operation) -> AnswerValue:  # noqa: C901, PLR0911, PLR0912 - a case each
        match operation:
            case Read():
                target = self._table.target(operation.target)
                must_allow(target, Property.READ)
                return await read_attribute(self._gatt, target.handle)
            case Write():
                await self._write(operation)
            case ReadDescriptor():
                descriptor = find_descriptor(self._table.target(operation.target), operation.descriptor)
                return await read_attribute(self._gatt, descriptor.handle)
            case WriteDescriptor():
                descriptor = find_descriptor(self._table.target(operation.target), operation.descriptor)
                await self._write_acknowledged(descriptor.handle, operation.payload)
            case Subscribe():
                await self._subscriptions.begin(self._table.target(operation.target), operation.kind)
            case Unsubscribe():
                target = self._table.target(operation.target)
                if target.uuid != _SERVICE_CHANGED:  # to which the connection itself listens
                    await self._subscriptions.end(target)
            case RequestMtu():
                return self.att_mtu  # exchanged while connecting; a second exchange is against the specification
            case ReadRssi():
                return await self._read_rssi()
            case DiscoverServices():
                return await self._discover_again()
            case Pair():
                async with self.trust.turn:
                    await bumble_bonds.pair(self._connection, self._events.asking() if self._events else None)
            case Unpair():
                await bumble_bonds.forget(self._connection.device, bumble_bonds.identity(self._connection))
            case ReadPhy():
                return await bumble_link_layer.read_phy(self._connection)
            case SetPhy():
                return await bumble_link_layer.set_phy(self._connection, operation)
            case RequestConnectionParameters():
                return await bumble_link_layer.request_parameters(self._connection, operation)
            case Connect():
                pass  # it is up
            case Disconnect():
                await self.disconnect()
            case _:
                assert_never(operation)
        return None

    async def _write(self, operation: Write) -> None:
        target = self._table.target(operation.target)
        with_response = operation.mode is WriteMode.WITH_RESPONSE
        must_allow(target, Property.WRITE if with_response else Property.WRITE_WITHOUT_RESPONSE)
        if with_response:
            await self._write_acknowledged(target.handle, operation.payload)
        else:
            must_fit(operation.payload, self.att_mtu)
            await self._gatt.write_value(target.handle, operation.payload, with_response=False)

    async def _write_acknowledged(self, handle: int, payload: bytes) -> None:
        if fits(payload, self.att_mtu):
            await self._gatt.write_value(handle, payload, with_response=True)
        else:
            await write_long(self._request, self.att_mtu, handle, payload, self._why_down)

    async def _request(self, request: att.ATT_PDU) -> att.ATT_PDU:
        """One request of several: the connection may have ended since the last one, or its table have changed."""
        self._refuse_after_end()
        if self._table.has_changed:
            self._poisoned = True  # the device has parts that a later request must not execute
            raise LinkError(_TABLE_CHANGED)
        return await self._gatt.send_request(request)

    async def _read_rssi(self) -> int:
        rssi_dbm = int(await self._connection.get_rssi())
        if rssi_dbm == _RSSI_UNKNOWN:
            raise refusal("rssi_unknown", "the adapter has no reading for this connection")
        return rssi_dbm

    async def _discover_again(self) -> tuple[Service, ...]:
        if await self._table.discover():
            self._subscriptions.forget()
            await self._watch_table()
            if self._events is not None:
                self._events.updated(table=table_digest(self.services))
        return self.services
