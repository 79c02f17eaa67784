"""Everything that can happen to the scheduler. The only way in.

An event carries what was not decided here: the answers of stacks, the wishes of callers, and the dice
(`jitter`, from 0 to 1, spreads back-offs), so that the same events give the same decisions again.
"""

from msgspec import Struct

from gattkeeper.model.adapter import Rung, Serialization
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import ATT_MTU_DEFAULT, Characteristic
from gattkeeper.model.outcome import AnswerValue, Phase
from gattkeeper.model.security import NO_DEMAND, Demand, Proof


class AdapterAdded(Struct, frozen=True, kw_only=True, tag="adapter_added"):
    """An adapter is ready. What its link can do: as `runtime.ports.LinkTraits` says."""

    adapter: str
    slots: int
    bypass: bool = False
    bypass_other: bool = False
    aside: frozenset[str] = frozenset()
    unanswered: frozenset[str] = frozenset()
    forgets: bool = False
    discovers_beside: bool = False
    serialization: Serialization = Serialization.AUTO
    rungs: tuple[Rung, ...] = ()  # none: it is left as it is, whatever happens


class AdapterDown(Struct, frozen=True, kw_only=True, tag="adapter_down"):
    """The adapter, or the stack under it, went away."""

    adapter: str
    fault: Fault
    jitter: float = 0.5


class AdapterUp(Struct, frozen=True, kw_only=True, tag="adapter_up"):
    """It is back."""

    adapter: str


class RecoveryDone(Struct, frozen=True, kw_only=True, tag="recovery_done"):
    """A rung is over; `fault` says why it could not be done. Whether it helped, the next connection tells."""

    adapter: str
    rung: Rung
    device: str = ""  # whose trouble it was begun for
    alone: bool = False  # as in `Recover`: the adapter itself may be doing the same for this device
    fault: Fault | None = None


class DeviceAdded(Struct, frozen=True, kw_only=True, tag="device_added"):
    """A device may be commanded from now on. For one that is known: `safety` and `linger_us` hold from now on."""

    device: str
    adapter: str
    others: tuple[str, ...] = ()  # it may use these as well, in this order
    by_signal: bool = False  # the order decides only where the signal does not
    safety: bool = False
    linger_us: int = 8_000_000
    demand: Demand = NO_DEMAND  # what each connection of it has to prove
    rotates: bool = False  # its address is one that changes by itself


class Sighted(Struct, frozen=True, kw_only=True, tag="sighted"):
    """An adapter heard a device that may use more than one."""

    device: str
    adapter: str
    rssi_dbm: int


class Bonded(Struct, frozen=True, kw_only=True, tag="bonded"):
    """An adapter has keys of a device, or has none."""

    device: str
    adapter: str
    bonded: bool = True


class DeviceLeaving(Struct, frozen=True, kw_only=True, tag="device_leaving"):
    """A device is to be let go of: what waits for it ends, what is in flight may end, then its connection goes."""

    device: str


class DeviceRemoved(Struct, frozen=True, kw_only=True, tag="device_removed"):
    """There is no such device any more. Fits when nothing of it is left."""

    device: str


class Submitted(Struct, frozen=True, kw_only=True, tag="submitted"):
    """A caller wants a command run. Answered by exactly one Accept or Refuse."""

    command: Command


class FanoutSubmitted(Struct, frozen=True, kw_only=True, tag="fanout_submitted"):
    """A caller wants commands of several devices run together. Each is answered by one Accept or Refuse.

    `id` stands in the `fanout` of each command. After `gather_us` nobody is waited for any more.
    """

    id: str
    commands: tuple[Command, ...]
    gather_us: int = 10_000_000


class StopRequested(Struct, frozen=True, kw_only=True, tag="stop_requested"):
    """Emergency stop of one device; `command.stop` is set. Never refused."""

    command: Command
    latch: bool = False


class Resumed(Struct, frozen=True, kw_only=True, tag="resumed"):
    """A latched stop is over."""

    device: str


class Latched(Struct, frozen=True, kw_only=True, tag="latched"):
    """A command of an earlier run ended unknown and nobody has resolved it: a safety device is held."""

    command_id: str
    device: str


class Resolved(Struct, frozen=True, kw_only=True, tag="resolved"):
    """What an unknown outcome was about is known now; the latch it set opens."""

    command_id: str
    device: str


class LeaseOpened(Struct, frozen=True, kw_only=True, tag="lease_opened"):
    """A program wants to keep a device's connection once there is one."""

    device: str
    lease: str
    holder: str
    renew_within_us: int = 0  # 0: for as long as it likes


