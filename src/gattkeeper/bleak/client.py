"""The client of the drop-in: `BleakClient(device, backend=gattkeeper.bleak.Client)`.

Knows Bleak's client interface, and that a connection is held, not owned: others use it too, and it may be taken.
How the keeper is reached is the business of its door.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from bleak.args import SizedBuffer
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError, BleakError

from gattkeeper.bleak.attributes import Place, collection_of
from gattkeeper.bleak.doors import Door, Hold
from gattkeeper.bleak.errors import NOT_CONNECTED, connect_error, operation_error
from gattkeeper.bleak.finding import find_door
from gattkeeper.bleak.hints import hints
from gattkeeper.errors import GattkeeperError
from gattkeeper.model.gatt import ATT_MTU_DEFAULT, CharacteristicRef
from gattkeeper.model.operation import (
    Operation,
    Pair,
    Read,
    ReadDescriptor,
    Write,
    WriteDescriptor,
    WriteMode,
)
from gattkeeper.model.outcome import AnswerValue

if TYPE_CHECKING:
    from gattkeeper.runtime.keeper import Keeper  # a program that only speaks to the daemon does without it

HOLDER_VARIABLE = "GATTKEEPER_CLIENT"
"""Environment variable: what people are told the program is called, as `gattkeeper run` sets it."""

ANOTHER_TABLE = "The device has other services by now, so this handle means nothing: connect anew"
"""For an attribute that only its handle tells from others."""


class Client(BaseBleakClient):
    """Bleak's client, with the keeper behind it. `keeper` is one of this process; else see `find_door`.

    The device is a `BLEDevice` of any scanner, an address, or a name of the settings. `bluez` and `winrt` are
    taken and have no effect: which adapter reaches the device, the keeper knows.
    """

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        services: set[str] | None = None,
        keeper: "Keeper | None" = None,
        **_platform: Any,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._sighted = isinstance(address_or_ble_device, BLEDevice)
        self._shown = address_or_ble_device.name if isinstance(address_or_ble_device, BLEDevice) else None
        self._device = _meant(address_or_ble_device)
        self._wanted = services
        self._keeper = keeper
        self._door: Door | None = None
        self._hold: Hold | None = None
        self._connecting = False
        self._pushing: set[CharacteristicRef] = set()
        self._closing: set[asyncio.Task[None]] = set()  # doors of connections that were taken

    @property
    def name(self) -> str:
        """As the device advertises, else as the settings call it, else its address with dashes."""
        known = self._hold.name if self._hold is not None else self._device
        return self._shown or known.partition("/")[0].replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """ATT_MTU in force, in bytes; the least that there is without a connection."""
        return ATT_MTU_DEFAULT if self._hold is None else self._hold.att_mtu

    @property
    def is_connected(self) -> bool:
        """Whether the connection is held."""
        return self._hold is not None and self._hold.active

    async def connect(self, pair: bool, **kwargs: Any) -> None:  # noqa: FBT001 - as Bleak calls it
        """Connect, and keep the connection. `timeout` among the arguments goes before the client's own.

        Raises BleakDeviceNotFoundError (nobody answers), TimeoutError (a device that was heard does not answer),
        BleakBluetoothNotAvailableError, BleakDBusError, BleakError.
        """
        if self.is_connected or self._connecting:
            raise BleakError("Client is already connected")
        self._connecting = True
        try:
            await self._connect(float(kwargs.get("timeout", self._timeout)), pair=pair)
        except GattkeeperError as error:
            raise connect_error(error, self.address, sighted=self._sighted) from error
        finally:
            self._connecting = False

    async def _connect(self, timeout: float, *, pair: bool) -> None:
        async with AsyncExitStack() as undo:
            door = await find_door(self._keeper)
            undo.push_async_callback(door.close)
            hold = await door.hold(
                self._device, holder=_program(), timeout=timeout, hints=hints(), on_end=self._on_end
            )
            undo.push_async_callback(hold.close)
            if pair:
                await hold.run(Pair(), hints())
            if not hold.active:
                raise BleakError("Disconnected while connecting")
            undo.pop_all()
        self._door, self._hold = door, hold
        self.services = collection_of(hold.services, self._wanted, lambda: self.mtu_size)

    async def disconnect(self) -> None:
        """Let go of the connection. It goes down when nobody has wanted it for a while."""
        hold, door = self._hold, self._door
        if hold is not None:
            self._gone()
            await hold.close()
        if door is not None:
            await door.close()
        if self._closing:
            await asyncio.wait(self._closing)

    def _on_end(self) -> None:
        """It was taken, or lost."""
        door = self._door
        if door is None:
            return  # while it was made: `connect` sees
        self._gone()
        closing = asyncio.get_running_loop().create_task(door.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _gone(self) -> None:
        self._hold = self._door = self.services = None
        self._pushing.clear()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:
        """Pair with the device, or encrypt with the bond there is. The keeper's own agent is asked."""
        await self._run(Pair())

    async def unpair(self) -> None:
        """Forget our half of the bond with the device; its connection ends."""
        door = self._door or await find_door(self._keeper)
        try:
            await door.unpair(self._device)
        except GattkeeperError as error:
            raise operation_error(error) from error
        finally:
            if door is not self._door:
                await door.close()

    async def read_gatt_char(  # noqa: D102 - Bleak's
        self, characteristic: BleakGATTCharacteristic, **_kwargs: Any
    ) -> bytearray:
        return _value(await self._run(Read(target=self._target(characteristic))))

    async def read_gatt_descriptor(  # noqa: D102
        self, descriptor: BleakGATTDescriptor, **_kwargs: Any
    ) -> bytearray:
        return _value(await self._run(ReadDescriptor(target=self._target(descriptor), descriptor=descriptor.uuid)))

    async def write_gatt_char(  # noqa: D102
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,  # noqa: FBT001
    ) -> None:
        mode = WriteMode.WITH_RESPONSE if response else WriteMode.WITHOUT_RESPONSE
        await self._run(Write(target=self._target(characteristic), payload=bytes(data), mode=mode))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:  # noqa: D102
        target = self._target(descriptor)
        await self._run(WriteDescriptor(target=target, descriptor=descriptor.uuid, payload=bytes(data)))

    async def start_notify(  # noqa: D102
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_kwargs: Any
    ) -> None:
        hold, target = self._held(), self._target(characteristic)
        if target in self._pushing:
            raise BleakDBusError("org.bluez.Error.InProgress", ["Operation already in progress"])
        self._pushing.add(target)
        try:
            await hold.subscribe(target, hints(), lambda payload: callback(bytearray(payload)))
        except BaseException as error:
            self._pushing.discard(target)
            if isinstance(error, GattkeeperError):
                raise operation_error(error, connected=hold.active) from error
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:  # noqa: D102
        hold, target = self._held(), self._target(characteristic)
        if target not in self._pushing:
            raise BleakDBusError("org.bluez.Error.Failed", ["No notify session started"])
        self._pushing.discard(target)
        try:
            await hold.unsubscribe(target, hints())
        except GattkeeperError as error:
            raise operation_error(error, connected=hold.active) from error

    async def _acquire_mtu(self) -> None:
        """Programs for BlueZ call it before they ask for `mtu_size`, which is always known here."""

    def _held(self) -> Hold:
        if self._hold is None or not self._hold.active:
            raise BleakError(NOT_CONNECTED)
        return self._hold

    async def _run(self, operation: Operation) -> AnswerValue:
        hold = self._held()
        try:
            return await hold.run(operation, hints())
        except GattkeeperError as error:
            raise operation_error(error, connected=hold.active) from error

    def _target(self, attribute: BleakGATTCharacteristic | BleakGATTDescriptor) -> CharacteristicRef:
        """The characteristic that is meant, or a descriptor belongs to. Programs keep them beyond a table."""
        place: Place = attribute.obj
        if not place.is_in(self._held().services):
            raise BleakError(ANOTHER_TABLE)
        return place.ref


def _value(answer: AnswerValue) -> bytearray:
    return bytearray(answer if isinstance(answer, bytes) else b"")


def _meant(address_or_ble_device: BLEDevice | str) -> str:
    """A device that our scanner found goes by its address with its kind."""
    if isinstance(address_or_ble_device, str):
        return address_or_ble_device
    details = address_or_ble_device.details
    known = details.get("address") if isinstance(details, dict) else None
    return known if isinstance(known, str) else address_or_ble_device.address


def _program() -> str:
    return os.environ.get(HOLDER_VARIABLE) or os.path.basename(sys.argv[0] if sys.argv else "") or "python"  # noqa: PTH119 - a name, not a path
