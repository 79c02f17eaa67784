"""One live connection through Bleak: a fresh client, its attribute table, and its end.

Knows what may be asked of a client and in which state. Does not look for devices, and decides nothing
about repeating: each operation runs once.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Protocol, get_args

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.links.bleak_guard import Guard
from gattkeeper.links.bleak_inside import own_client, whole_services
from gattkeeper.links.bleak_table import AttributeTable
from gattkeeper.links.bluez_cut import NO_ANSWER
from gattkeeper.links.fault_tables.bluez import ATT_UNLIKELY
from gattkeeper.links.pairing_faults import advised
from gattkeeper.links.targets import chosen_kind, refusal
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX, Characteristic, CharacteristicRef, Property, Service
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
from gattkeeper.model.outcome import AnswerValue, Phase
from gattkeeper.runtime.ports import ConnectionEvents

Call = Callable[[], Coroutine[Any, Any, bytes | None]]

REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "read_rssi": "BlueZ has no signal strength of a connected device",
        "read_phy": "BlueZ tells no program which PHY a connection is on",
        "set_phy": "BlueZ takes no PHY from programs: the kernel and the adapter choose",
        "request_connection_parameters": "BlueZ takes no connection parameters from programs",
    }
    | ({"unpair": "macOS leaves unpairing to people, in its settings"} if sys.platform == "darwin" else {})
)
"""Operations that `perform` does not take, and why."""

OPERATIONS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Operation)) - REFUSED.keys()
"""What `perform` takes."""

CLIENT_TIMEOUT_S = 120.0
"""Bleak's own bound on a connect, in seconds. The owner's clock is shorter and decides."""

DISCONNECT_S = 12.0
"""A disconnect that takes longer is left alone, in seconds: BlueZ waits 2 s by itself, Bleak up to 10 s."""

LOSS_NOTICE_S = 0.3
"""How long news of a lost link may come after the error it caused, in seconds. Both leave BlueZ in the
same moment, on two bus connections."""

_WHOLE_LINK = 0
"""Stands for the connection where an operation has no characteristic; no attribute has this handle."""


class ConnectionOwner(Protocol):
    """What a connection needs from its link."""

    async def settled(self) -> None:
        """Wait until Bleak has forgotten what is no longer true."""

    async def cut(self, device: BLEDevice) -> str:
        """End its link past the stack, where that can be; what came of it, in words. Never raises."""

    def ended(self, connection: "BleakConnection") -> None:
        """The connection is down and holds nothing any more. Called once."""


class BleakConnection:
    """A connection of one device. It is over when its link lost it, or when it was asked to end."""

    def __init__(self, device: BLEDevice, events: ConnectionEvents, guard: Guard, owner: ConnectionOwner) -> None:
        self._device = device
        self._client = BleakClient(device, self._on_disconnected, timeout=CLIENT_TIMEOUT_S, backend=own_client())
        self.events = self._events = events
        self._guard = guard
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[Fault] = self._loop.create_future()
        self._ending: asyncio.Task[None] | None = None
        self._cutting: asyncio.Task[str] | None = None  # while, and after, it had to be quick
        self._asked = False  # it ends because it was asked to
        self._table: AttributeTable | None = None  # None until connected
        self._table_changed = False  # BlueZ dropped services of it
        self._announced = False  # CONNECTED was reported
        self._seen_up = False  # by the watch
        self._pairing = False  # BlueZ says why it failed after it took the link down; the owner hears of that last
        self._unpairing = False  # BlueZ takes the link down on the way; the owner hears of it after the answer
        self._pending: set[int] = set()  # handles with an operation in flight
        self._dirty: set[int] = set()  # handles whose answer nobody waits for any more
        self.address = device.address
        self.path: str = device.details.get("path", "") if isinstance(device.details, dict) else ""

    @property
    def att_mtu(self) -> int:
        """ATT_MTU in force, in bytes."""
        return self._known.att_mtu

    @property
    def services(self) -> tuple[Service, ...]:
        """The attribute table as discovered on this connection."""
        return self._known.services

    async def establish(self) -> None:
        """Connect and discover, once. Raises LinkError; then, and when cancelled, nothing is left behind."""
        try:
            await self._come_up()
        except BaseException:
            await self.disconnect()
            raise
        self._events.progress(Phase.DISCOVERED)

    async def _come_up(self) -> None:
        table = await self._guard.run(self._connected_table(), phase="connect", until=self._lost)
        if self._lost.done():
            raise LinkError(replace(self._lost.result(), ran=Ran.NO))
        self._announce()
        self._table = table

    async def _connected_table(self) -> AttributeTable:
        await self._client.connect()
        return AttributeTable(await whole_services(self._client))

    def connected(self) -> None:
        """The link is up, services are not known yet: told by the watch; by Bleak only at the end."""
        self._seen_up = True
        self._announce()

    def disconnected(self) -> None:
        """The link is down: told by the watch. Before it saw this one come up it speaks of an older one."""
        if self._seen_up:
            self._on_disconnected(self._client)

    def _announce(self) -> None:
        if not self._announced and not self._lost.done():
            self._announced = True
            self._events.progress(Phase.CONNECTED)

    def table_changed(self) -> None:
        """BlueZ dropped services that this connection knows: their paths may mean others soon."""
        self._table_changed = self._table is not None

    @property
    def is_waiting(self) -> bool:
        """Whether it is coming up, or an operation is with the device."""
        return not self._lost.done() and (self._table is None or bool(self._pending))

    @property
    def is_lost(self) -> bool:
        """Whether it is over, though it may still be letting go."""
        return self._lost.done()

    def fail(self, fault: Fault) -> None:
        """The connection is down. What is in flight ends with this fault, later operations too."""
        if self._lost.done() or (self._unpairing and fault.kind is FaultKind.LINK_LOST):
            return
        self._lost.set_result(fault)
        self._ending = asyncio.ensure_future(self._let_go())
        if not self._pairing:
            self._tell_lost()

    async def perform(self, operation: Operation) -> AnswerValue:
        """Run one operation once. Raises LinkError.

        When cancelled, its answer may still come, on the same attribute and unseen by anyone: from then
        on only a write without response on another characteristic is let through.
        """
        handle, call = self._prepared(operation)
        self._refuse_unusable(operation, handle)
        if call is None:
            return await self._perform_locally(operation)
        self._pending.add(handle)
        pairs, unpairs = isinstance(operation, Pair), isinstance(operation, Unpair)
        self._pairing, self._unpairing = self._pairing or pairs, self._unpairing or unpairs
        try:
            until = self._lost_a_while() if pairs else self._lost
            return await self._guard.run(call(), phase="operation", until=until)
        except asyncio.CancelledError:
            self._dirty.add(handle)
            raise
        except LinkError as error:
            asked = self._events.asking() is not None
            raise LinkError(advised((await self._explained(error)).fault, asked=asked)) from error
        finally:
            self._pending.discard(handle)
            if unpairs:  # also when it failed: Bleak has given its client up
                self._unpairing = False
                self._loop.call_soon(self.fail, _fault(FaultKind.LINK_LOST, "unpaired", Ran.MAYBE))
            if pairs:
                self._pairing = False
                if self._lost.done() and not self._asked:
                    self._loop.call_soon(self._tell_lost)

    def _lost_a_while(self) -> asyncio.Future[Fault]:
        """BlueZ takes the link down when a pairing fails, and says why it failed a moment later."""
        until: asyncio.Future[Fault] = self._loop.create_future()

        def end() -> None:
            if not until.done():
                until.set_result(self._lost.result())

        self._lost.add_done_callback(lambda _: self._loop.call_later(LOSS_NOTICE_S, end))
        return until

    async def _explained(self, error: LinkError) -> LinkError:
        """ATT 0x0E is what BlueZ makes of a lost link, often before it says that the link is lost."""
        if error.fault.code != ATT_UNLIKELY:
            return error
        await asyncio.wait({self._lost}, timeout=LOSS_NOTICE_S)
        return LinkError(replace(error.fault, kind=FaultKind.LINK_LOST)) if self._lost.done() else error

    async def disconnect(self, *, quick: bool = False) -> str:
        """Take the connection down; seconds on BlueZ. Never raises. `lost` is told when it is down.

        `quick`: the link is cut past BlueZ at the same time, where that can be. Tells how it went down then.
        """
        if quick and self._cutting is None and (self._asked or not self._lost.done()):
            self._cutting = asyncio.ensure_future(self._owner.cut(self._device))
        if not self._lost.done():
            self._asked = True
            self._lost.set_result(_fault(FaultKind.LINK_LOST, "disconnected on request"))
            self._ending = asyncio.ensure_future(self._let_go())
            self._ending.add_done_callback(lambda _: self._tell_lost())
        if self._ending is not None:
            await asyncio.shield(self._ending)
        return await self._means()

    async def _means(self) -> str:
        """News of the end and the answer of whoever cut it come side by side."""
        if self._cutting is None:
            return ""
        await asyncio.wait({self._cutting}, timeout=LOSS_NOTICE_S)
        if self._cutting.done() and not self._cutting.cancelled():
            return self._cutting.result()
        self._cutting.cancel()
        return NO_ANSWER

    async def _let_go(self) -> None:
        """Bleak keeps a bus connection per client until it is asked to disconnect, link or no link."""
        try:
            await self._owner.settled()
            await self._guard.run(self._client.disconnect(), phase="operation", limit_s=DISCONNECT_S)
        except LinkError:
            pass  # Bleak has let go of its side even then; the device is BlueZ's to drop
        finally:
            self._owner.ended(self)

    def _tell_lost(self) -> None:
        if self._table is not None:
            self._events.lost(self._lost.result())

    @property
    def _known(self) -> AttributeTable:
        if self._table is None:
            raise LinkError(_fault(FaultKind.LINK_LOST, "the connection never came up"))
        return self._table

    def _refuse_unusable(self, operation: Operation, handle: int) -> None:
        if self._lost.done():
            raise LinkError(replace(self._lost.result(), ran=Ran.NO))
        if self._table_changed and handle != _WHOLE_LINK:
            raise LinkError(_fault(FaultKind.STALE, "the device changed its attribute table: connect anew"))
        overtakes = isinstance(operation, Write) and operation.mode is WriteMode.WITHOUT_RESPONSE
        if self._dirty and not (overtakes and handle not in self._dirty):
            raise LinkError(_fault(FaultKind.LINK_LOST, "an earlier operation was given up: disconnect first"))
        if handle in self._pending:  # Bleak would ask BlueZ again every 10 ms until the other one ends
            raise LinkError(_fault(FaultKind.BUSY, "this attribute has an operation in flight"))

    def _prepared(self, operation: Operation) -> tuple[int, Call | None]:  # noqa: C901 - a case per operation
        """The handle an operation is about and the call that runs it; no call when it needs no stack.

        Raises LinkError for what the attribute table already refuses.
        """
        client, table = self._client, self._known
        handle = _WHOLE_LINK
        call: Call | None = None
        match operation:
            case Read(target=ref):
                handle, call = (target := table.find(ref)).handle, lambda: self._read(target)
            case Write():
                handle, call = self._prepared_write(operation)
            case ReadDescriptor(target=ref, descriptor=uuid):
                found = table.descriptor(target := table.find(ref), uuid)
                handle, call = target.handle, lambda: self._read_descriptor(found)
            case WriteDescriptor(target=ref, descriptor=uuid, payload=payload):
                found = table.descriptor(target := table.find(ref), uuid)
                handle, call = target.handle, lambda: client.write_gatt_descriptor(found, payload)
            case Subscribe(target=ref, kind=kind):
                target = _with_kind(table, ref, kind)
                handle, call = target.handle, lambda: self._subscribe(target)
            case Unsubscribe(target=ref):
                target = table.find(ref)
                handle, call = target.handle, lambda: client.stop_notify(table.of_bleak(target))
            case Pair():
                call = self._pair
            case Unpair():
                call = client.unpair
            case ReadRssi() | ReadPhy() | SetPhy() | RequestConnectionParameters():
                raise LinkError(_fault(FaultKind.UNSUPPORTED, REFUSED[kind_of(operation)]))
            case RequestMtu() | DiscoverServices() | Connect() | Disconnect():
                pass
        return handle, call

    def _prepared_write(self, write: Write) -> tuple[int, Call]:
        acknowledged = write.mode is WriteMode.WITH_RESPONSE
        wanted = Property.WRITE if acknowledged else Property.WRITE_WITHOUT_RESPONSE
        target = self._known.allowed(write.target, wanted)
        length_max = ATTRIBUTE_LENGTH_MAX if acknowledged else self.att_mtu - 3
        if len(write.payload) > length_max:
            raise refusal("payload", f"a payload of {len(write.payload)} bytes: {length_max} is the most here")
        found = self._known.of_bleak(target)
        return target.handle, lambda: self._client.write_gatt_char(found, write.payload, response=acknowledged)

    async def _perform_locally(self, operation: Operation) -> AnswerValue:
        if isinstance(operation, RequestMtu):
            return self.att_mtu  # the stack negotiates by itself when it connects
        if isinstance(operation, DiscoverServices):
            return self.services  # BlueZ discovers by itself; Bleak shows the table of this connection
        if isinstance(operation, Disconnect):
            await self.disconnect()
        return None

    async def _pair(self) -> None:
        """On BlueZ by ourselves: Bleak has no agent, and its own answers for nobody."""
        if sys.platform != "linux":
            await self._client.pair()
            return
        from gattkeeper.links.bluez_agent import pair  # noqa: PLC0415 - needs D-Bus, which is on Linux only

        await pair(self.path, self._events.asking())

    async def _read(self, target: Characteristic) -> bytes:
        return bytes(await self._client.read_gatt_char(self._known.of_bleak(target)))

    async def _read_descriptor(self, found: BleakGATTDescriptor) -> bytes:
        return bytes(await self._client.read_gatt_descriptor(found))

    async def _subscribe(self, target: Characteristic) -> None:
        def heard(_sender: BleakGATTCharacteristic, payload: bytearray) -> None:
            # A plain function: Bleak turns coroutines into tasks, whose order nobody promises.
            if not self._lost.done():
                self._events.notification(target, bytes(payload))

        await self._client.start_notify(self._known.of_bleak(target), heard)

    def _on_disconnected(self, _client: BleakClient) -> None:
        if self._table is None:
            # Also ends Bleak's own loop, which connects again and again after le-connection-abort-by-local.
            self.fail(_fault(FaultKind.TRANSIENT, "the link went down while connecting"))
        else:
            self.fail(_fault(FaultKind.LINK_LOST, "the device is no longer connected", Ran.MAYBE))


def _with_kind(table: AttributeTable, ref: CharacteristicRef, wanted: SubscriptionKind) -> Characteristic:
    """The characteristic to subscribe to, if the stack will do so in the way that is wanted. Raises LinkError.

    BlueZ enables notifications where there are any, else indications, and nobody can tell it otherwise.
    """
    target = table.allowed(ref, Property.NOTIFY, Property.INDICATE)
    chosen_kind(target, wanted, held=None)
    if (
        wanted is not SubscriptionKind.EITHER
        and target.allows(Property.NOTIFY)
        and target.allows(Property.INDICATE)
    ):
        text = "this stack chooses between notifications and indications itself: subscribe to either"
        raise LinkError(_fault(FaultKind.UNSUPPORTED, text))
    return target


def _fault(kind: FaultKind, text: str, ran: Ran = Ran.NO) -> Fault:
    return Fault(kind=kind, ran=ran, stack="bleak", text=text)
