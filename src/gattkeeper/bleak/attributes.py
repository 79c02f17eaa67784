"""A device's attribute table as Bleak's objects.

Knows both shapes, and how Bleak numbers characteristics on this platform. Asks nothing of any device.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable

from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from msgspec import Struct

from gattkeeper.model.gatt import Characteristic, CharacteristicRef, Property, Service, table_digest

HANDLE_OFFSET = 1 if sys.platform == "linux" else 0
"""What Bleak calls a characteristic's handle is that of its declaration on Linux; the value's, which is ours, is
the next one (Core Specification, Vol 3, Part G, 3.3.2). Programs have such numbers written into them."""

ATT_HEADER = 3
"""Bytes of a write without response before its payload (Vol 3, Part F, 3.4.5.3)."""

_NAMES: dict[Property, CharacteristicPropertyName] = {
    Property.BROADCAST: "broadcast",
    Property.READ: "read",
    Property.WRITE_WITHOUT_RESPONSE: "write-without-response",
    Property.WRITE: "write",
    Property.NOTIFY: "notify",
    Property.INDICATE: "indicate",
    Property.AUTHENTICATED_SIGNED_WRITES: "authenticated-signed-writes",
    Property.EXTENDED_PROPERTIES: "extended-properties",
}


class Place(Struct, frozen=True, kw_only=True):
    """Where a characteristic is. A handle says so in the table with this digest only."""

    ref: CharacteristicRef
    table: str

    def is_in(self, services: tuple[Service, ...]) -> bool:
        """Whether it means the same in this table: UUIDs do in every one."""
        return not self.ref.handle or table_digest(services) == self.table


def collection_of(
    services: Iterable[Service], wanted: set[str] | None, att_mtu: Callable[[], int]
) -> BleakGATTServiceCollection:
    """Bleak's table. `wanted` are UUIDs in full, None: all; `att_mtu` tells what is in force when it is asked.

    The `obj` of a characteristic, and of its descriptors, is its `Place`.
    """
    services = tuple(services)
    table = table_digest(services)
    chosen = [service for service in services if wanted is None or service.uuid in wanted]
    uuids = Counter(each.uuid for service in services for each in service.characteristics)
    collection = BleakGATTServiceCollection()

    def room() -> int:
        return att_mtu() - ATT_HEADER

    for service in chosen:
        shown = BleakGATTService(service, service.handle, service.uuid)
        collection.add_service(shown)
        for each in service.characteristics:
            place = Place(ref=_ref_to(each, service, uuids[each.uuid]), table=table)
            characteristic = BleakGATTCharacteristic(
                place,
                each.handle - HANDLE_OFFSET,
                each.uuid,
                [name for bit, name in _NAMES.items() if each.allows(bit)],
                room,
                shown,
            )
            collection.add_characteristic(characteristic)
            for descriptor in each.descriptors:
                collection.add_descriptor(
                    BleakGATTDescriptor(place, descriptor.handle, descriptor.uuid, characteristic)
                )
    return collection


def _ref_to(each: Characteristic, service: Service, of_its_uuid: int) -> CharacteristicRef:
    """By UUID where that is enough: so people, profiles and other programs point at it too, and share with it."""
    if of_its_uuid == 1:
        return CharacteristicRef(uuid=each.uuid)
    if sum(other.uuid == each.uuid for other in service.characteristics) == 1:
        return CharacteristicRef(uuid=each.uuid, service=each.service)
    return CharacteristicRef(handle=each.handle)
