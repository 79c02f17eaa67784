"""A table in Bleak's words, with the handles that Bleak has on this platform."""

import sys

from gattkeeper.bleak.attributes import collection_of
from gattkeeper.model.gatt import Characteristic, CharacteristicRef, Descriptor, Service, normal_uuid

BATTERY, LEVEL, OTHER, CCCD = (normal_uuid(short) for short in ("180f", "2a19", "1810", "2902"))
OFFSET = 1 if sys.platform == "linux" else 0


def characteristic(uuid: str, service: str, handle: int, properties: int = 0x02, **fields: object):
    return Characteristic(uuid=uuid, service=service, handle=handle, properties=properties, **fields)


def table(*services: Service, wanted: set[str] | None = None):
    return collection_of(services, wanted, lambda: 185)


def battery(*characteristics: Characteristic) -> Service:
    return Service(uuid=BATTERY, handle=0x10, characteristics=characteristics)


def test_a_handle_is_that_of_the_declaration_on_linux_and_of_the_value_elsewhere():
    cccd = Descriptor(uuid=CCCD, handle=0x13)
    found = table(battery(characteristic(LEVEL, BATTERY, 0x12, descriptors=(cccd,))))
    level = found.get_characteristic(LEVEL)
    assert level.handle == 0x12 - OFFSET
    assert level.service_handle == 0x10
    assert [(each.uuid, each.handle) for each in level.descriptors] == [(CCCD, 0x13)]
    assert found.get_descriptor(0x13).characteristic_handle == level.handle


def test_every_property_has_its_name():
    level = table(battery(characteristic(LEVEL, BATTERY, 0x12, 0xFF))).get_characteristic(LEVEL)
    assert level.properties == [
        "broadcast",
        "read",
        "write-without-response",
        "write",
        "notify",
        "indicate",
        "authenticated-signed-writes",
        "extended-properties",
    ]


def test_the_room_is_asked_for_when_it_is_looked_at():
    mtus = [23, 247]
    found = collection_of((battery(characteristic(LEVEL, BATTERY, 0x12)),), None, lambda: mtus.pop(0))
    level = found.get_characteristic(LEVEL)
    assert [level.max_write_without_response_size for _ in range(2)] == [20, 244]


def test_a_characteristic_is_pointed_at_by_uuid_where_that_is_enough():
    alone = characteristic(LEVEL, BATTERY, 0x12)
    assert table(battery(alone)).get_characteristic(LEVEL).obj.ref == CharacteristicRef(uuid=LEVEL)


def test_by_service_where_another_one_has_it_too_and_by_handle_where_it_has_it_twice():
    other = Service(uuid=OTHER, handle=0x20, characteristics=(characteristic(LEVEL, OTHER, 0x22),))
    first, second = characteristic(LEVEL, BATTERY, 0x12), characteristic(LEVEL, BATTERY, 0x14)
    found = table(battery(first, second), other).characteristics
    assert [each.obj.ref for each in found.values()] == [
        CharacteristicRef(handle=0x12),
        CharacteristicRef(handle=0x14),
        CharacteristicRef(uuid=LEVEL, service=OTHER),
    ]


def test_a_handle_means_nothing_in_another_table_and_a_uuid_does():
    twins = battery(characteristic(LEVEL, BATTERY, 0x12), characteristic(LEVEL, BATTERY, 0x14))
    single = battery(characteristic(OTHER, BATTERY, 0x12))
    by_handle = next(iter(table(twins).characteristics.values())).obj
    by_uuid = next(iter(table(single).characteristics.values())).obj
    assert [by_handle.is_in((each,)) for each in (twins, single)] == [True, False]
    assert [by_uuid.is_in((each,)) for each in (twins, single)] == [True, True]


def test_only_what_is_wanted_is_shown():
    other = Service(uuid=OTHER, handle=0x20)
    assert [each.uuid for each in table(battery(), other, wanted={OTHER})] == [OTHER]
    assert len(table(battery(), other).services) == 2
