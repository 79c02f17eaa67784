"""The object that BlueZ has for an address is that of the device that is meant, or it is refused."""

import pytest
from bleak.backends.device import BLEDevice

from gattkeeper.errors import LinkError
from gattkeeper.links.bluez_identity import must_be_of_kind
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.identity import parse_address

ADDRESS = "F0:00:00:00:00:01"


def found(kind: str) -> BLEDevice:
    return BLEDevice(ADDRESS, None, {"path": "/org/bluez/hci0/dev_F0", "props": {"AddressType": kind}})


@pytest.mark.parametrize(("wanted", "kind"), [("/public", "random"), ("/random", "public")])
def test_f42_a_device_with_the_other_kind_of_address_is_a_stranger(wanted: str, kind: str) -> None:
    with pytest.raises(LinkError) as raised:
        must_be_of_kind(parse_address(ADDRESS + wanted), found(kind))
    fault = raised.value.fault
    assert (fault.kind, fault.ran, fault.name) == (FaultKind.AMBIGUOUS, Ran.NO, "other_kind")
    assert f"is a {kind} address to BlueZ" in fault.text
    assert f"bluetoothctl remove {ADDRESS}" in fault.text


@pytest.mark.parametrize("wanted", ["", "/random"])
def test_the_device_that_is_meant_is_taken(wanted: str) -> None:
    must_be_of_kind(parse_address(ADDRESS + wanted), found("random"))


@pytest.mark.parametrize("details", [None, {"path": "/org/bluez/hci0/dev_F0"}])
def test_a_stack_that_does_not_tell_is_believed(details: object) -> None:
    must_be_of_kind(parse_address(ADDRESS + "/random"), BLEDevice(ADDRESS, None, details))
