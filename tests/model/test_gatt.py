"""How callers point at characteristics, and which ones they mean."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gattkeeper.model.gatt import (
    Characteristic,
    CharacteristicRef,
    Property,
    Service,
    characteristic_ref,
    find_characteristics,
    normal_uuid,
    short_uuid,
    table_digest,
)

BATTERY_LEVEL = "00002a19-0000-1000-8000-00805f9b34fb"
BATTERY_SERVICE = "0000180f-0000-1000-8000-00805f9b34fb"
OTHER_SERVICE = "0000180a-0000-1000-8000-00805f9b34fb"

LEVEL = Characteristic(uuid=BATTERY_LEVEL, service=BATTERY_SERVICE, handle=3, properties=0x12)
SECOND_LEVEL = Characteristic(uuid=BATTERY_LEVEL, service=OTHER_SERVICE, handle=7, properties=0x02)
SERVICES = (
    Service(uuid=BATTERY_SERVICE, handle=1, characteristics=(LEVEL,)),
    Service(uuid=OTHER_SERVICE, handle=5, characteristics=(SECOND_LEVEL,)),
)


@given(st.uuids())
def test_a_long_uuid_is_kept_in_lower_case(value: uuid.UUID) -> None:
    assert normal_uuid(f" {str(value).upper()} ") == str(value)


@given(st.integers(min_value=0, max_value=0xFFFF), st.sampled_from(["", "0x", "0X"]), st.booleans())
def test_a_short_uuid_is_spelled_in_full_and_shortened_again(number: int, before: str, upper: bool) -> None:
    short = f"{number:04x}"
    full = normal_uuid(before + (short.upper() if upper else short))
    assert uuid.UUID(full).int >> 96 == number
    assert short_uuid(full) == short


def test_a_uuid_off_the_bluetooth_base_stays_whole() -> None:
    own = "0000fe50-1234-1000-8000-00805f9b34fb"
    assert short_uuid(own) == own


@pytest.mark.parametrize("text", ["", "2a1", "2a19f", "battery", BATTERY_LEVEL.replace("-", "")])
def test_what_is_no_uuid_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match=r"four hex digits \(2a19\) or 128 bits with dashes"):
        normal_uuid(text)


def test_a_pointer_is_a_uuid_a_pair_a_handle_or_a_reference() -> None:
    assert characteristic_ref("2A19") == CharacteristicRef(uuid=BATTERY_LEVEL)
    assert characteristic_ref(("180f", "2a19")) == CharacteristicRef(uuid=BATTERY_LEVEL, service=BATTERY_SERVICE)
    assert characteristic_ref(3) == CharacteristicRef(handle=3)
    reference = CharacteristicRef(handle=9)
    assert characteristic_ref(reference) is reference


@pytest.mark.parametrize("pointer", [0, -1, 0x10000, True])
def test_a_handle_is_from_1_to_65535(pointer: int) -> None:
    with pytest.raises(ValueError, match="1 to 65535 is expected"):
        characteristic_ref(pointer)
    assert characteristic_ref(0xFFFF).handle == 0xFFFF


def test_people_read_a_reference_as_its_short_uuid_or_its_handle() -> None:
    assert str(characteristic_ref("2a19")) == "2a19"
    assert str(characteristic_ref(3)) == "handle 0x0003"


def test_a_uuid_alone_fits_every_service_that_has_it() -> None:
    assert find_characteristics(SERVICES, characteristic_ref("2a19")) == [LEVEL, SECOND_LEVEL]


def test_a_service_or_a_handle_tells_two_apart() -> None:
    assert find_characteristics(SERVICES, characteristic_ref(("180a", "2a19"))) == [SECOND_LEVEL]
    assert find_characteristics(SERVICES, characteristic_ref(3)) == [LEVEL]


def test_what_is_not_there_is_not_found() -> None:
    assert find_characteristics(SERVICES, characteristic_ref("2a00")) == []
    assert find_characteristics(SERVICES, characteristic_ref(4)) == []


def test_a_characteristic_allows_what_its_declaration_says() -> None:
    allowed = {wanted for wanted in Property if LEVEL.allows(wanted)}
    assert allowed == {Property.READ, Property.NOTIFY}


def test_the_digest_of_a_table_tells_it_from_every_other() -> None:
    moved = replace(SERVICES[0], characteristics=(replace(LEVEL, handle=4),))
    closed = replace(SERVICES[0], characteristics=(replace(LEVEL, properties=0x02),))
    tables = (SERVICES, SERVICES[::-1], (moved, SERVICES[1]), (closed, SERVICES[1]), ())
    assert len({table_digest(table) for table in tables}) == len(tables)
    assert table_digest(SERVICES) == table_digest(SERVICES[:1] + SERVICES[1:]) == "085cc31f9e5aac65"
