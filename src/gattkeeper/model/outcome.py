"""How a command ended, and everything it went through on the way.

Knows verdicts and evidence. Which verdict a command gets is decided in `core`. Outcomes are kept by the thousand:
`gc=False` spares the collector those that can be part of no cycle, being frozen all the way down.
"""

from enum import Enum

from msgspec import Struct

from gattkeeper.model.command import Origin
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Service
from gattkeeper.model.operation import Phy


class Verdict(Enum):
    """What is true about the device now."""

    DELIVERED = "delivered"  # the device has it, and the evidence says so
    SENT = "sent"  # the local stack took it; nobody asked the device to acknowledge
    NOT_DELIVERED = "not_delivered"  # the device does not have it and will not get it later
    UNKNOWN = "unknown"  # it may or may not have happened: do not repeat blindly


class Cause(Enum):
    """Why the verdict is what it is: the evidence for a success, the reason for the rest."""

    ACKNOWLEDGED = "acknowledged"
    APP_ACK = "app_ack"  # the notification that answers a write
    READ_BACK = "read_back"
    VALUE = "value"
    ACCEPTED_LOCALLY = "accepted_locally"
    ASSUMED = "assumed"  # the stack took it, and gives no answer to this kind of operation

    NEVER_SENT = "never_sent"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    STOPPED = "stopped"
    SHED = "shed"  # a full queue gave its place to one that is more urgent
    LINK_LOST_BEFORE_SEND = "link_lost_before_send"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"  # an operation without effect on the device (a read) failed

    LINK_LOST_IN_FLIGHT = "link_lost_in_flight"
    TIMED_OUT_IN_FLIGHT = "timed_out_in_flight"
    CANCELLED_IN_FLIGHT = "cancelled_in_flight"
    CRASHED_IN_FLIGHT = "crashed_in_flight"
    STACK_RESTARTED = "stack_restarted"
    PARTLY = "partly"  # some parts of it were carried out, and the rest never will be
    UNCLEAR_ANSWER = "unclear_answer"  # the stack answered with something that proves nothing


class Phase(Enum):
    """What a command was doing when; the names of contract and timeline."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    LOCK_WAIT = "lock_wait"  # first in its device's line, waiting for the adapter
    LOCK_ACQUIRED = "lock_acquired"
    SCAN = "scan"
    CONNECT_START = "connect_start"
    CONNECTED = "connected"
    DISCOVERED = "discovered"
    SETUP = "setup"
    GATHERED = "gathered"  # could start, and waits for the others of its fan-out
    DISPATCHED = "dispatched"
    ANSWERED = "answered"
    AWAITING = "awaiting"  # the write is answered, the notification that it asks for is not there yet
    LATE_ANSWER = "late_answer"
    BACKOFF = "backoff"
    RETRY = "retry"
    PAIR = "pair"
    READ_BACK = "read_back"
    STOP_ROUTE = "stop_route"  # which of the ways of an emergency stop was taken
    DISCONNECT = "disconnect"
    OUTCOME = "outcome"


class PhaseMark(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One step of a command's timeline; `at_us` is on the keeper's monotonic clock."""

    phase: Phase
    at_us: int
    attempt: int = 0
    note: str = ""


class Attempt(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One run of a command's operation, or of a connection on its behalf."""

    number: int
    started_at_us: int
    ended_at_us: int
    fault: Fault | None = None


class Phys(Struct, frozen=True, kw_only=True, tag="phys"):
    """The PHYs a connection is on."""

    tx: Phy  # towards the device
    rx: Phy  # from the device

    def __str__(self) -> str:
        return f"PHY: {self.tx.value} to the device, {self.rx.value} from it"


class ConnectionParameters(Struct, frozen=True, kw_only=True, tag="connection_parameters"):
    """The pace of a connection. `latency` is how many connection events the device may sleep through."""

    interval_us: int
    latency: int
    supervision_timeout_us: int

    def __str__(self) -> str:
        interval, timeout = self.interval_us / 1000, self.supervision_timeout_us / 1000
        return f"interval: {interval:.6g} ms, latency: {self.latency}, supervision time-out: {timeout:.6g} ms"


AnswerValue = bytes | int | tuple[Service, ...] | Phys | ConnectionParameters | None
"""What an operation brings back: bytes (reads), a number (RSSI in dBm, MTU in bytes), services, PHYs, or
connection parameters."""


class Outcome(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The last word on a command. Never edited; a later resolution is a record of its own."""

    command_id: str
    verdict: Verdict
    cause: Cause
    value: AnswerValue = None
    fault: Fault | None = None  # of the attempt that decided
    attempts: tuple[Attempt, ...] = ()
    by: str = ""  # the command that superseded or stopped this one
    epoch: int = 0  # the connection it ran on; 0 when it never ran
    progress: int = 0  # how many parts of a composite operation were answered well; the next one decided
    values: tuple[bytes | None, ...] = ()  # what the steps of a sequence brought, in their order
    timeline: tuple[PhaseMark, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Delivered or sent: nothing for the caller to do."""
        return self.verdict in (Verdict.DELIVERED, Verdict.SENT)


class Resolution(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found out later about a command that ended unknown."""

    command_id: str
    applied: bool
    who: str  # as it was said: who decided
    why: str
    origin: Origin = Origin()  # by whom it was handed in, as the way in knows
