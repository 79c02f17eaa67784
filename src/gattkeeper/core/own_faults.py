"""The faults that the core itself finds: nobody answered in time, or somebody here took it back."""

from gattkeeper.model.fault import Fault, FaultKind, Ran

STALLED = Fault(
    kind=FaultKind.TIMED_OUT, ran=Ran.NO, stack="keeper", name="link_stalled", text="no answer within the grace"
)
UNREACHABLE = Fault(
    kind=FaultKind.UNREACHABLE,
    ran=Ran.NO,
    stack="keeper",
    name="connect_timeout",
    text="the device did not answer: out of reach, switched off, connected to something else, or under another "
    "address by now",
)
UNREACHABLE_BY_NOW = Fault(
    kind=FaultKind.UNREACHABLE,
    ran=Ran.NO,
    stack="keeper",
    name="address_changes",
    text="the device did not answer; its address looks like a resolvable private one, which its device changes "
    "every few minutes: if it is, pair with the device, and name it by the address that its bond is kept under",
)
ATTEMPT_TIMED_OUT = Fault(
    kind=FaultKind.TIMED_OUT, ran=Ran.MAYBE, stack="keeper", name="attempt_timeout", text="no answer in time"
)
NO_APP_ACK = Fault(
    kind=FaultKind.TIMED_OUT,
    ran=Ran.MAYBE,
    stack="keeper",
    name="no_app_ack",
    text="the write was answered, but the notification that should follow did not come in time",
)
CANCELLED = Fault(kind=FaultKind.CANCELLED, ran=Ran.MAYBE, stack="keeper", name="cancelled")
REMOVED = Fault(
    kind=FaultKind.CANCELLED,
    ran=Ran.NO,
    stack="keeper",
    name="device_removed",
    text="the settings do not name this device any more, or name it at another address or adapter",
)
TABLE_CHANGED = Fault(
    kind=FaultKind.STALE,
    ran=Ran.NO,
    stack="keeper",
    name="table_changed",
    text="the device has another attribute table now, on which this handle may mean something else: "
    "name the characteristic by UUID, or look up its handle again",
)
STOP_DROPS = Fault(
    kind=FaultKind.LINK_LOST,
    ran=Ran.MAYBE,
    stack="keeper",
    name="stop",
    text="an emergency stop took the link down",
)

STOP_ENDS_LEASE = Fault(
    kind=FaultKind.CANCELLED, ran=Ran.NO, stack="keeper", name="stopped", text="an emergency stop came"
)
LEASE_CLOSED = Fault(
    kind=FaultKind.CANCELLED, ran=Ran.NO, stack="keeper", name="lease_closed", text="its holder closed the lease"
)
LEASE_SILENT = Fault(
    kind=FaultKind.TIMED_OUT,
    ran=Ran.NO,
    stack="keeper",
    name="lease_silent",
    text="the holder did not renew the lease in time: it is gone, or does not run",
)
LEASE_TOO_LONG = Fault(
    kind=FaultKind.TIMED_OUT,
    ran=Ran.NO,
    stack="keeper",
    name="lease_too_long",
    text="the lease held the connection for as long as one may",
)
LEASES_FULL = Fault(
    kind=FaultKind.BUSY,
    ran=Ran.NO,
    stack="keeper",
    name="leases_full",
    text="as many programs as may hold the device's connection already",
)
LEASE_OVER = Fault(
    kind=FaultKind.CANCELLED,
    ran=Ran.NO,
    stack="keeper",
    name="lease_over",
    text="the lease is over, or its device is not connected yet",
)
PLACE_TAKEN = Fault(
    kind=FaultKind.SLOTS_FULL,
    ran=Ran.NO,
    stack="keeper",
    name="place_taken",
    text="another device needed the connection's place on the adapter",
)
RENEWED = Fault(
    kind=FaultKind.LINK_LOST,
    ran=Ran.NO,
    stack="keeper",
    name="reconnect",
    text="the connection was given up for a fresh one",
)
CLOSING = Fault(
    kind=FaultKind.CANCELLED, ran=Ran.NO, stack="keeper", name="closing", text="the keeper is shutting down"
)


def unreachable(*, rotates: bool) -> Fault:
    """Nobody answered; `rotates`: to an address that its device changes by itself."""
    return UNREACHABLE_BY_NOW if rotates else UNREACHABLE
