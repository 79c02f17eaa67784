"""How many requests carry a payload on a simulated connection, and which payloads nothing carries.

Knows the headers of ATT, and no time. Reads of long values take one request here, however long they are.
"""

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Operation, Write, WriteMode
from gattkeeper.world.virtual_device import PREPARE_QUEUE_FULL, REQUEST_NOT_SUPPORTED, AttError

_WRITE_HEADER = 3
_PREPARE_HEADER = 5
"""Bytes of ATT_MTU that a write and a prepared part need besides the value (Vol 3, Part F, 3.4.5 and 3.4.6)."""


def parts_of(operation: Operation, att_mtu: int) -> int:
    """How many prepared parts it takes to the device: none unless it is a write that is too long for one request.

    Raises LinkError for a write without response that is too long: it cannot be prepared.
    """
    if not isinstance(operation, Write) or len(operation.payload) + _WRITE_HEADER <= att_mtu:
        return 0
    length = len(operation.payload)
    if operation.mode is WriteMode.WITHOUT_RESPONSE:
        text = f"a payload of {length} bytes needs an ATT_MTU of {length + _WRITE_HEADER}; {att_mtu} is in force"
        fault = Fault(kind=FaultKind.UNSUPPORTED, ran=Ran.NO, stack="simulated", name="att_mtu", text=text)
        raise LinkError(fault)
    return -(-length // (att_mtu - _PREPARE_HEADER))


def must_be_kept(parts: int, parts_max: int) -> None:
    """Raise AttError as a device does that keeps no more than so many parts, or none at all."""
    if parts > parts_max:
        raise AttError(PREPARE_QUEUE_FULL if parts_max else REQUEST_NOT_SUPPORTED)
