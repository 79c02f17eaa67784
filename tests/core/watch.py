"""Watches what a scheduler is told and what it asks for, and fails when a promise is broken.

Knows events and effects only: nothing of the scheduler's inside. Tests give every write its own payload
and every read its own handle, so that a hand-over tells whose it is.
"""

from msgspec import Struct, field

from gattkeeper.core import effects, events
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Ran
from gattkeeper.model.operation import Operation, Read, Write, WriteMode, changes_state
from gattkeeper.model.outcome import Outcome, Verdict


class Seen(Struct, kw_only=True, eq=False):
    """One accepted command."""

    command: Command
    at_us: int
    number: int
    owed: int = 0  # hand-overs without an answer on a living link
    good: int = 0
    unclear: int = 0
    sent: bool = False
    outcome: Outcome | None = None


class OnDevice(Struct, kw_only=True, eq=False):
    """One device, as far as it shows from outside."""

    owed: dict[int, effects.Dispatch] = field(default_factory=dict)
    epoch: int = 0
    connection: str = "disconnected"
    stop: str = ""  # the stop that runs
    last_stop: int = -1  # number of the latest stop
    gate: bool = False
    latched_by: str = ""


class Watch:
    """Told of every event before, and of its effects after, it is handled."""

    def __init__(self, *, slots: int, safety: bool) -> None:
        self.slots = slots
        self.safety = safety
        self.seen: dict[str, Seen] = {}
        self.refused: set[str] = set()
        self.devices: dict[str, OnDevice] = {}
        self._by_operation: dict[object, str] = {}

    def device(self, name: str) -> OnDevice:
        return self.devices.setdefault(name, OnDevice())

    def before(self, event: events.Event) -> None:
        """Take note of what becomes true by the event itself."""
        match event:
            case events.Answered() | events.Failed():
                self._answer(event)
            case events.Connected():
                self._move(event.device, event.epoch, "connecting", "connected")
            case events.ConnectFailed():
                self._move(event.device, event.epoch, "connecting", "disconnected")
                self._move(event.device, event.epoch, "abandoning", "disconnected")
            case events.DisconnectDone():
                self._move(event.device, event.epoch, "disconnecting", "disconnected")
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

    def _answer(self, event: events.Answered | events.Failed) -> None:
        device = self.device(event.device)
        owed = device.owed.pop(event.token, None) if event.epoch == device.epoch else None
        seen = self._whose(owed.operation) if owed is not None else None
        if seen is None:
            return
        seen.owed -= 1
        if isinstance(event, events.Answered):
            seen.good += 1
        elif event.fault.ran is Ran.MAYBE:
            seen.unclear += 1

    def _whose(self, operation: Operation) -> Seen | None:
        command_id = self._by_operation.get(_key(operation)) if isinstance(operation, Read | Write) else None
        return self.seen[command_id] if command_id is not None else None

    def after(self, event: events.Event, caused: list[effects.Effect], now: int) -> None:
        """Check the effects, in their order."""
        answered = [one for one in caused if isinstance(one, effects.Accept | effects.Refuse)]
        asks = isinstance(event, events.Submitted | events.StopRequested)
        assert len(answered) == asks, "one Accept or Refuse for a command, none otherwise"
        for effect in caused:
            match effect:
                case effects.Accept():
                    self._accepted(effect, now)
                case effects.Refuse():
                    assert not isinstance(event, events.StopRequested), "a stop was refused"
                    self.refused.add(effect.command_id)
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

    def _accepted(self, effect: effects.Accept, now: int) -> None:
        command = effect.command
        assert command.id not in self.seen, "accepted twice"
        device = self.device(command.device)
        seen = self.seen[command.id] = Seen(command=command, at_us=now, number=len(self.seen))
        self._by_operation[_key(command.operation)] = command.id
        if command.stop:
            device.last_stop = seen.number
            device.stop = device.stop or command.id
        elif changes_state(command.operation):
            assert not device.stop, "accepted while a stop runs"
            assert not device.gate, "accepted behind a latched stop"
            assert not device.latched_by, "accepted behind the latch"

    def _dispatched(self, effect: effects.Dispatch, now: int) -> None:
        device = self.device(effect.device)
        assert device.connection == "connected", "handed over without a connection"
        assert effect.epoch == device.epoch, "handed over to another connection"
        seen = self._whose(effect.operation)
        stops = seen is not None and seen.command.stop
        assert len(device.owed) == 0 or (len(device.owed) == 1 and stops), "two in flight"
        if device.owed:
            assert isinstance(effect.operation, Write), "only a write overtakes"
            assert effect.operation.mode is WriteMode.WITHOUT_RESPONSE, "it overtakes without response"
        device.owed[effect.token] = effect
        if seen is None:
            return
        if not stops:
            self._check_turn(device, seen, now)
        assert seen.outcome is None, "handed over after its outcome"
        assert now < seen.at_us + seen.command.deadline_us, "handed over after its deadline"
        seen.sent = True
        seen.owed += 1

    def _check_turn(self, device: OnDevice, seen: Seen, now: int) -> None:
        command = seen.command
        if changes_state(command.operation):
            assert seen.number > device.last_stop, "older than the latest stop, handed over after it"
            assert not device.latched_by, "handed over behind the latch"
            assert command.idempotent or not (seen.good or seen.unclear), "applied twice, perhaps"
        assert not device.stop, "handed over while a stop runs"
        for other in self.seen.values():
            if other.number < seen.number and not other.sent and _same_line(other.command, command):
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
                assert not (seen.owed or seen.good or seen.unclear), "not_delivered, but perhaps it was"
            elif outcome.verdict in (Verdict.DELIVERED, Verdict.SENT):
                assert seen.good or joined, "a success nobody confirmed"
        if outcome.verdict is Verdict.UNKNOWN and self.safety and not device.latched_by:
            device.latched_by = command.id

    def _connecting(self, effect: effects.StartConnect) -> None:
        assert not self.connecting(), "two connection attempts on one adapter"
        device = self.device(effect.device)
        assert device.connection == "disconnected"
        device.connection, device.epoch = "connecting", effect.epoch
        assert self.occupied() <= self.slots, "more connections than slots"

    def _link_dropped(self, effect: effects.StartDisconnect) -> None:
        device = self.device(effect.device)
        assert device.connection == "connected"
        device.connection = "disconnecting"
        for owed in device.owed.values():
            seen = self._whose(owed.operation)
            if seen is not None:
                seen.owed -= 1
                seen.unclear += 1
        device.owed.clear()

    def connecting(self) -> list[str]:
        """Devices with a connection attempt that is not over yet: there is one per adapter."""
        attempts = ("connecting", "abandoning")
        return [name for name, device in self.devices.items() if device.connection in attempts]

    def occupied(self) -> int:
        return sum(device.connection != "disconnected" for device in self.devices.values())

    def open(self) -> list[str]:
        return [command_id for command_id, seen in self.seen.items() if seen.outcome is None]


def _key(operation: Operation) -> object:
    """What tells operations apart: a payload for writes, whatever their mode; all of it for others."""
    return operation.payload if isinstance(operation, Write) else operation


def _same_line(one: Command, other: Command) -> bool:
    """Whether the two are first in, first out. Reads may pass writes that a latch holds back."""
    return (
        (one.device, one.priority, one.stop) == (other.device, other.priority, other.stop)
        and isinstance(one.operation, Read | Write)
        and type(one.operation) is type(other.operation)
    )
