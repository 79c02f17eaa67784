"""Watches what a scheduler is told and what it asks for, and fails when a promise is broken.

Knows events and effects only: nothing of the scheduler's inside. Tests give every write its own payload
and every read its own handle, so that a hand-over tells whose it is.
"""

from msgspec import Struct, field

from gattkeeper.core import effects, events
from gattkeeper.core.state import Limits
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Ran
from gattkeeper.model.gatt import ATT_MTU_DEFAULT, matches
from gattkeeper.model.operation import (
    Composite,
    LongWrite,
    Operation,
    Read,
    ReadRssi,
    Sequence,
    Write,
    WriteMode,
    WriteThenWait,
    changes_state,
)
from gattkeeper.model.outcome import Outcome, Phase, Verdict


class Seen(Struct, kw_only=True, eq=False):
    """One accepted command."""

    command: Command
    at_us: int
    number: int
    place: int  # in the order of its priority
    owed: int = 0  # hand-overs that change the device, without an answer on a living link
    good: int = 0
    counted: int = 0  # of those the ones that came in time
    sent: bool = False
    tried: set[object] = field(default_factory=set)  # what may have changed the device, by key
    armed: bool = False  # its write is with the device, or may be: a notification may answer it
    heard: bytes | None = None  # the first that did
    awaiting: bool = False  # its write was answered, and it waits for that
    outcome: Outcome | None = None

    @property
    def holds(self) -> bool:
        """A write that waits for its notification: the device is its own."""
        return self.awaiting and self.outcome is None

    @property
    def undoes(self) -> bool:
        return _undoes(self.command)

    @property
    def begun(self) -> bool:
        """A sequence between its first answer and its end: the device is its own."""
        return isinstance(self.command.operation, Sequence) and self.counted > 0 and self.outcome is None


class OnDevice(Struct, kw_only=True, eq=False):
    """One device, as far as it shows from outside."""

    owed: dict[int, effects.Dispatch] = field(default_factory=dict)
    epoch: int = 0
    connection: str = "disconnected"
    stop: str = ""  # the stop that runs
    last_stop: int = -1  # number of the latest stop
    gate: bool = False
    latched_by: str = ""
    pairing_until: int = 0  # until then nothing but a stop is handed over


