"""Every fault of keys says what people can do, behind what the stack said."""

import pytest

from gattkeeper.links.fault_tables.hci import hci_fault, hci_lost_fault
from gattkeeper.links.pairing_faults import (
    LOST_THERE,
    NOBODY_ASKED,
    REFUSED,
    advised,
    declined,
    doubted,
    ended_the_service,
)
from gattkeeper.model.fault import Fault, FaultKind


@pytest.mark.parametrize(
    "fault",
    [
        hci_fault(0x06),
        hci_lost_fault(0x06),
        Fault(kind=FaultKind.PAIRING_FAILED, stack="bluez", text="le-connection-key-missing"),
        Fault(kind=FaultKind.PAIRING_FAILED, stack="bluez", text="br-connection-key-missing"),
    ],
)
def test_a_bond_that_the_device_lost_is_to_be_made_anew_by_people(fault):
    told = advised(fault, asked=True)
    assert told.text == f"{fault.text or fault.name}: {LOST_THERE}"
    assert (told.kind, told.code, told.name, told.ran) == (fault.kind, fault.code, fault.name, fault.ran)


def test_a_refusal_says_where_a_passkey_can_be_given():
    fault = Fault(kind=FaultKind.PAIRING_FAILED, stack="smp", code=4, name="CONFIRM_VALUE_FAILED")
    assert advised(fault, asked=True).text == f"CONFIRM_VALUE_FAILED: {REFUSED}"
    assert advised(fault, asked=False).text == f"CONFIRM_VALUE_FAILED: {REFUSED}{NOBODY_ASKED}"
    assert advised(Fault(kind=FaultKind.PAIRING_FAILED, stack="smp"), asked=True).text == REFUSED


def test_other_faults_and_our_own_stay_as_they_are():
    for fault in (hci_fault(0x08), declined(), Fault(kind=FaultKind.NEEDS_PAIRING, stack="att", code=5)):
        assert advised(fault, asked=False) is fault


def test_a_link_that_does_not_come_up_with_a_bonded_device_may_be_about_the_bond():
    lost = Fault(kind=FaultKind.TRANSIENT, stack="bluez", text="le-connection-abort-by-local")
    told = doubted(lost)
    assert told.text.startswith(
        "le-connection-abort-by-local; it is paired here: if this stays so, the device has lost"
    )
    assert told.kind is lost.kind, "tried again as any other: nobody knows"
    away = Fault(kind=FaultKind.UNREACHABLE, text="out of reach")
    assert doubted(away) is away


def test_a_service_that_goes_while_a_paired_device_is_connected_is_told_with_what_may_be_behind_it():
    told = ended_the_service("F0:00:00:00:00:01")
    assert told.startswith("; it went while F0:00:00:00:00:01 was connected, which is paired here")
    assert told.endswith(LOST_THERE)
