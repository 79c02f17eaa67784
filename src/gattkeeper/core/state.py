"""What the scheduler remembers. Changed only by the modules of `core`, only inside `handle`.

Knows shapes and the few questions they answer; decides nothing.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum

from msgspec import Struct, field

from gattkeeper.core.effects import ConnectionChanged, Effect, Marked
from gattkeeper.core.entry import Entry
from gattkeeper.core.ladder import Ladder
from gattkeeper.core.lifecycle import (
    CONNECTION,
    Availability,
    ConnectionState,
    ConnectionStep,
    SlotPhase,
)
from gattkeeper.core.limits import Limits
from gattkeeper.core.timers import Timers
from gattkeeper.core.waiting import Waiting
from gattkeeper.core.ways import Way
from gattkeeper.model.adapter import Rung, Serialization
from gattkeeper.model.command import Command, Priority, ReadBack
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import ATT_MTU_DEFAULT, CharacteristicRef
from gattkeeper.model.operation import Operation, Subscribe
from gattkeeper.model.outcome import Cause, Phase, PhaseMark, Verdict
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.model.status import AlertKind


class Question(Struct, kw_only=True, eq=False):
    """A command that ended unknown, and how a look at the device may tell what it did."""

    command: Command
    read_back: ReadBack
    owed: bool = True  # a check is to be taken on
    checks: int = 0  # so many were
    check: str = ""  # the latest of them


class SlotRole(Enum):
    """Why an operation occupies a slot."""

    MAIN = "main"  # the command's own operation
    PAIRING = "pairing"  # pairing, so that the command can be tried again
    READING_BACK = "reading_back"  # proving that the command was applied
    SETUP = "setup"  # restoring a subscription after a connect
    AWAITING = "awaiting"  # the notification that answers a write; nothing is on the bearer


class Slot(Struct, kw_only=True, eq=False):
    """The place of the one operation a device has in flight."""

    token: int
    operation: Operation
    role: SlotRole
    phase: SlotPhase
    entry: Entry | None  # None for setup
    handed_over_at: int = 0
    heard: bytes | None = None  # the notification that answers it, when that came first
    held: bool = False  # recorded, and to be handed over when the pairing is over
    times_out_at: int = 0  # when its time is over
    time_left_us: int = -1  # what was left of that when a pairing stopped its clock; -1: it runs
    unconnected: bool = False  # handed over without a connection: no epoch ends it
    released_after: int = 0  # number of the last command accepted before its own was let go


class Persistence(Struct, frozen=True, kw_only=True):
    """A stop that failed and is tried again."""

    command: Command  # the first of them
    table: str | None  # its `Entry.table`
    until_us: int  # no further one begins after that
    tries: int = 0  # further ones that were begun


class Sweep(Struct, kw_only=True, eq=False):
    """Commands that wait no more: each ends in its turn, some with each event, but for those that are spared."""

    lines: Waiting
    cause: Cause
    by: str
    fault: Fault | None
    spared: Callable[[Entry], bool]  # these go back into line


class Lease(Struct, kw_only=True, eq=False):
    """A program's wish to keep the connection of a device."""

    id: str
    device: str
    holder: str
    renew_within_us: int  # it ends when it is not renewed for so long; 0: need not be
    ends_at: int  # at the latest
    active_since: int = -1  # -1: there is no connection to hold yet
    used_at: int = 0  # its last command was submitted, or ended


