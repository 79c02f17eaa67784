"""A raw write may be repeated when it is just what an action sends that may be repeated."""

import pytest

from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.devices.codec import parse_template
from gattkeeper.devices.profile_file import shipped_profile
from gattkeeper.devices.repeating import may_repeat, same_characteristic
from gattkeeper.model.gatt import CharacteristicRef, characteristic_ref, normal_uuid
from gattkeeper.model.identity import parse_address
from gattkeeper.model.operation import Write
from gattkeeper.model.profile import Profile, Raw, ReadAction, WriteAction
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world.virtual_blind import BLIND_LABEL, BLIND_TARGET

LEVEL = characteristic_ref("fe51")


def write(payload: str, target: CharacteristicRef = LEVEL) -> Write:
    return Write(target=target, payload=bytes.fromhex(payload))


def profile(template: str, **rules: object) -> Profile:
    return Profile(actions={"act": WriteAction(characteristic=LEVEL, payload=parse_template(template), **rules)})


@pytest.mark.parametrize(
    ("template", "payload"), [("9a {u8} {xor}", "9a4ad0"), ("9a", "9a"), ("01 {i16le}", "01ffff")]
)
def test_the_bytes_of_an_action_are_known_again(template, payload):
    assert may_repeat(profile(template, idempotent=True), write(payload))
    assert may_repeat(profile(template, setpoint=True), write(payload))
    assert not may_repeat(profile(template), write(payload))


@pytest.mark.parametrize("payload", ["9a4a00", "9b4ad0", "9a4a", "9a4ad000"])
def test_other_bytes_are_not(payload):
    assert not may_repeat(profile("9a {u8} {xor}", idempotent=True), write(payload))


def test_raw_bytes_are_known_again_and_numbers_of_their_own_are_not():
    assert may_repeat(profile("01 {bytes}", argument=Raw(), idempotent=True), write("01aabb"))
    assert not may_repeat(profile("01 {token}", idempotent=True), write("0100000001"))


def test_another_characteristic_and_a_read_are_not():
    assert not may_repeat(profile("{u8}", idempotent=True), write("01", characteristic_ref("fe52")))
    assert not may_repeat(Profile(actions={"level": ReadAction(characteristic=LEVEL)}), write("01"))


def test_a_service_counts_where_both_name_one():
    bare, one, other = LEVEL, *(characteristic_ref((service, "fe51")) for service in ("fe50", "fe60"))
    assert same_characteristic(bare, one)
    assert same_characteristic(one, bare)
    assert same_characteristic(one, one)
    assert not same_characteristic(one, other)
    assert not same_characteristic(one, characteristic_ref(("fe50", "fe52")))


def test_the_book_knows_the_profile_of_a_device():
    address = parse_address("F0:00:00:00:00:01")
    entry = Entry(name="lounge", rules=DeviceRules(address=address), profile=shipped_profile("virtual_blind"))
    book = ProfileBook([entry])
    target = characteristic_ref(BLIND_TARGET)
    assert book.may_repeat("lounge", write("37", target))
    assert book.may_repeat(address.value, write("37", target))
    assert not book.may_repeat("lounge", write("37", characteristic_ref(BLIND_LABEL)))
    assert not book.may_repeat("F0:00:00:00:00:02", write("37", target))
    assert normal_uuid(BLIND_TARGET) == target.uuid
