"""ATT error codes: what a device's refusal means.

Knows the codes of the Core Specification (Vol 3, Part F, 3.4.1.1) and of its Supplement (Part B, 1.2).
Whether the device really said it, or a stack made the code up, is for that stack's own table to say.
"""

from gattkeeper.model.fault import Fault, FaultKind, Ran

UNLIKELY_ERROR = 0x0E

_TABLE: dict[int, tuple[FaultKind, Ran, str]] = {
    0x01: (FaultKind.STALE, Ran.REFUSED, "invalid_handle"),
    0x02: (FaultKind.REJECTED, Ran.REFUSED, "read_not_permitted"),
    0x03: (FaultKind.REJECTED, Ran.REFUSED, "write_not_permitted"),
    0x04: (FaultKind.REJECTED, Ran.REFUSED, "invalid_pdu"),
    0x05: (FaultKind.NEEDS_PAIRING, Ran.REFUSED, "insufficient_authentication"),
    0x06: (FaultKind.REJECTED, Ran.REFUSED, "request_not_supported"),
    0x07: (FaultKind.REJECTED, Ran.REFUSED, "invalid_offset"),
    # The device's application withholds it: pairing does not help.
    0x08: (FaultKind.REJECTED, Ran.REFUSED, "insufficient_authorization"),
    0x09: (FaultKind.TRANSIENT, Ran.REFUSED, "prepare_queue_full"),
    0x0A: (FaultKind.STALE, Ran.REFUSED, "attribute_not_found"),
    0x0B: (FaultKind.REJECTED, Ran.REFUSED, "attribute_not_long"),
    # Pairing again would agree on the same short key.
    0x0C: (FaultKind.PAIRING_FAILED, Ran.REFUSED, "encryption_key_too_short"),
    0x0D: (FaultKind.REJECTED, Ran.REFUSED, "invalid_length"),
    # Devices answer so when they are busy; stacks also when nobody answered at all. So it may have run.
    UNLIKELY_ERROR: (FaultKind.BUSY, Ran.MAYBE, "unlikely_error"),
    0x0F: (FaultKind.NEEDS_PAIRING, Ran.REFUSED, "insufficient_encryption"),
    0x10: (FaultKind.REJECTED, Ran.REFUSED, "unsupported_group_type"),
    0x11: (FaultKind.TRANSIENT, Ran.REFUSED, "insufficient_resources"),
    0x12: (FaultKind.STALE, Ran.REFUSED, "database_out_of_sync"),
    0x13: (FaultKind.REJECTED, Ran.REFUSED, "value_not_allowed"),
    0xFC: (FaultKind.REJECTED, Ran.REFUSED, "write_request_rejected"),
    0xFD: (FaultKind.REJECTED, Ran.REFUSED, "cccd_improperly_configured"),
    0xFE: (FaultKind.BUSY, Ran.REFUSED, "procedure_in_progress"),
    0xFF: (FaultKind.REJECTED, Ran.REFUSED, "out_of_range"),
}

_APPLICATION_ERRORS = range(0x80, 0xA0)
"""Codes whose meaning the device's own service specification gives."""


def att_fault(code: int) -> Fault:
    """The fault behind an ATT error code. A code that no table knows is unlisted, and may have run."""
    if code in _APPLICATION_ERRORS:
        kind, ran, name = FaultKind.REJECTED, Ran.REFUSED, "application_error"
    else:
        kind, ran, name = _TABLE.get(code, (FaultKind.UNLISTED, Ran.MAYBE, ""))
    return Fault(kind=kind, ran=ran, stack="att", code=code, name=name)
