"""A virtual device on the radio: a complete Bumble host and GATT server around a `VirtualDevice`.

Knows how our attributes become Bumble's. What the device does with them stands in `virtual_device`.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from bumble import att, gatt, hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.profiles.gatt_service import GenericAttributeProfileService
from bumble.transport.common import AsyncPipeSink

from gattkeeper.model.gatt import Property, short_uuid
from gattkeeper.world.bumble_corrections import CorrectedController
from gattkeeper.world.prepared_writes import correct_prepared_writes, outdate_prepared_writes
from gattkeeper.world.virtual_device import AttError, VirtualCharacteristic, VirtualDevice, VirtualService

_ADVERTISING_DATA_MAX = 31
"""Bytes in a legacy advertisement (Core Specification, Vol 6, Part B, 2.3.1.1)."""

_FLAGS = bytes([0x06])  # general discoverable, no BR/EDR
_WHOLE_TABLE = b"\x01\x00\xff\xff"  # handles that Service Changed declares as affected

_Permissions = gatt.Characteristic.Permissions
_OPEN = _Permissions.READABLE | _Permissions.WRITEABLE
_ENCRYPTED = _OPEN | _Permissions.READ_REQUIRES_ENCRYPTION | _Permissions.WRITE_REQUIRES_ENCRYPTION


class RadioDevice:
    """Hosts one virtual device on a controller of its own."""

    def __init__(self, device: VirtualDevice, controller: CorrectedController) -> None:
        self.device = device
        self.controller = controller
        self._tasks: set[asyncio.Task[None]] = set()
        self._attributes: dict[VirtualCharacteristic, gatt.Characteristic] = {}
        self._bumble = Device(
            config=DeviceConfiguration(
                name=device.name, address=hci.Address(device.address.value), gatt_service_enabled=False
            ),
            host=Host(controller, AsyncPipeSink(controller)),
        )
        server = self._bumble.gatt_server
        generic = GenericAttributeProfileService(database_hash_enabled=device.database_hash)
        self._service_changed = generic.service_changed_characteristic
        server.add_service(generic)
        server.max_mtu = device.att_mtu_max
        correct_prepared_writes(server, device.prepared_writes_max)
        self._own_services = len(server.services)  # GAP, which Bumble adds, and GATT
        self._own_attributes = len(server.attributes)
        self._bumble.add_services(self._build())
        self._bumble.on("connection", self._on_connection)
        device.notify = self._notify

    async def start(self, advertising_interval_s: float) -> None:
        """Switch on and advertise, again after every disconnection."""
        await self._bumble.power_on()
        await self._bumble.start_advertising(
            auto_restart=True,
            advertising_data=_advertising_data(self.device),
            advertising_interval_min=advertising_interval_s * 1000,
            advertising_interval_max=advertising_interval_s * 1000,
        )

    def change_services(self, services: tuple[VirtualService, ...]) -> None:
        """Replace the attribute table, and indicate Service Changed to whoever subscribed to it."""
        self.device.services = services
        server = self._bumble.gatt_server
        del server.services[self._own_services :]
        del server.attributes[self._own_attributes :]
        server.attributes_by_handle.clear()
        outdate_prepared_writes(server)
        for subscribed in server.subscribers.values():
            for handle in [handle for handle in subscribed if handle > self._own_attributes]:
                del subscribed[handle]
        self._bumble.add_services(self._build())
        self._spawn(self._bumble.indicate_subscribers(self._service_changed, _WHOLE_TABLE))

    async def close(self) -> None:
        """Leave the air, stop what is still on its way to subscribers, and send nothing more."""
        self.controller.leave()
        self._attributes.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _build(self) -> list[gatt.Service]:
        self._attributes.clear()
        return [
            gatt.Service(
                UUID(short_uuid(service.uuid)),
                [self._build_characteristic(characteristic) for characteristic in service.characteristics],
            )
            for service in self.device.services
        ]

    def _build_characteristic(self, characteristic: VirtualCharacteristic) -> gatt.Characteristic:
        def read(_connection: Connection) -> bytes:
            try:
                return self.device.read(characteristic)
            except AttError as error:
                raise att.ATT_Error(error.code) from error

        def write(_connection: Connection, payload: bytes) -> None:
            try:
                self.device.write(characteristic, payload)
            except AttError as error:
                raise att.ATT_Error(error.code) from error

        attribute = gatt.Characteristic(
            UUID(short_uuid(characteristic.uuid)),
            gatt.Characteristic.Properties(characteristic.properties.value),
            _ENCRYPTED if characteristic.encrypted else _OPEN,
            gatt.CharacteristicValue(read=read, write=write),
        )
        self._attributes[characteristic] = attribute
        return attribute

    def _on_connection(self, connection: Connection) -> None:
        self.device.connected()
        connection.on("disconnection", lambda _reason: self.device.disconnected())

    def _notify(self, characteristic: VirtualCharacteristic, payload: bytes) -> None:
        attribute = self._attributes.get(characteristic)
        if attribute is None:
            return  # it is in a table that was replaced
        if characteristic.properties & Property.NOTIFY:  # each goes to those who subscribed to that kind
            self._spawn(self._bumble.notify_subscribers(attribute, payload))
        if characteristic.properties & Property.INDICATE:
            self._spawn(self._bumble.indicate_subscribers(attribute, payload))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _advertising_data(device: VirtualDevice) -> bytes:
    """Flags, the name, and the first service, as far as there is room."""
    service = UUID(short_uuid(device.services[0].uuid)) if device.services else None
    fields = [(AdvertisingData.FLAGS, _FLAGS), (AdvertisingData.COMPLETE_LOCAL_NAME, device.name.encode())]
    if service is not None:
        kind = (
            AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
            if len(service.to_bytes()) == 2
            else AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS
        )
        fields.append((kind, service.to_bytes()))
    data = b""
    for kind, value in fields:
        if len(data) + 2 + len(value) <= _ADVERTISING_DATA_MAX:
            data += bytes([len(value) + 1, kind]) + value
    return data
