"""What a simulated link says by itself when something does not go: refusals of its own, and of its devices.

Knows faults and ATT error codes. When they are raised is the business of `simulated_connection`.
"""

from msgspec import Struct

from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import KIND_CONFLICT

WEDGE, IN_VAIN = "wedge", "in_vain"
"""Names in the log of a connection attempt on a wedged adapter: before anything was done about it, and after."""

INVALID_PARAMETERS = Fault(
    kind=FaultKind.REJECTED, ran=Ran.NO, stack="simulated", code=0x12, name="invalid_parameters"
)
OTHER_KIND = Fault(
    kind=FaultKind.REJECTED,
    ran=Ran.NO,
    stack="simulated",
    name=KIND_CONFLICT,
    text="it is subscribed to the other way already: unsubscribe that first, or take either kind",
)
LOCAL_HOST_TERMINATED = Fault(
    kind=FaultKind.LINK_LOST, ran=Ran.MAYBE, stack="simulated", code=0x16, name="terminated_by_local_host"
)
WEDGED = Fault(
    kind=FaultKind.WEDGED, ran=Ran.NO, stack="simulated", name="wedged", text="the adapter answers no command"
)
NOT_FOUND = Fault(kind=FaultKind.NOT_FOUND, ran=Ran.NO, stack="simulated", name="not_found")
OUT_OF_SYNC = Fault(kind=FaultKind.STALE, ran=Ran.REFUSED, stack="att", code=0x12, name="database_out_of_sync")
"""A device with robust caching refuses what was meant for another table (Vol 3, Part G, 2.5.2.1)."""

INVALID_HANDLE = 0x01
INSUFFICIENT_ENCRYPTION = 0x0F
_NEEDS_PAIRING = (0x05, INSUFFICIENT_ENCRYPTION)
"""ATT error codes (Core Specification, Vol 3, Part F, 3.4.1.1)."""

_BUSY = 0xFE
"""Procedure already in progress (Core Specification Supplement, Part B, 1.2)."""


def refused_with(code: int) -> Fault:
    """The fault of a request that a device refused with this ATT error code."""
    known = {_BUSY: FaultKind.BUSY, **dict.fromkeys(_NEEDS_PAIRING, FaultKind.NEEDS_PAIRING)}
    kind = known.get(code, FaultKind.REJECTED)
    return Fault(kind=kind, ran=Ran.REFUSED, stack="att", code=code)


class Wedge(Struct, frozen=True, kw_only=True):
    """An adapter makes no connection until one of these rungs is done; what the log calls it until then."""

    cured_by: frozenset[Rung]
    name: str = WEDGE