class Watch:
    """Told of every event before, and of its effects after, it is handled."""

    def __init__(self, *, slots: int, safety: bool) -> None:
        self.slots = slots
        self.safety = safety
        self.seen: dict[str, Seen] = {}
        self.refused: set[str] = set()
        self.devices: dict[str, OnDevice] = {}
        self._by_operation: dict[object, str] = {}
        self._places = 0

    def device(self, name: str) -> OnDevice:
        return self.devices.setdefault(name, OnDevice())

    def before(self, event: events.Event) -> None:
        """Take note of what becomes true by the event itself."""
        match event:
            case events.Answered() | events.Failed():
                self._answer(event)
            case events.Notified():
                self._hear(event)
            case events.Connected():
                self._move(event.device, event.epoch, "connecting", "connected")
            case events.ConnectFailed():
                self._move(event.device, event.epoch, "connecting", "disconnected")
                self._move(event.device, event.epoch, "abandoning", "disconnected")
            case events.DisconnectDone():
                self._move(event.device, event.epoch, "disconnecting", "disconnected")
            case events.PairingEnded():
                self.device(event.device).pairing_until = 0
            case events.Resumed():
                self.device(event.device).gate = False
            case events.Resolved():
                device = self.device(event.device)
                if device.latched_by == event.command_id:
                    device.latched_by = ""
            case events.StopRequested():
                self.device(event.command.device).gate |= event.latch
            case _:
                pass

    def _move(self, name: str, epoch: int, before: str, after: str) -> None:
        device = self.device(name)
        if device.epoch == epoch and device.connection == before:
            device.connection = after

    def _pairs(self, event: events.PairingStarted, now: int) -> None:
        device = self.device(event.device)
        if event.epoch == device.epoch and device.connection in ("connecting", "connected"):
            device.pairing_until = device.pairing_until or now + Limits().pairing_pause_max_us

    def _answer(self, event: events.Answered | events.Failed) -> None:
        device = self.device(event.device)
        owed = device.owed.pop(event.token, None) if event.epoch == device.epoch else None
        seen = self._whose(owed.operation) if owed is not None else None
        if seen is None:
            return
        seen.owed -= changes_state(owed.operation)
        if isinstance(event, events.Answered):
            seen.good += 1
        else:
            seen.armed = False
            seen.heard = seen.heard if event.fault.ran is Ran.MAYBE else None
        if isinstance(event, events.Answered) or event.fault.ran is Ran.MAYBE:
            seen.tried.add(_key(owed.operation))

    def _hear(self, event: events.Notified) -> None:
        if event.epoch != self.device(event.device).epoch:
            return
        for seen in self.seen.values():
            operation = seen.command.operation
            if (
                seen.armed
                and seen.heard is None
                and seen.command.device == event.device
                and isinstance(operation, WriteThenWait)
                and matches(operation.answer, event.characteristic)
                and event.payload.startswith(operation.starts_with)
            ):
                seen.heard = event.payload

    def _whose(self, operation: Operation) -> Seen | None:
        command_id = self._by_operation.get(_key(operation)) if isinstance(operation, Read | Write) else None
        return self.seen[command_id] if command_id is not None else None

    def after(self, event: events.Event, caused: list[effects.Effect], now: int) -> None:
        """Check the effects, in their order."""
        if isinstance(event, events.PairingStarted):
            self._pairs(event, now)
        answered = [one for one in caused if isinstance(one, effects.Accept | effects.Refuse)]
        undos = [one.command.id for one in answered if isinstance(one, effects.Accept) and _undoes(one.command)]
        asks = len(event.commands) if isinstance(event, events.FanoutSubmitted) else 0
        asks += isinstance(event, events.Submitted | events.StopRequested)
        asks += sum(isinstance(one, effects.Accept) and "-again-" in one.command.id for one in answered)
        assert len(answered) == asks + len(undos), "one Accept or Refuse for a command, none otherwise"
        for effect in caused:
            match effect:
                case effects.Accept():
                    self._accepted(effect, now)
                case effects.Refuse():
                    assert not isinstance(event, events.StopRequested), "a stop was refused"
                    self.refused.add(effect.command_id)
                case effects.Marked():
                    self._marked(self.seen[effect.command.id], effect)
                case effects.Dispatch():
                    self._dispatched(effect, now)
                case effects.Finish():
                    self._finished(effect)
                case effects.StartConnect():
                    self._connecting(effect)
                case effects.AbandonConnect():
                    assert self.device(effect.device).connection == "connecting"
                    self.device(effect.device).connection = "abandoning"
                case effects.StartDisconnect():
                    self._link_dropped(effect)
                case _:
                    pass
        owed = self._owed_undos(caused)
        assert sorted(undos) == sorted(owed), f"undone: {undos}, left half done: {owed}"

    def _marked(self, seen: Seen, effect: effects.Marked) -> None:
        if seen.command.priority is not effect.command.priority:
            seen.place = self._place()  # behind all that wait with that priority
        seen.command = effect.command
        seen.counted += effect.mark.phase is Phase.ANSWERED
        seen.awaiting |= effect.mark.phase is Phase.AWAITING
        if effect.mark.phase is Phase.BACKOFF:  # it goes on without an answer that is owed, whatever that will say
            owed = self.device(effect.command.device).owed.values()
            seen.tried |= {_key(one.operation) for one in owed if self._whose(one.operation) is seen}

    def _owed_undos(self, caused: list[effects.Effect]) -> list[str]:
        """A sequence that may have run, and not to its end, is undone, but not behind a latched stop."""
        ends = [self.seen[one.command.id] for one in caused if isinstance(one, effects.Finish)]
        return [
            f"{seen.command.id}-undo"
            for seen in ends
            if isinstance(seen.command.operation, Sequence)
            and seen.command.operation.undo is not None
            and seen.counted < len(seen.command.operation.steps)
            and (_changed(seen) or seen.owed)
            and not self.device(seen.command.device).gate
        ]

    def _accepted(self, effect: effects.Accept, now: int) -> None:
        command = effect.command
        assert command.id not in self.seen, "accepted twice"
        device = self.device(command.device)
        seen = self.seen[command.id] = Seen(command=command, at_us=now, number=len(self.seen), place=self._place())
        for part in _parts(command.operation):
            self._by_operation[_key(part)] = command.id
        if command.stop:
            device.last_stop = seen.number
            device.stop = device.stop or command.id
        elif changes_state(command.operation) and not seen.undoes:
            assert not device.stop, "accepted while a stop runs"
            assert not device.gate, "accepted behind a latched stop"
            assert not device.latched_by, "accepted behind the latch"

    def _place(self) -> int:
        self._places += 1
        return self._places

    def _dispatched(self, effect: effects.Dispatch, now: int) -> None:
        device = self.device(effect.device)
        assert device.connection == "connected", "handed over without a connection"
        assert effect.epoch == device.epoch, "handed over to another connection"
        seen = self._whose(effect.operation)
        stops = seen is not None and seen.command.stop
        queries = [one for one in device.owed.values() if isinstance(one.operation, ReadRssi)]
        on_bearer = len(device.owed) - len(queries)
        if isinstance(effect.operation, ReadRssi):
            assert len(queries) <= 1, "one beside the bearer, and one that waited for it"
            device.owed[effect.token] = effect
            return
        assert on_bearer == 0 or (on_bearer == 1 and stops), "two in flight"
        if on_bearer:
            assert isinstance(effect.operation, Write), "only a write overtakes"
            assert effect.operation.mode is WriteMode.WITHOUT_RESPONSE, "it overtakes without response"
        held = [one for one in self.seen.values() if one.begun and one.command.device == effect.device]
        assert stops or held in ([], [seen]), "between the steps of a sequence"
        holding = [
            one.command.id for one in self.seen.values() if one.holds and one.command.device == effect.device
        ]
        assert not holding, f"handed over while {holding} waits for its notification"
        device.owed[effect.token] = effect
        if seen is None:
            return
        seen.armed, seen.heard = True, None
        if not stops:
            assert now >= device.pairing_until, "handed over while somebody pairs"
            self._check_turn(device, seen, effect.operation)
        assert seen.outcome is None, "handed over after its outcome"
        assert now < seen.at_us + seen.command.deadline_us, "handed over after its deadline"
        seen.sent = True
        seen.owed += changes_state(effect.operation)

    def _check_turn(self, device: OnDevice, seen: Seen, operation: Operation) -> None:
        command = seen.command
        assert not device.stop, "handed over while a stop runs"
        if changes_state(operation):
            assert command.idempotent or _key(operation) not in seen.tried, "applied twice, perhaps"
        if seen.undoes:
            assert not device.gate, "handed over behind a latched stop"
            return  # it goes before whatever waits
        if changes_state(command.operation):
            assert seen.number > device.last_stop, "older than the latest stop, handed over after it"
            assert not device.latched_by or seen.begun, "handed over behind the latch"
        for other in self.seen.values():
            if other.place < seen.place and not other.sent and _same_line(other.command, command):
                assert other.outcome is not None, f"{command.id} before {other.command.id}"

    def _finished(self, effect: effects.Finish) -> None:
        command, outcome = effect.command, effect.outcome
        seen = self.seen[command.id]
        assert seen.outcome is None, "a second outcome"
        seen.outcome = outcome
        device = self.device(command.device)
        if device.stop == command.id:
            device.stop = ""
        if changes_state(command.operation):
            joined = command.stop and bool(outcome.by)
            if outcome.verdict is Verdict.NOT_DELIVERED:
                assert not (seen.owed or _changed(seen)), "not_delivered, but perhaps it was"
            elif isinstance(command.operation, WriteThenWait) and outcome.verdict is not Verdict.UNKNOWN:
                assert outcome.value == seen.heard is not None, "a success the device did not tell of"
            elif outcome.verdict in (Verdict.DELIVERED, Verdict.SENT):
                assert seen.good >= len(_parts(command.operation)) or joined, "a success nobody confirmed"
            if outcome.verdict is Verdict.UNKNOWN and self.safety and not device.latched_by:
                device.latched_by = command.id

    def _connecting(self, effect: effects.StartConnect) -> None:
        assert not self.connecting(), "two connection attempts on one adapter"
        device = self.device(effect.device)
        assert device.connection == "disconnected"
        device.connection, device.epoch, device.pairing_until = "connecting", effect.epoch, 0
        assert self.occupied() <= self.slots, "more connections than slots"

    def _link_dropped(self, effect: effects.StartDisconnect) -> None:
        device = self.device(effect.device)
        assert device.connection == "connected"
        device.connection = "disconnecting"
        for owed in device.owed.values():
            seen = self._whose(owed.operation)
            if seen is not None:
                seen.armed = False
                seen.owed -= changes_state(owed.operation)
                seen.tried.add(_key(owed.operation))
        device.owed.clear()

    def connecting(self) -> list[str]:
        """Devices with a connection attempt that is not over yet: there is one per adapter."""
        attempts = ("connecting", "abandoning")
        return [name for name, device in self.devices.items() if device.connection in attempts]

    def occupied(self) -> int:
        return sum(device.connection != "disconnected" for device in self.devices.values())

    def open(self) -> list[str]:
        return [command_id for command_id, seen in self.seen.items() if seen.outcome is None]


