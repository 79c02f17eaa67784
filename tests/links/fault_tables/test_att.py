"""Each ATT error code means what its row says."""

import pytest

from gattkeeper.links.fault_tables.att import att_fault
from gattkeeper.model.fault import FaultKind, Ran

ROWS = [
    (0x01, "stale", "refused", "invalid_handle"),
    (0x02, "rejected", "refused", "read_not_permitted"),
    (0x03, "rejected", "refused", "write_not_permitted"),
    (0x04, "rejected", "refused", "invalid_pdu"),
    (0x05, "needs_pairing", "refused", "insufficient_authentication"),
    (0x06, "rejected", "refused", "request_not_supported"),
    (0x07, "rejected", "refused", "invalid_offset"),
    (0x08, "rejected", "refused", "insufficient_authorization"),
    (0x09, "transient", "refused", "prepare_queue_full"),
    (0x0A, "stale", "refused", "attribute_not_found"),
    (0x0B, "rejected", "refused", "attribute_not_long"),
    (0x0C, "pairing_failed", "refused", "encryption_key_too_short"),
    (0x0D, "rejected", "refused", "invalid_length"),
    (0x0E, "busy", "maybe", "unlikely_error"),
    (0x0F, "needs_pairing", "refused", "insufficient_encryption"),
    (0x10, "rejected", "refused", "unsupported_group_type"),
    (0x11, "transient", "refused", "insufficient_resources"),
    (0x12, "stale", "refused", "database_out_of_sync"),
    (0x13, "rejected", "refused", "value_not_allowed"),
    (0x14, "unlisted", "maybe", ""),
    (0x7F, "unlisted", "maybe", ""),
    (0x80, "rejected", "refused", "application_error"),
    (0x9F, "rejected", "refused", "application_error"),
    (0xA0, "unlisted", "maybe", ""),
    (0xFB, "unlisted", "maybe", ""),
    (0xFC, "rejected", "refused", "write_request_rejected"),
    (0xFD, "rejected", "refused", "cccd_improperly_configured"),
    (0xFE, "busy", "refused", "procedure_in_progress"),
    (0xFF, "rejected", "refused", "out_of_range"),
]


@pytest.mark.parametrize(("code", "kind", "ran", "name"), ROWS)
def test_att_row(code: int, kind: str, ran: str, name: str) -> None:
    fault = att_fault(code)
    assert (fault.kind, fault.ran, fault.name) == (FaultKind(kind), Ran(ran), name)
    assert (fault.stack, fault.code) == ("att", code)


def test_every_listed_code_has_its_row_here() -> None:
    listed = {code for code in range(0x100) if att_fault(code).name not in ("", "application_error")}
    assert listed <= {row[0] for row in ROWS}
