"""Everything the scheduler can ask for. The pump performs all of it before the next event."""

from enum import Enum

from msgspec import Struct

from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Operation
from gattkeeper.model.outcome import Outcome, PhaseMark
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.model.status import Alert


class Refusal(Enum):
    """Why a command was not taken on."""

    QUEUE_FULL = "queue_full"
    CLOSED = "queue_closed"
    STOPPED = "stopped"
    LATCHED = "latched"


class Accept(Struct, frozen=True, kw_only=True):
    """Write the command down; tell its caller once that is durable."""

    command: Command
    at_us: int


class Refuse(Struct, frozen=True, kw_only=True):
    """Tell the caller that nothing was queued, and why."""

    command_id: str
    refusal: Refusal
    text: str


class RecordIntent(Struct, frozen=True, kw_only=True):
    """Write down that the hand-over comes next; `IntentRecorded` when durable, if `awaited`."""

    command_id: str
    device: str
    token: int
    attempt: int
    epoch: int
    awaited: bool
    step: int = 0  # which part of a composite operation, from 1; 0 when the operation is a whole


class RecordAttempt(Struct, frozen=True, kw_only=True):
    """Write down an attempt that failed while the command goes on."""

    command_id: str
    attempt: int
    epoch: int
    fault: Fault


class Dispatch(Struct, frozen=True, kw_only=True):
    """Hand an operation over to the stack; `Answered` or `Failed` with the same token."""

    device: str
    epoch: int
    token: int
    operation: Operation


class Forget(Struct, frozen=True, kw_only=True):
    """Give the bond with a device up, without a connection; `Answered` or `Failed` with the same token."""

    device: str
    adapter: str
    epoch: int
    token: int


class StartConnect(Struct, frozen=True, kw_only=True):
    """Connect and discover; `Connected` or `ConnectFailed`."""

    device: str
    adapter: str
    epoch: int
    demand: Demand = NO_DEMAND  # what it has to prove


class AbandonConnect(Struct, frozen=True, kw_only=True):
    """End the attempt, tear down a connection that comes late; `ConnectFailed` when nothing is left."""

    device: str
    epoch: int


class StartDisconnect(Struct, frozen=True, kw_only=True):
    """Take the connection down and let go of it; `DisconnectDone`, always.

    `quick`: an emergency stop waits for it, so by the quickest means there is.
    """

    device: str
    epoch: int
    quick: bool = False


class HurryDisconnect(Struct, frozen=True, kw_only=True):
    """An emergency stop waits for a disconnection that is under way: by the quickest means from here on."""

    device: str
    epoch: int


class Recover(Struct, frozen=True, kw_only=True):
    """Do one thing about an adapter that does not work any more; `RecoveryDone`, always."""

    adapter: str
    rung: Rung
    device: str  # whose trouble was the last sign
    alone: bool = False  # it is about this device only: nothing else waits for it


class RecordRung(Struct, frozen=True, kw_only=True):
    """Write down what was done about an adapter, or why it could not be."""

    adapter: str
    rung: Rung
    device: str
    why: str
    fault: Fault | None
    at_us: int


class LatchChanged(Struct, frozen=True, kw_only=True):
    """Write down that a device is held because of an unknown command, or is not any more."""

    device: str
    by: str  # the unknown command
    held: bool


class Finish(Struct, frozen=True, kw_only=True):
    """Write the outcome down, then tell the caller."""

    command: Command
    outcome: Outcome
    at_us: int


class Resolve(Struct, frozen=True, kw_only=True):
    """It is known now what an unknown command did: write that down, once; `Resolved` when durable."""

    command: Command
    applied: bool
    why: str  # what was read, and where


class Marked(Struct, frozen=True, kw_only=True):
    """A command entered a phase: for those who watch."""

    command: Command
    mark: PhaseMark


class ConnectionChanged(Struct, frozen=True, kw_only=True):
    """A device's connection changed its state: for those who watch."""

    device: str
    state: str


class AvailabilityChanged(Struct, frozen=True, kw_only=True):
    """A device is given up for a while, may be tried again, or is back: for those who watch."""

    device: str
    state: str


class AlertChanged(Struct, frozen=True, kw_only=True):
    """A gauge crossed its threshold, or is well below it again: for those who watch."""

    alert: Alert


class LeaseEnded(Struct, frozen=True, kw_only=True):
    """A lease is over, not by its holder's wish: the holder must know. Told once."""

    device: str
    lease: str
    fault: Fault


class SubscriptionEnded(Struct, frozen=True, kw_only=True):
    """A subscription could not be restored after a reconnect: its readers must know."""

    device: str
    target: CharacteristicRef
    fault: Fault


Effect = (
    Accept
    | Refuse
    | RecordIntent
    | RecordAttempt
    | Dispatch
    | Forget
    | StartConnect
    | AbandonConnect
    | StartDisconnect
    | HurryDisconnect
    | Recover
    | RecordRung
    | LatchChanged
    | Finish
    | Resolve
    | Marked
    | ConnectionChanged
    | AvailabilityChanged
    | AlertChanged
    | LeaseEnded
    | SubscriptionEnded
)
