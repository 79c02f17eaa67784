"""Each HCI error code means what its row says, as a status and as the reason for a disconnection."""

import pytest

from gattkeeper.links.fault_tables.hci import hci_fault, hci_lost_fault
from gattkeeper.model.fault import FaultKind, Ran

ROWS = [
    (0x01, "unsupported", "link_lost"),
    (0x02, "link_lost", "link_lost"),
    (0x03, "wedged", "wedged"),
    (0x04, "not_found", "link_lost"),
    (0x05, "pairing_failed", "pairing_failed"),
    (0x06, "pairing_failed", "pairing_failed"),
    (0x07, "slots_full", "link_lost"),
    (0x08, "link_lost", "link_lost"),
    (0x09, "slots_full", "link_lost"),
    (0x0A, "slots_full", "link_lost"),
    (0x0B, "busy", "link_lost"),
    (0x0C, "busy", "link_lost"),
    (0x0D, "slots_full", "link_lost"),
    (0x0E, "pairing_failed", "pairing_failed"),
    (0x0F, "rejected", "link_lost"),
    (0x10, "transient", "link_lost"),
    (0x11, "rejected", "link_lost"),
    (0x12, "rejected", "link_lost"),
    (0x13, "link_lost", "link_lost"),
    (0x14, "link_lost", "link_lost"),
    (0x15, "link_lost", "link_lost"),
    (0x16, "link_lost", "link_lost"),
    (0x18, "pairing_failed", "pairing_failed"),
    (0x1A, "rejected", "link_lost"),
    (0x1E, "transient", "link_lost"),
    (0x1F, "transient", "link_lost"),
    (0x20, "rejected", "link_lost"),
    (0x22, "link_lost", "link_lost"),
    (0x23, "transient", "link_lost"),
    (0x24, "transient", "link_lost"),
    (0x25, "pairing_failed", "pairing_failed"),
    (0x28, "link_lost", "link_lost"),
    (0x29, "pairing_failed", "pairing_failed"),
    (0x2F, "pairing_failed", "pairing_failed"),
    (0x3A, "busy", "link_lost"),
    (0x3B, "rejected", "link_lost"),
    (0x3D, "link_lost", "link_lost"),
    (0x3E, "transient", "link_lost"),
    (0x44, "busy", "link_lost"),
    (0x7F, "unlisted", "link_lost"),  # no table knows it
]


@pytest.mark.parametrize(("code", "as_status", "as_reason"), ROWS)
def test_hci_row(code: int, as_status: str, as_reason: str) -> None:
    status, reason = hci_fault(code), hci_lost_fault(code)
    assert (status.kind, status.ran) == (FaultKind(as_status), Ran.NO)
    assert (reason.kind, reason.ran) == (FaultKind(as_reason), Ran.MAYBE)
    for fault in (status, reason):
        assert (fault.stack, fault.code) == ("hci", code)
    assert status.name == reason.name


def test_every_listed_code_has_its_row_here() -> None:
    assert {code for code in range(0x100) if hci_fault(code).name} <= {row[0] for row in ROWS}