class LeaseRenewed(Struct, frozen=True, kw_only=True, tag="lease_renewed"):
    """The program is still there: its time begins anew."""

    lease: str


class LeaseClosed(Struct, frozen=True, kw_only=True, tag="lease_closed"):
    """The program does not want it any more. No `LeaseEnded` follows."""

    lease: str


class CancelRequested(Struct, frozen=True, kw_only=True, tag="cancel_requested"):
    """A caller takes a command back."""

    command_id: str


class Reprioritised(Struct, frozen=True, kw_only=True, tag="reprioritised"):
    """A caller gives a command that waits another priority."""

    command_id: str
    priority: Priority


class AcceptFailed(Struct, frozen=True, kw_only=True, tag="accept_failed"):
    """The accepted row could not be made durable: the command must not run."""

    command_id: str


class IntentRecorded(Struct, frozen=True, kw_only=True, tag="intent_recorded"):
    """The intent row is durable; the hand-over may happen."""

    device: str
    token: int


class IntentFailed(Struct, frozen=True, kw_only=True, tag="intent_failed"):
    """The intent row could not be made durable: the command must not run."""

    device: str
    token: int
    fault: Fault


class ConnectProgressed(Struct, frozen=True, kw_only=True, tag="connect_progressed"):
    """A running connection attempt reached a phase."""

    device: str
    epoch: int
    phase: Phase


class Connected(Struct, frozen=True, kw_only=True, tag="connected"):
    """The connection is up and its services are known. `att_mtu` is in bytes; `table`: `gatt.table_digest`."""

    device: str
    epoch: int
    att_mtu: int = ATT_MTU_DEFAULT
    table: str = ""
    proof: Proof = Proof()


class ConnectionUpdated(Struct, frozen=True, kw_only=True, tag="connection_updated"):
    """News of a connection that nobody asked for. What is None stays as it was."""

    device: str
    epoch: int
    att_mtu: int | None = None
    table: str | None = None
    proof: Proof | None = None


class ConnectFailed(Struct, frozen=True, kw_only=True, tag="connect_failed"):
    """The attempt is over, by itself or abandoned, and nothing of it is left."""

    device: str
    epoch: int
    fault: Fault
    jitter: float = 0.5


class ConnectionLost(Struct, frozen=True, kw_only=True, tag="connection_lost"):
    """The connection went down without our asking."""

    device: str
    epoch: int
    fault: Fault
    jitter: float = 0.5


class DisconnectDone(Struct, frozen=True, kw_only=True, tag="disconnect_done"):
    """Everything the connection held is let go. `means` tells people by what, where it had to be quick."""

    device: str
    epoch: int
    means: str = ""


class PairingStarted(Struct, frozen=True, kw_only=True, tag="pairing_started"):
    """Somebody pairs on the connection: the device, the stack, or we ourselves."""

    device: str
    epoch: int


class PairingEnded(Struct, frozen=True, kw_only=True, tag="pairing_ended"):
    """That pairing is over, well or badly."""

    device: str
    epoch: int


class Answered(Struct, frozen=True, kw_only=True, tag="answered"):
    """A stack brought an operation to a good end."""

    device: str
    epoch: int
    token: int
    value: AnswerValue = None


class Failed(Struct, frozen=True, kw_only=True, tag="failed"):
    """A stack brought an operation to a bad end."""

    device: str
    epoch: int
    token: int
    fault: Fault
    jitter: float = 0.5


class Notified(Struct, frozen=True, kw_only=True, tag="notified"):
    """A device pushed a value while a command waits for one."""

    device: str
    epoch: int
    characteristic: Characteristic
    payload: bytes


class Ticked(Struct, frozen=True, kw_only=True, tag="ticked"):
    """The moment `wakeup_at` named has come."""

    jitter: float = 0.5


class Closing(Struct, frozen=True, kw_only=True, tag="closing"):
    """No new commands; those not yet handed over end now."""


Event = (
    AdapterAdded
    | AdapterDown
    | AdapterUp
    | RecoveryDone
    | DeviceAdded
    | Sighted
    | Bonded
    | DeviceLeaving
    | DeviceRemoved
    | Submitted
    | FanoutSubmitted
    | StopRequested
    | Resumed
    | Latched
    | Resolved
    | LeaseOpened
    | LeaseRenewed
    | LeaseClosed
    | CancelRequested
    | Reprioritised
    | AcceptFailed
    | IntentRecorded
    | IntentFailed
    | ConnectProgressed
    | Connected
    | ConnectionUpdated
    | ConnectFailed
    | ConnectionLost
    | DisconnectDone
    | PairingStarted
    | PairingEnded
    | Answered
    | Failed
    | Notified
    | Ticked
    | Closing
)
