"""Bleak on a Bumble host: what a program has that talks to its devices itself, over the same radio as ours.

Knows connecting, discovering, writing, reading, notifications and disconnecting, as Bleak's own backends do them,
and nothing more. One device object of Bumble is one adapter, which everybody on it shares.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError
from bumble import core, hci
from bumble.device import Connection, Device, DeviceConfiguration, Peer
from bumble.host import Host

T = TypeVar("T")
ATT_MTU = 517
_PROPERTIES = {0x02: "read", 0x04: "write-without-response", 0x08: "write", 0x10: "notify", 0x20: "indicate"}
_RADIO = (core.BaseBumbleError, asyncio.TimeoutError)


async def adapter_of(opened: Callable[[], Awaitable[Host]], address: str) -> Device:
    """An adapter of the radio as Bumble's users have it."""
    device = Device(config=DeviceConfiguration(name="central", address=hci.Address(address)), host=await opened())
    await device.power_on()
    return device


class BumbleClient(BaseBleakClient):  # type: ignore[misc]  # Bleak leaves `name` abstract in its annotations
    """`BleakClient(address, backend=BumbleClient, central=…)`."""

    def __init__(self, address_or_ble_device: Any, *, central: Device, **said: Any) -> None:
        super().__init__(address_or_ble_device, **said)
        self._central = central
        self._connection: Connection | None = None
        self._remote: Any = None

    @property
    def name(self) -> str:
        return self.address

    @property
    def mtu_size(self) -> int:
        return self._remote.gatt_client.mtu if self._remote is not None else 23

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, pair: bool, **_said: Any) -> None:  # noqa: FBT001 - Bleak's own signature
        del pair
        connecting = self._central.connect(hci.Address(self.address), timeout=self._timeout)
        self._connection = await _told(connecting)
        self._connection.on("disconnection", self._lost)
        self._remote = Peer(self._connection)
        await _told(self._remote.request_mtu(ATT_MTU))
        await _told(self._remote.discover_services())
        self.services = await self._table()

    async def _table(self) -> BleakGATTServiceCollection:
        table = BleakGATTServiceCollection()
        for found in self._remote.services:
            service = BleakGATTService(found, found.handle, _uuid(found.uuid))
            table.add_service(service)
            for one in await _told(found.discover_characteristics()):
                names = [name for bit, name in _PROPERTIES.items() if int(one.properties) & bit]
                characteristic = BleakGATTCharacteristic(
                    one, one.handle, _uuid(one.uuid), names, lambda: self.mtu_size - 3, service
                )
                table.add_characteristic(characteristic)
                for each in await _told(one.discover_descriptors()):
                    table.add_descriptor(BleakGATTDescriptor(each, each.handle, _uuid(each.type), characteristic))
        return table

    def _lost(self, _reason: int) -> None:
        self._connection = None
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def disconnect(self) -> None:
        if self._connection is not None:
            await _told(self._connection.disconnect())

    async def pair(self, *_said: Any, **_more: Any) -> None:
        await _told(self._remote.connection.pair())

    async def unpair(self) -> None: ...

    async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **_said: Any) -> bytearray:
        return bytearray(await _told(self._remote.read_value(characteristic.handle)))

    async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, **_said: Any) -> bytearray:
        return bytearray(await _told(self._remote.read_value(descriptor.handle)))

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: Any, response: bool) -> None:  # noqa: FBT001
        if self._connection is None:
            raise BleakError("Not connected")
        await _told(self._remote.write_value(characteristic.handle, bytes(data), response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        await _told(self._remote.write_value(descriptor.handle, bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_said: Any
    ) -> None:
        await _told(characteristic.obj.subscribe(lambda payload: callback(bytearray(payload))))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        await _told(characteristic.obj.unsubscribe())


async def _told(doing: Awaitable[T]) -> T:
    """What Bumble says, as a Bleak program expects to hear it."""
    try:
        return await doing
    except _RADIO as error:
        raise BleakError(f"{type(error).__name__}: {error}") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BleakError("disconnected") from error  # Bumble cancels what was pending on a lost link


def _uuid(uuid: core.UUID) -> str:
    return str(UUID(bytes=uuid.to_bytes(force_128=True)[::-1]))
