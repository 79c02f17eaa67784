"""A virtual device on the radio: a complete Bumble host and GATT server around a `VirtualDevice`.

Knows how our attributes become Bumble's. What the device does with them stands in `virtual_device`.
"""

import asyncio
import hashlib
from collections.abc import Coroutine
from itertools import count
from typing import Any

from bumble import att, crypto, gatt, hci, smp
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.host import Host
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.profiles.gatt_service import GenericAttributeProfileService
from bumble.transport.common import AsyncPipeSink

from gattkeeper.model.gatt import Property, short_uuid
from gattkeeper.model.identity import AddressKind
from gattkeeper.world.bumble_corrections import CorrectedController
from gattkeeper.world.prepared_writes import correct_prepared_writes, outdate_prepared_writes
from gattkeeper.world.virtual_device import AttError, VirtualCharacteristic, VirtualDevice, VirtualService

_ADVERTISING_DATA_MAX = 31
"""Bytes in a legacy advertisement (Core Specification, Vol 6, Part B, 2.3.1.1)."""

_RESOLVABLE_BITS = 0x40  # the two highest bits of a resolvable private address are 01 (Vol 6, Part B, 1.3.2.2)

_SERVICE_LISTS = {
    2: AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    16: AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
}
_SERVICE_DATA = {2: AdvertisingData.SERVICE_DATA_16_BIT_UUID, 16: AdvertisingData.SERVICE_DATA_128_BIT_UUID}
"""Kinds of advertised fields by the length of their UUIDs in bytes."""

_FLAGS = bytes([0x06])  # general discoverable, no BR/EDR
_WHOLE_TABLE = b"\x01\x00\xff\xff"  # handles that Service Changed declares as affected

_Permissions = gatt.Characteristic.Permissions
_OPEN = _Permissions.READABLE | _Permissions.WRITEABLE
_ENCRYPTED = _OPEN | _Permissions.READ_REQUIRES_ENCRYPTION | _Permissions.WRITE_REQUIRES_ENCRYPTION


class _Session(smp.Session):  # type: ignore[misc]  # Bumble is not typed strictly
    """A pairing that is over once it has failed: Bumble keeps it, and the next one goes wrong with it."""

    def on_pairing_failure(self, reason: smp.ErrorCode) -> None:
        super().on_pairing_failure(reason)
        self.manager.on_session_end(self)


class RadioDevice:
    """Hosts one virtual device on a controller of its own."""

    def __init__(self, device: VirtualDevice, controller: CorrectedController) -> None:
        self.device = device
        self.controller = controller
        self._tasks: set[asyncio.Task[None]] = set()
        self._attributes: dict[VirtualCharacteristic, gatt.Characteristic] = {}
        self._bumble = Device(
            config=DeviceConfiguration(
                name=device.local_name,
                address=hci.Address(device.address.value),
                irk=hashlib.sha256(device.address.spelled.encode()).digest()[:16],
                gatt_service_enabled=False,
            ),
            host=Host(controller, AsyncPipeSink(controller)),
        )
        self._own_kind = hci.OwnAddressType.RANDOM
        if device.address.kind is AddressKind.PUBLIC:
            self._own_kind = hci.OwnAddressType.PUBLIC
        self._rotations = count(1)
        self._bumble.smp_session_proxy = _Session
        self._bumble.pairing_config_factory = self._pairing_config
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
            own_address_type=self._own_kind,
            advertising_data=_advertising_data(self.device),
            advertising_interval_min=advertising_interval_s * 1000,
            advertising_interval_max=advertising_interval_s * 1000,
        )

    @property
    def address(self) -> hci.Address:
        """Under which it advertises now."""
        public = self._own_kind is hci.OwnAddressType.PUBLIC
        return address_of(self.device) if public else self._bumble.random_address

    def rotate(self) -> None:
        """Advertise under another resolvable private address from now on (Vol 6, Part B, 1.3.2.2).

        The random part is a counter, so that the same calls give the same addresses.
        """
        prand = bytes([*next(self._rotations).to_bytes(2, "little"), _RESOLVABLE_BITS])
        self._advertise_as(hci.Address(crypto.ah(self._bumble.irk, prand) + prand))

    def show(self) -> None:
        """Advertise under the address that it is known by."""
        self._advertise_as(address_of(self.device))

    def _advertise_as(self, address: hci.Address) -> None:
        advertising = (self._bumble.legacy_advertising_set, *self.controller.advertising_sets.values())
        for each in (self._bumble, self.controller, *advertising):
            each.random_address = address

    def _pairing_config(self, _connection: Connection) -> PairingConfig:
        return PairingConfig(delegate=PairingDelegate(maximum_encryption_key_size=self.device.key_size_max))

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


def address_of(device: VirtualDevice) -> hci.Address:
    """The address that a device is known by, as Bumble's."""
    public = device.address.kind is AddressKind.PUBLIC
    kind = hci.Address.PUBLIC_DEVICE_ADDRESS if public else hci.Address.RANDOM_DEVICE_ADDRESS
    return hci.Address(device.address.value, kind)


def _advertising_data(device: VirtualDevice) -> bytes:
    """Each field for which there is room. Bumble's controller knows no scan responses: it repeats these."""
    data = b""
    for kind, value in _advertised_fields(device):
        if len(data) + 2 + len(value) <= _ADVERTISING_DATA_MAX:
            data += bytes([len(value) + 1, kind]) + value
    return data


def _advertised_fields(device: VirtualDevice) -> list[tuple[int, bytes]]:
    """Flags, the name, the first service, and what it advertises beside them, the most important first."""
    fields = [(int(AdvertisingData.FLAGS), _FLAGS)]
    fields.append((AdvertisingData.COMPLETE_LOCAL_NAME, device.local_name.encode()))
    if device.services:
        service = UUID(short_uuid(device.services[0].uuid)).to_bytes()
        fields.append((_SERVICE_LISTS[len(service)], service))
    for number, data in device.advertised.manufacturer_data.items():
        fields.append((AdvertisingData.MANUFACTURER_SPECIFIC_DATA, number.to_bytes(2, "little") + data))
    for uuid, data in device.advertised.service_data.items():
        spelled = UUID(short_uuid(uuid)).to_bytes()
        fields.append((_SERVICE_DATA[len(spelled)], spelled + data))
    if device.advertised.tx_power_dbm is not None:
        fields.append((AdvertisingData.TX_POWER_LEVEL, device.advertised.tx_power_dbm.to_bytes(1, signed=True)))
    return fields
