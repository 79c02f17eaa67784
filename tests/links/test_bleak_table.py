"""The attribute table: Bleak's objects in our words, and pointers that fit one, none or several."""

import sys

import pytest
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection

from gattkeeper.errors import LinkError
from gattkeeper.links.bleak_table import AttributeTable
from gattkeeper.model.gatt import CharacteristicRef, Property, normal_uuid

BATTERY, LEVEL, NAMED, OTHER = (normal_uuid(short) for short in ("180f", "2a19", "2901", "1810"))
OFFSET = 1 if sys.platform == "linux" else 0


def table(*services: tuple[int, str, list[tuple[int, str, list[str]]]], room: int = 20) -> AttributeTable:
    """A table as Bleak collects it: services in any order, handles of declarations."""
    collection = BleakGATTServiceCollection()
    for handle, uuid, characteristics in services:
        service = BleakGATTService(None, handle, uuid)
        collection.add_service(service)
        for number, characteristic_uuid, properties in characteristics:
            found = BleakGATTCharacteristic(None, number, characteristic_uuid, properties, lambda: room, service)
            collection.add_characteristic(found)
            collection.add_descriptor(BleakGATTDescriptor(None, number + 2, NAMED, found))
    return AttributeTable(collection)


def test_everything_is_in_the_order_of_handles() -> None:
    two = table((32, OTHER, [(35, LEVEL, ["read"]), (33, NAMED, [])]), (16, BATTERY, [(17, LEVEL, [])]))
    assert [service.handle for service in two.services] == [16, 32]
    assert [each.handle for each in two.services[1].characteristics] == [33 + OFFSET, 35 + OFFSET]


def test_properties_are_bits_and_unknown_ones_are_left_out() -> None:
    flags = ["broadcast", "read", "write", "write-without-response", "notify", "indicate", "encrypt-read"]
    flags += ["authenticated-signed-writes", "extended-properties", "reliable-write"]
    (found,) = table((16, BATTERY, [(17, LEVEL, flags)])).services[0].characteristics
    assert found.properties == 0xFF


def test_descriptors_come_along() -> None:
    (found,) = table((16, BATTERY, [(17, LEVEL, [])])).services[0].characteristics
    assert [(each.uuid, each.handle) for each in found.descriptors] == [(NAMED, 19)]


def test_an_empty_table_has_the_smallest_mtu() -> None:
    assert table().att_mtu == 23
    assert table((16, BATTERY, [(17, LEVEL, [])]), room=244).att_mtu == 247


def test_one_fits() -> None:
    one = table((16, BATTERY, [(17, LEVEL, ["read"])]), (32, OTHER, [(33, LEVEL, ["notify"])]))
    assert one.find(CharacteristicRef(uuid=LEVEL, service=OTHER)).handle == 33 + OFFSET
    assert one.find(CharacteristicRef(handle=17 + OFFSET)).service == BATTERY


@pytest.mark.parametrize(
    ("ref", "name", "words"),
    [
        (CharacteristicRef(uuid=LEVEL), "ambiguous", ["180f", "1810"]),
        (CharacteristicRef(uuid=NAMED), "no_such_characteristic", ["2a19"]),
        (CharacteristicRef(handle=99), "no_such_characteristic", ["2a19"]),
    ],
)
def test_none_or_several_is_said_in_a_sentence(ref: CharacteristicRef, name: str, words: list[str]) -> None:
    two = table((16, BATTERY, [(17, LEVEL, [])]), (32, OTHER, [(33, LEVEL, [])]))
    with pytest.raises(LinkError) as caught:
        two.find(ref)
    assert caught.value.fault.name == name
    assert all(word in caught.value.fault.text for word in words)


def test_a_property_that_is_missing_is_named() -> None:
    one = table((16, BATTERY, [(17, LEVEL, ["read"])]))
    assert one.allowed(CharacteristicRef(uuid=LEVEL), Property.READ).uuid == LEVEL
    with pytest.raises(LinkError, match="notify or indicate"):
        one.allowed(CharacteristicRef(uuid=LEVEL), Property.NOTIFY, Property.INDICATE)