class DeviceState(Struct, kw_only=True, eq=False):
    """One device."""

    name: str
    adapter: str  # that of its connection; without one, of the next as things stand
    safety: bool
    linger_us: int
    waiting: Waiting
    ways: dict[str, Way] = field(default_factory=dict)  # by adapter it may use, in the settings' order
    by_signal: bool = False  # that order decides only between equals
    chosen_for: str = ""  # why the connection was made by its adapter
    demand: Demand = NO_DEMAND  # what a connection has to prove
    rotates: bool = False  # its address is one that changes by itself
    shortfall: str = ""  # what the connection lacks of that; empty: it proves enough
    connection: ConnectionState = ConnectionState.DISCONNECTED
    epoch: int = 0
    att_mtu: int = ATT_MTU_DEFAULT  # of the connection
    table: str = ""  # the attribute table of the connection, or of the last one; empty before the first
    first_table: str = ""  # that of the first connection
    slot: Slot | None = None
    bypass: Slot | None = None  # a stop that overtook the slot
    aside: Slot | None = None  # what does not use the bearer: a query; without a connection, the end of a bond
    pairing: bool = False  # somebody pairs on the connection, and perhaps a person is asked
    leases: dict[str, Lease] = field(
        default_factory=dict
    )  # open ones; on a connection that may be used, all are active
    used_at: int = 0  # something was handed over, or answered, on the connection
    setup: deque[Operation] = field(default_factory=deque)
    wanted: dict[CharacteristicRef, Subscribe] = field(default_factory=dict)  # to be restored
    enabled: dict[CharacteristicRef, Subscribe] = field(default_factory=dict)  # in force on this connection
    unsubscribed: dict[CharacteristicRef, int] = field(default_factory=dict)  # the newest Unsubscribe, by sequence
    stop: Entry | None = None  # the emergency stop that is running
    stop_ended: tuple[Entry, Verdict] | None = None  # the one that has just ended
    persisting: Persistence | None = None  # one that failed, until a further one succeeds
    stopped_by: str = ""  # the stop that holds the gate
    gate_latched: bool = False
    latched_by: str = ""  # the unknown command that holds the latch
    sweeps: deque[Sweep] = field(default_factory=deque)  # under way, one after the other: nothing else starts
    owed_undo: tuple[Entry, Operation] | None = None  # of the sequence that has just ended
    changed_by: str = ""  # the last command that was handed over and may have changed the device
    question: Question | None = None  # what became of that one, if it ended unknown
    leaving: list[Entry] = field(default_factory=list)  # Disconnect commands, done when it is gone
    connect_for: Entry | None = None
    connect_strict: bool = True  # the attempt fails when it cannot prove what is demanded
    connect_started_at: int = 0
    connect_phase: Phase | None = None  # how far the attempt has come
    connect_failures: int = 0
    connect_ready_at: int = 0
    connect_verdict: Fault | None = None  # why we abandoned the attempt; None: nobody's fault
    connect_after: int = 0  # number of the first command that came when it was abandoned already; 0: none did
    reconnect: bool = False  # a retry asked for a fresh connection
    hurried: bool = False  # a stop that failed leaves the link to be taken down, quickly
    idle_since: int = -1  # nothing to do since then; -1: busy
    linger_at: int = -1  # when it is looked at whether that has been for long enough; -1: at no time
    answering: bool = False  # something was answered on this connection
    availability: Availability = Availability.AVAILABLE
    unreachable: int = 0  # failed connections since the last answer
    cooldown_us: int = 0  # the pause before the next probe; 0 before the first
    probe_at: int = 0
    in_vain: int = 0  # connections in a row that came to nothing: see `mending`
    in_vain_for: Fault | None = None  # the last of them
    mending: Rung | None = None  # under way for this device alone
    mends_done: int = 0  # so many rungs in this row
    service_us: int = 0  # how long an operation takes, on average; 0 before the first
    alerts: dict[AlertKind, None] = field(default_factory=dict)  # those that are raised
    alert_at: int = -1  # when its gauges are looked at, before one can cross its threshold; -1: at no time
    tokens: int = 0

    @property
    def slots(self) -> list[Slot]:
        """Everything that is in flight, or about to be: the stop that overtook first."""
        return [slot for slot in (self.bypass, self.slot, self.aside) if slot is not None]

    @property
    def depth(self) -> int:
        """How many wait, those included that are about to end."""
        waiting = self.waiting.lines.count
        return waiting + sum(len(sweep.lines) for sweep in self.sweeps) if self.sweeps else waiting

    @property
    def uses_bearer(self) -> bool:
        """Whether an operation has the slot; waiting for a notification is none."""
        return self.slot is not None and self.slot.role is not SlotRole.AWAITING

    def vacate(self, slot: Slot) -> None:
        """Take an operation out of its place."""
        if self.slot is slot:
            self.slot = None
        elif self.bypass is slot:
            self.bypass = None
        else:
            self.aside = None

    def new_token(self) -> int:
        """A number no answer of this device carries yet."""
        self.tokens += 1
        return self.tokens


class AdapterState(Struct, kw_only=True, eq=False):
    """One adapter."""

    name: str
    slots: int
    bypass: bool
    bypass_other: bool
    serialization: Serialization
    aside: frozenset[str] = frozenset()
    unanswered: frozenset[str] = frozenset()
    forgets: bool = False  # a bond needs no connection to be forgotten
    discovers_beside: bool = False  # an attempt holds it no longer than until its link is up
    contended_until: int = 0  # operations of several devices got in each other's way: one at a time
    lining: dict[str, None] = field(default_factory=dict)  # devices with something to do, one of which is next
    up: bool = True
    down_fault: Fault | None = None
    connecting: str = ""  # the device whose attempt holds it
    devices: dict[str, None] = field(default_factory=dict)  # those that are settled on it
    roaming: dict[str, None] = field(default_factory=dict)  # those that may use it, and others
    left: dict[str, None] = field(default_factory=dict)  # those that went elsewhere, as it could not be used
    failed_over: bool = False  # that was told
    occupied: int = 0  # connections that are up, coming up, or not let go of yet
    wanting: dict[str, None] = field(default_factory=dict)  # devices that want a connection
    ladder: Ladder = field(default_factory=Ladder)


class Fanout(Struct, kw_only=True, eq=False):
    """Commands that wait for each other. It is remembered until its gate opens, or all have ended."""

    id: str
    number: int  # those that came later have higher ones
    members: dict[str, Entry]  # by command
    arrived: dict[str, None] = field(default_factory=dict)  # commands that stood before the gate