def _parts(operation: Operation | Composite) -> tuple[Operation, ...]:
    """What is handed over for it, at the ATT_MTU of a connection that says nothing else."""
    if isinstance(operation, LongWrite):
        payload = operation.payload
        chunks = (
            payload[start : start + ATT_MTU_DEFAULT - 3] for start in range(0, len(payload), ATT_MTU_DEFAULT - 3)
        )
        return tuple(Write(target=operation.target, payload=chunk) for chunk in chunks)
    if isinstance(operation, WriteThenWait):
        return (operation.write,)
    return operation.steps if isinstance(operation, Sequence) else (operation,)


def _undoes(command: Command) -> bool:
    return command.id.endswith("-undo")


def _changed(seen: Seen) -> bool:
    """Whether the device may have been changed: reads have no payload for a key."""
    return any(isinstance(key, bytes) for key in seen.tried)


def _key(operation: Operation) -> object:
    """What tells operations apart: a payload for writes, whatever their mode; all of it for others."""
    return operation.payload if isinstance(operation, Write) else operation


def _same_line(one: Command, other: Command) -> bool:
    """Whether the two are first in, first out: of one client. Reads may pass writes that a latch holds back."""
    return (
        (one.device, one.priority, one.stop) == (other.device, other.priority, other.stop)
        and isinstance(one.operation, Read | Write)
        and type(one.operation) is type(other.operation)
        and one.origin == other.origin
    )
