"""HCI error codes: why an adapter did not connect, refused a command, or lost a connection.

Knows the codes of the Core Specification (Vol 1, Part F). The same number is a status (of a command or of a
connection attempt) or the reason for a disconnection; there is a function for each.
"""

from gattkeeper.model.fault import Fault, FaultKind, Ran

TERMINATED_BY_LOCAL_HOST = 0x16
MIC_FAILURE = 0x3D

_TABLE: dict[int, tuple[FaultKind, str]] = {
    0x01: (FaultKind.UNSUPPORTED, "unknown_command"),
    0x02: (FaultKind.LINK_LOST, "unknown_connection"),
    0x03: (FaultKind.WEDGED, "hardware_failure"),
    0x04: (FaultKind.NOT_FOUND, "page_timeout"),
    0x05: (FaultKind.PAIRING_FAILED, "authentication_failure"),
    0x06: (FaultKind.PAIRING_FAILED, "key_missing"),
    0x07: (FaultKind.SLOTS_FULL, "memory_capacity_exceeded"),
    0x08: (FaultKind.LINK_LOST, "supervision_timeout"),
    0x09: (FaultKind.SLOTS_FULL, "connection_limit"),
    0x0A: (FaultKind.SLOTS_FULL, "synchronous_connection_limit"),
    0x0B: (FaultKind.BUSY, "connection_exists"),
    0x0C: (FaultKind.BUSY, "command_disallowed"),
    0x0D: (FaultKind.SLOTS_FULL, "rejected_limited_resources"),
    0x0E: (FaultKind.PAIRING_FAILED, "rejected_security"),
    0x0F: (FaultKind.REJECTED, "rejected_address"),
    0x10: (FaultKind.TRANSIENT, "accept_timeout"),
    0x11: (FaultKind.REJECTED, "unsupported_feature"),
    0x12: (FaultKind.REJECTED, "invalid_parameters"),
    0x13: (FaultKind.LINK_LOST, "terminated_by_device"),
    0x14: (FaultKind.LINK_LOST, "terminated_by_device_low_resources"),
    0x15: (FaultKind.LINK_LOST, "terminated_by_device_power_off"),
    TERMINATED_BY_LOCAL_HOST: (FaultKind.LINK_LOST, "terminated_by_local_host"),
    0x18: (FaultKind.PAIRING_FAILED, "pairing_not_allowed"),
    0x1A: (FaultKind.REJECTED, "unsupported_remote_feature"),
    0x1E: (FaultKind.TRANSIENT, "invalid_link_layer_parameters"),
    0x1F: (FaultKind.TRANSIENT, "unspecified_error"),
    0x20: (FaultKind.REJECTED, "unsupported_link_layer_parameters"),
    0x22: (FaultKind.LINK_LOST, "link_layer_response_timeout"),
    0x23: (FaultKind.TRANSIENT, "link_layer_collision"),
    0x24: (FaultKind.TRANSIENT, "link_layer_pdu_not_allowed"),
    0x25: (FaultKind.PAIRING_FAILED, "encryption_mode_not_acceptable"),
    0x28: (FaultKind.LINK_LOST, "instant_passed"),
    0x29: (FaultKind.PAIRING_FAILED, "unit_key_not_supported"),
    0x2F: (FaultKind.PAIRING_FAILED, "insufficient_security"),
    0x3A: (FaultKind.BUSY, "adapter_busy"),
    0x3B: (FaultKind.REJECTED, "unacceptable_connection_parameters"),
    MIC_FAILURE: (FaultKind.LINK_LOST, "mic_failure"),
    0x3E: (FaultKind.TRANSIENT, "failed_to_be_established"),
    0x44: (FaultKind.BUSY, "cancelled_by_host"),  # by another one: ours end as cancelled, not as a fault
}

_KINDS_THAT_OUTLAST_THE_LINK = (FaultKind.PAIRING_FAILED, FaultKind.WEDGED)
"""What reconnecting alone does not cure. Any other reason for a disconnection is a lost link."""


def hci_fault(code: int) -> Fault:
    """The fault behind a status: the adapter did not do it, so nothing reached the device."""
    kind, name = _TABLE.get(code, (FaultKind.UNLISTED, ""))
    return Fault(kind=kind, ran=Ran.NO, stack="hci", code=code, name=name)


def hci_lost_fault(reason: int) -> Fault:
    """The fault behind the end of a connection: what was in flight on it may have run."""
    kind, name = _TABLE.get(reason, (FaultKind.LINK_LOST, ""))
    if kind not in _KINDS_THAT_OUTLAST_THE_LINK:
        kind = FaultKind.LINK_LOST
    return Fault(kind=kind, ran=Ran.MAYBE, stack="hci", code=reason, name=name)