class State(Struct, kw_only=True, eq=False):
    """Everything."""

    limits: Limits
    journalled: bool
    watched: bool = True  # somebody wants to hear of phases; else the timelines of the outcomes tell of them
    now: int = 0
    jitter: float = 0.5
    closing: bool = False
    sequence: int = 0
    accepted: int = 0
    ended: int = 0
    waiting: int = 0
    devices: dict[str, DeviceState] = field(default_factory=dict)
    forgotten: dict[str, tuple[int, int]] = field(default_factory=dict)  # last epoch and token of former devices
    adapters: dict[str, AdapterState] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    fanouts: dict[str, Fanout] = field(default_factory=dict)  # whose gate is closed
    gathering: dict[str, None] = field(default_factory=dict)  # those with somebody before it
    leases: dict[str, Lease] = field(default_factory=dict)  # that are open
    timers: Timers = field(default_factory=Timers)
    effects: list[Effect] = field(default_factory=list)
    sweeping: dict[str, None] = field(default_factory=dict)  # devices whose sweep begins with this event
    touched: dict[str, DeviceState] = field(default_factory=dict)  # devices to look at before `handle` ends
    moved: dict[str, DeviceState] = field(default_factory=dict)  # those whose gauges are to be looked at then

    def set_clock(self, entry: Entry, kind: str, at_us: int) -> None:
        """Set a further timer of a command; none outlives it."""
        if kind not in entry.clocks:
            entry.clocks += (kind,)
        self.timers.set((kind, entry.command.id), at_us)

    def wait(self, device: DeviceState, entry: Entry) -> None:
        """Put a command in line, where its order says: one that comes back has its old place."""
        self.waiting += 1
        device.waiting.push(entry)

    def unwait(self, entry: Entry) -> None:
        """Take a command out of line, if it stands in one."""
        if entry.line is not None:
            entry.line.remove(entry)
            self.waiting -= 1

    def gate_of(self, entry: Entry) -> Fanout | None:
        """The fan-out whose closed gate keeps the command from starting; None when there is none."""
        fanout = self.fanouts.get(entry.command.fanout)
        return fanout if fanout is not None and entry.command.id in fanout.members else None

    def leave_gate(self, entry: Entry) -> None:
        """The command has ended: nobody waits for it any more."""
        fanout = self.gate_of(entry)
        if fanout is not None:
            del fanout.members[entry.command.id]
            if not fanout.members:
                self.forget_fanout(fanout)

    def forget_fanout(self, fanout: Fanout) -> None:
        """From now on its commands are like any other."""
        del self.fanouts[fanout.id]
        self.gathering.pop(fanout.id, None)
        self.timers.cancel(("gather", fanout.id))

    def has_lapsed(self, entry: Entry) -> bool:
        """Whether the command belongs to a lease that is over: it must not be tried again."""
        return bool(entry.command.lease) and entry.command.lease not in self.leases

    def touch(self, device: DeviceState) -> None:
        """Look at the device, and then at its adapter, before this event is over."""
        self.touched[device.name] = device

    def glance(self, device: DeviceState) -> None:
        """Look at the device's gauges alone: what it has in flight goes on, and nobody waits to be looked at."""
        if self.is_calm(self.adapters[device.adapter]):
            self.moved[device.name] = device
        else:
            self.touch(device)

    def is_calm(self, adapter: AdapterState) -> bool:
        """Whether nobody waits to be looked at: for a gate, a place, a turn, or the adapter's recovery."""
        return adapter.ladder.is_quiet and not (self.gathering or adapter.wanting or adapter.lining)

    def is_serial(self, adapter: AdapterState) -> bool:
        """Whether the adapter does one operation at a time, whatever the device."""
        if adapter.serialization is Serialization.AUTO:
            return self.now < adapter.contended_until
        return adapter.serialization is Serialization.ADAPTER

    def mark(self, entry: Entry, phase: Phase, note: str = "") -> None:
        """Write a phase into the command's timeline."""
        mark = PhaseMark(phase=phase, at_us=self.now, attempt=entry.attempt, note=note)
        entry.timeline.append(mark)
        if self.watched:
            self.effects.append(Marked(command=entry.command, mark=mark))

    def move_connection(self, device: DeviceState, step: ConnectionStep) -> bool:
        """Take a step of the table; False, and nothing changed, when it is not there."""
        state = CONNECTION.get((device.connection, step))
        if state is None:
            return False
        device.connection = state
        self.effects.append(ConnectionChanged(device=device.name, state=state.value))
        return True


def waiting_start(now_us: int, priority: Priority, ageing_us: int) -> int:
    """The part of the waiting order that a priority decides.

    Each step down the priorities counts like `ageing_us` of coming later. So the more urgent is first,
    equals are first in, first out, and a command gains one priority on newcomers per `ageing_us` it
    waits — with a key that never changes.
    """
    return now_us + int(priority) * ageing_us
