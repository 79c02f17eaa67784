"""Statuses of Android's BluetoothGatt: one number has one meaning where a connection ends, another elsewhere.

Knows the status of `onConnectionStateChange`, which is an HCI code, and that of every other callback (reads,
writes, descriptors, MTU, PHY), which is an ATT code; and the numbers that Android's own stack adds to either.
ESP32 stacks share those.

The stack's own numbers lie where ATT has the errors of a device's application (0x80 to 0x9F), and nothing tells
the two apart: a device that answers 0x85 itself looks like status 133. Those that the stack does not use are the
device's.
"""

from msgspec.structs import replace

from gattkeeper.links.fault_tables.att import att_fault
from gattkeeper.links.fault_tables.hci import hci_fault, hci_lost_fault
from gattkeeper.model.fault import Fault, FaultKind, Ran

Row = tuple[FaultKind, Ran, str]

_OWN: dict[int, Row] = {
    128: (FaultKind.SLOTS_FULL, Ran.NO, "no_resources"),
    129: (FaultKind.GENERIC, Ran.MAYBE, "internal_error"),  # what helps is a fresh connection
    130: (FaultKind.TRANSIENT, Ran.MAYBE, "wrong_state"),
    131: (FaultKind.SLOTS_FULL, Ran.NO, "db_full"),
    132: (FaultKind.BUSY, Ran.NO, "busy"),  # an earlier operation is not over
    133: (
        FaultKind.GENERIC,
        Ran.MAYBE,
        "gatt_error",
    ),  # anything: out of reach, a stale bond, a stack that is stuck
    134: (FaultKind.BUSY, Ran.NO, "cmd_started"),
    135: (FaultKind.REJECTED, Ran.NO, "illegal_parameter"),
    136: (FaultKind.BUSY, Ran.NO, "pending"),
    137: (FaultKind.NEEDS_PAIRING, Ran.REFUSED, "auth_fail"),
    138: (FaultKind.TRANSIENT, Ran.MAYBE, "more"),
    139: (FaultKind.REJECTED, Ran.NO, "invalid_cfg"),
    140: (FaultKind.TRANSIENT, Ran.MAYBE, "service_started"),
    141: (FaultKind.NEEDS_PAIRING, Ran.REFUSED, "encrypted_no_mitm"),
    142: (FaultKind.NEEDS_PAIRING, Ran.REFUSED, "not_encrypted"),
    143: (FaultKind.TRANSIENT, Ran.MAYBE, "congested"),  # flow control: it may be in the buffer all the same
    144: (FaultKind.REJECTED, Ran.NO, "duplicate_registration"),
    145: (FaultKind.BUSY, Ran.NO, "already_open"),
    146: (FaultKind.TRANSIENT, Ran.MAYBE, "cancelled"),
}
"""Numbers of the stack's own, in any callback."""

_CONNECTING: dict[int, Row] = {
    0: (FaultKind.LINK_LOST, Ran.NO, "disconnected"),  # in good order, and nobody says by whom
    1: (FaultKind.TRANSIENT, Ran.NO, "l2cap_failure"),
    147: (FaultKind.TRANSIENT, Ran.NO, "connection_timeout"),
    256: (FaultKind.TRANSIENT, Ran.NO, "connection_cancelled"),
    257: (FaultKind.SLOTS_FULL, Ran.NO, "no_client_left"),  # too many are open, or were never closed
}
"""Numbers of the stack's own where a connection ends; for the others see `_OWN`, then HCI."""

_KINDS_THAT_OUTLAST_THE_LINK = (FaultKind.PAIRING_FAILED, FaultKind.NEEDS_PAIRING, FaultKind.WEDGED)


def android_connect_fault(status: int) -> Fault:
    """The fault behind `onConnectionStateChange` of a connection that never came up: nothing was sent."""
    row = _CONNECTING.get(status) or _OWN.get(status)
    fault = hci_fault(status) if row is None else _fault(row, status)
    return replace(fault, ran=Ran.NO, stack="android")


def android_lost_fault(status: int) -> Fault:
    """The fault behind `onConnectionStateChange` of a connection that was up: what was in flight may have run."""
    row = _CONNECTING.get(status) or _OWN.get(status)
    if row is None:
        return replace(hci_lost_fault(status), stack="android")
    kind = row[0] if row[0] in _KINDS_THAT_OUTLAST_THE_LINK else FaultKind.LINK_LOST
    return Fault(kind=kind, ran=Ran.MAYBE, stack="android", code=status, name=row[2])


def android_fault(status: int) -> Fault:
    """The fault behind the status of any other callback: of a characteristic, a descriptor, the MTU, the PHY."""
    row = _OWN.get(status)
    return replace(att_fault(status), stack="android") if row is None else _fault(row, status)


def _fault(row: Row, status: int) -> Fault:
    kind, ran, name = row
    return Fault(kind=kind, ran=ran, stack="android", code=status, name=name)
