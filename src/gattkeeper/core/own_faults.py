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
    text="the device did not answer: out of reach, switched off, or connected to something else",
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
