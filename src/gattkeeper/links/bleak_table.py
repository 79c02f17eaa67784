"""Bleak's attribute table in our words, and how a caller's pointer finds its place in it.

Knows both shapes of a table. Asks nothing of any device.
"""

import sys

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTServiceCollection

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import (
    Characteristic,
    CharacteristicRef,
    Descriptor,
    Property,
    Service,
    find_characteristics,
    short_uuid,
)

_PROPERTIES = {
    "read": Property.READ,
    "write-without-response": Property.WRITE_WITHOUT_RESPONSE,
    "write": Property.WRITE,
    "notify": Property.NOTIFY,
    "indicate": Property.INDICATE,
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
        found = find_characteristics(self.services, ref)
        if len(found) == 1:
            return found[0]
        if found:
            where = ", ".join(each.service for each in found)
            raise refused("ambiguous", f"{ref} is in more than one service: say which of {where}")
        there = ", ".join(each.uuid for service in self.services for each in service.characteristics)
        raise refused("no_such_characteristic", f"the device has no characteristic {ref}; it has {there}")

    def allowed(self, ref: CharacteristicRef, *wanted: Property) -> Characteristic:
        """The one characteristic meant, if it has one of these properties. Raises LinkError."""
        characteristic = self.find(ref)
        if not any(characteristic.allows(each) for each in wanted):
            names = " or ".join(str(each.name).lower() for each in wanted)
            raise refused("property", f"the characteristic {ref} does not allow {names}")
        return characteristic

    def of_bleak(self, characteristic: Characteristic) -> BleakGATTCharacteristic:
        """Bleak's object for one of ours."""
        return self._characteristics[characteristic.handle]

    def descriptor(self, characteristic: Characteristic, uuid: str) -> BleakGATTDescriptor:
        """Bleak's object for a descriptor. Raises LinkError when there is none of this UUID."""
        for found in self.of_bleak(characteristic).descriptors:
            if uuid in (found.uuid, short_uuid(found.uuid)):
                return found
        there = ", ".join(each.uuid for each in characteristic.descriptors) or "none"
        raise refused("no_such_descriptor", f"the characteristic has no descriptor {uuid}; it has {there}")


def refused(name: str, text: str) -> LinkError:
    """What the device cannot be asked: it never saw it."""
    return LinkError(Fault(kind=FaultKind.REJECTED, ran=Ran.NO, stack="keeper", name=name, text=text))


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
