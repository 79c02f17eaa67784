"""What callers write becomes operations, or a sentence that says what is wrong."""

import pytest

from gattkeeper.errors import InvalidCommandError, InvariantViolation
from gattkeeper.model.gatt import CharacteristicRef, characteristic_ref
from gattkeeper.model.operation import (
    CONNECTION_PRIORITIES,
    Phy,
    RequestConnectionParameters,
    RequestMtu,
    SetPhy,
    SubscriptionKind,
    Write,
    WriteMode,
)
from gattkeeper.model.outcome import Phys
from gattkeeper.runtime.calls import (
    answer_of,
    member,
    mtu_request,
    pace_request,
    phy_request,
    priority_request,
    target_of,
    write_of,
)


def test_a_characteristic_is_pointed_at_by_uuid_or_handle():
    assert target_of("2A19") == characteristic_ref("2a19")
    assert target_of(5) == CharacteristicRef(handle=5)
    with pytest.raises(InvalidCommandError, match="not a UUID"):
        target_of("battery")


def test_a_payload_is_copied_at_once():
    payload = bytearray(b"\x49")
    write = write_of("fe51", payload, response=False)
    payload[0] = 0
    assert write == Write(target=target_of("fe51"), payload=b"\x49", mode=WriteMode.WITHOUT_RESPONSE)
    assert write_of("fe51", b"x", response=True).mode is WriteMode.WITH_RESPONSE


def test_a_name_is_a_member_or_the_names_are_told():
    assert member(SubscriptionKind, "kind", "indicate") is SubscriptionKind.INDICATE
    with pytest.raises(InvalidCommandError, match="kind is either or notify or indicate, not 'push'"):
        member(SubscriptionKind, "kind", "push")


@pytest.mark.parametrize("att_mtu", [22, 518])
def test_an_att_mtu_has_limits(att_mtu: int):
    with pytest.raises(InvalidCommandError, match="23 to 517 bytes"):
        mtu_request(att_mtu)
    assert [mtu_request(one) for one in (23, 517)] == [RequestMtu(att_mtu=23), RequestMtu(att_mtu=517)]


def test_no_phy_is_no_preference():
    assert phy_request(None, "2m") == SetPhy(rx=Phy.LE_2M)
    assert phy_request(Phy.LE_CODED, None) == SetPhy(tx=Phy.LE_CODED)


def test_a_pace_in_seconds_is_one_in_microseconds():
    assert pace_request(
        interval_min=0.0075, interval_max=0.015, latency=3, supervision_timeout=4.0
    ) == RequestConnectionParameters(
        interval_min_us=7_500, interval_max_us=15_000, latency=3, supervision_timeout_us=4_000_000
    )
    with pytest.raises(InvalidCommandError, match="the least first"):
        pace_request(interval_min=1.0, interval_max=0.5, latency=0, supervision_timeout=4.0)


def test_a_priority_has_the_name_that_android_gave_it():
    assert priority_request("high") is CONNECTION_PRIORITIES["high"]
    with pytest.raises(InvalidCommandError, match="high or balanced or low_power, not 'fast'"):
        priority_request("fast")


def test_an_answer_of_another_kind_is_our_bug_and_not_an_answer():
    assert answer_of(int, -50) == -50
    with pytest.raises(InvariantViolation, match="int where Phys belongs"):
        answer_of(Phys, -50)
