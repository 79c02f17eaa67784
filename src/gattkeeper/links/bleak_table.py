"""Bleak's attribute table in our words, and how a caller's pointer finds its place in it.

Knows both shapes of a table. Asks nothing of any device.
"""

import sys

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTServiceCollection

from gattkeeper.links.targets import find_descriptor, find_target, must_allow
from gattkeeper.model.gatt import Characteristic, CharacteristicRef, Descriptor, Property, Service

_PROPERTIES = {
    "broadcast": Property.BROADCAST,
    "read": Property.READ,
    "write-without-response": Property.WRITE_WITHOUT_RESPONSE,
    "write": Property.WRITE,
    "notify": Property.NOTIFY,
    "indicate": Property.INDICATE,
    "authenticated-signed-writes": Property.AUTHENTICATED_SIGNED_WRITES,
    "extended-properties": Property.EXTENDED_PROPERTIES,
}

_VALUE_OFFSET = 1 if sys.platform == "linux" else 0
"""BlueZ's object paths carry the handle of the declaration; the value's is the next one (Core
Specification, Vol 3, Part G, 3.3.2)."""


class AttributeTable:
    """The attributes of one connection. `services` are in the order of their handles."""

    def __init__(self, collection: BleakGATTServiceCollection) -> None:
        self._characteristics = {_handle(each): each for each in collection.characteristics.values()}
        self.services = tuple(
            Service(
                uuid=service.uuid,
                handle=service.handle,
                characteristics=tuple(
                    _characteristic(each) for each in sorted(service.characteristics, key=_handle)
                ),
            )
            for service in sorted(collection, key=lambda service: service.handle)
        )

    @property
    def att_mtu(self) -> int:
        """ATT_MTU in force, in bytes: 3 more than the longest write without response that Bleak grants.

        BlueZ before 5.62 does not say; then 23.
        """
        sizes = [each.max_write_without_response_size for each in self._characteristics.values()]
        return max(sizes, default=20) + 3

    def find(self, ref: CharacteristicRef) -> Characteristic:
        """The one characteristic meant. Raises LinkError: no such one, or more than one."""
        return find_target(self.services, ref)

    def allowed(self, ref: CharacteristicRef, *wanted: Property) -> Characteristic:
        """The one characteristic meant, if it has one of these properties. Raises LinkError."""
        characteristic = self.find(ref)
        must_allow(characteristic, *wanted)
        return characteristic

    def of_bleak(self, characteristic: Characteristic) -> BleakGATTCharacteristic:
        """Bleak's object for one of ours."""
        return self._characteristics[characteristic.handle]

    def descriptor(self, characteristic: Characteristic, uuid: str) -> BleakGATTDescriptor:
        """Bleak's object for a descriptor. Raises LinkError when there is none of this UUID."""
        wanted = find_descriptor(characteristic, uuid)
        return next(each for each in self.of_bleak(characteristic).descriptors if each.handle == wanted.handle)


def _handle(characteristic: BleakGATTCharacteristic) -> int:
    return characteristic.handle + _VALUE_OFFSET


def _characteristic(found: BleakGATTCharacteristic) -> Characteristic:
    bits = Property(0)
    for name in found.properties:
        bits |= _PROPERTIES.get(name, Property(0))
    return Characteristic(
        uuid=found.uuid,
        service=found.service_uuid,
        handle=_handle(found),
        properties=bits.value,
        descriptors=tuple(
            Descriptor(uuid=each.uuid, handle=each.handle)
            for each in sorted(found.descriptors, key=lambda each: each.handle)
        ),
    )
