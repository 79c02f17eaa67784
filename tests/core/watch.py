"""Watches what a scheduler is told and what it asks for, and fails when a promise is broken.

Knows events and effects only: nothing of the scheduler's inside. Tests give every write its own payload
and every read its own handle, so that a hand-over tells whose it is.
"""

from core.seen import REGISTER, OnDevice, Seen, is_check, is_undo, key_of, may_have_changed, parts_of, same_line
from gattkeeper.core import effects, events
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import CUTTING, Rung
from gattkeeper.model.fault import Ran
from gattkeeper.model.gatt import matches
from gattkeeper.model.operation import (
    Operation,
    Read,
    ReadRssi,
    Sequence,
    Write,
    WriteMode,
    WriteThenWait,
    changes_state,
)
from gattkeeper.model.outcome import AnswerValue, Phase, Verdict


class Watch:
    """Told of every event before, and of its effects after, it is handled."""

    def __init__(self, *, slots: int, safety: bool, beside: bool = False) -> None:
        self.slots = slots
        self.safety = safety
        self.beside = beside  # links may be made while services are discovered on others
        self.seen: dict[str, Seen] = {}
        self.refused: set[str] = set()
        self.devices: dict[str, OnDevice] = {}
        self._by_operation: dict[object, str] = {}
        self._places = 0
        self.recovering: dict[str, effects.Recover] = {}  # by adapter
        self.mending: dict[str, Rung] = {}  # by device

    def device(self, name: str) -> OnDevice:
        return self.devices.setdefault(name, OnDevice())

    def before(self, event: events.Event) -> None:
        """Take note of what becomes true by the event itself."""
        match event:
            case events.Answered() | events.Failed():
                self._answer(event)
            case events.Notified():
                self._hear(event)
            case events.ConnectProgressed():
                device = self.device(event.device)
                device.linked |= event.epoch == device.epoch and event.phase is Phase.CONNECTED
            case events.Connected():
                self._move(event, ("connecting", "discovering"), "connected")
            case events.ConnectFailed():
                self._move(event, ("connecting", "discovering", "abandoning"), "disconnected")
            case events.DisconnectDone():
                self._move(event, ("disconnecting",), "disconnected")
            case events.PairingEnded():
                self.device(event.device).pairing_until = 0
            case events.RecoveryDone() if event.alone:
                del self.mending[event.device]
            case events.RecoveryDone():
                self.recovering.pop(event.adapter, None)
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

    def _move(
        self,
        event: events.Connected | events.ConnectFailed | events.DisconnectDone,
        before: tuple[str, ...],
        after: str,
    ) -> None:
        device = self.device(event.device)
        if device.epoch == event.epoch and device.connection in before:
            device.connection, device.establishing = after, False

    def _pairs(self, event: events.PairingStarted, now: int) -> None:
        device = self.device(event.device)
        if event.epoch == device.epoch and device.connection in ("connecting", "discovering", "connected"):
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
            self._carry_out(device, seen, owed.operation, unless=seen.number % 5 == 0)
        else:
            seen.armed = False
            seen.heard = seen.heard if event.fault.ran is Ran.MAYBE else None
            if event.fault.ran is Ran.MAYBE:
                self._carry_out(device, seen, owed.operation, unless=seen.number % 2 == 0)
        if isinstance(event, events.Answered) or event.fault.ran is Ran.MAYBE:
            seen.tried.add(key_of(owed.operation))

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

    def _carry_out(self, device: OnDevice, seen: Seen, operation: Operation, *, unless: bool) -> None:
        """What an answer, or its absence, leaves open about a write: the device did it, by the number of its command."""
        if isinstance(operation, Write) and not unless:
            device.register, seen.applied = operation.payload, True

    def value(self, owed: effects.Dispatch, value: AnswerValue) -> AnswerValue:
        """What the device answers: in its register stands what it was written last."""
        shows = isinstance(owed.operation, Read) and owed.operation.target.uuid.startswith(REGISTER)
        return self.device(owed.device).register if shows else value

    def _whose(self, operation: Operation) -> Seen | None:
        command_id = self._by_operation.get(key_of(operation)) if isinstance(operation, Read | Write) else None
        return self.seen[command_id] if command_id is not None else None

    def after(self, event: events.Event, caused: list[effects.Effect], now: int) -> None:
        """Check the effects, in their order."""
        if isinstance(event, events.PairingStarted):
            self._pairs(event, now)
        answered = [one for one in caused if isinstance(one, effects.Accept | effects.Refuse)]
        undos = [one.command.id for one in answered if isinstance(one, effects.Accept) and is_undo(one.command)]
        checks = [one for one in answered if isinstance(one, effects.Accept) and is_check(one.command)]
        asks = len(event.commands) if isinstance(event, events.FanoutSubmitted) else 0
        asks += isinstance(event, events.Submitted | events.StopRequested)
        asks += sum(isinstance(one, effects.Accept) and "-again-" in one.command.id for one in answered)
        assert len(answered) == asks + len(undos) + len(checks), "one Accept or Refuse for a command, none else"
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
                case effects.Forget():
                    device = self.device(effect.device)
                    assert device.connection == "disconnected" or device.stop, "forgotten beside a connection"
                case effects.Resolve():
                    self._resolved(effect)
                case effects.Finish():
                    self._finished(effect)
                case effects.StartConnect():
                    self._connecting(effect)
                case effects.ConnectionChanged() if effect.state == "discovering":
                    self._discovering(self.device(effect.device))
                case effects.AbandonConnect():
                    assert self.device(effect.device).connection in ("connecting", "discovering")
                    self.device(effect.device).connection = "abandoning"
                case effects.StartDisconnect():
                    self._link_dropped(effect)
                case effects.HurryDisconnect():
                    assert self.device(effect.device).connection == "disconnecting", "nothing to press on"
                case effects.Recover():
                    self._recovers(effect)
                case _:
                    pass
        owed = self._owed_undos(caused)
        assert sorted(undos) == sorted(owed), f"undone: {undos}, left half done: {owed}"

    def _recovers(self, effect: effects.Recover) -> None:
        if effect.alone:
            assert self.device(effect.device).connection == "disconnected", "a link taken from a connection"
            assert effect.device not in self.mending, "two rungs for one device"
            self.mending[effect.device] = effect.rung
        else:
            there = (self.device(name) for name in self.establishing(effect.adapter))
            # A stop waits for no rung, and what was given up is waited for as long as for what is in flight.
            beside = [one for one in there if one.connection == "connecting" and not one.stop]
            assert not beside or effect.rung in CUTTING, "a rung beside a connection attempt"
            self.recovering[effect.adapter] = effect

    def _marked(self, seen: Seen, effect: effects.Marked) -> None:
        if seen.command.priority is not effect.command.priority:
            seen.place = self._place()  # behind all that wait with that priority
        seen.command = effect.command
        seen.counted += effect.mark.phase is Phase.ANSWERED
        seen.awaiting |= effect.mark.phase is Phase.AWAITING
        if effect.mark.phase is Phase.BACKOFF:  # it goes on without an answer that is owed, whatever that will say
            owed = self.device(effect.command.device).owed.values()
            seen.tried |= {key_of(one.operation) for one in owed if self._whose(one.operation) is seen}

    def _owed_undos(self, caused: list[effects.Effect]) -> list[str]:
        """A sequence that may have run, and not to its end, is undone, but not behind a latched stop."""
        ends = [self.seen[one.command.id] for one in caused if isinstance(one, effects.Finish)]
        return [
            f"{seen.command.id}-undo"
            for seen in ends
            if isinstance(seen.command.operation, Sequence)
            and seen.command.operation.undo is not None
            and seen.counted < len(seen.command.operation.steps)
            and (may_have_changed(seen) or seen.owed)
            and not self.device(seen.command.device).gate
        ]

    def _accepted(self, effect: effects.Accept, now: int) -> None:
        command = effect.command
        assert command.id not in self.seen, "accepted twice"
        device = self.device(command.device)
        seen = self.seen[command.id] = Seen(command=command, at_us=now, number=len(self.seen), place=self._place())
        for part in parts_of(command.operation):
            self._by_operation[key_of(part)] = command.id
        if seen.checks:
            about = self.seen[command.id.split("-check")[0]].outcome
            assert about is not None and about.verdict is Verdict.UNKNOWN, "a look at what is known"
            others = [one for one in self.open() if is_check(self.seen[one].command) and one != command.id]
            assert not [one for one in others if self.seen[one].command.device == command.device], "two checks"
        if command.stop:
            device.last_stop = seen.number
            device.stop = device.stop or command.id
        elif changes_state(command.operation) and not seen.undoes:
            assert not device.stop, "accepted while a stop runs"
            assert not device.gate, "accepted behind a latched stop"
            assert not device.latched_by, "accepted behind the latch"

    def _resolved(self, effect: effects.Resolve) -> None:
        seen = self.seen[effect.command.id]
        assert seen.outcome is not None, "resolved before its end"
        assert seen.outcome.verdict is Verdict.UNKNOWN, "resolved, but known"
        assert not seen.owed, "resolved while it may still be carried out"
        assert effect.applied == seen.applied, f"{effect.command.id} is resolved wrongly: {effect.why}"

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
            assert command.idempotent or key_of(operation) not in seen.tried, "applied twice, perhaps"
        if seen.undoes:
            assert not device.gate, "handed over behind a latched stop"
        if seen.undoes or seen.checks:
            return  # it goes before whatever waits
        if changes_state(command.operation):
            assert seen.number > device.last_stop, "older than the latest stop, handed over after it"
            assert not device.latched_by or seen.begun, "handed over behind the latch"
        for other in self.seen.values():
            if other.place < seen.place and not other.sent and same_line(other.command, command):
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
                assert not (seen.owed or may_have_changed(seen)), "not_delivered, but perhaps it was"
            elif isinstance(command.operation, WriteThenWait) and outcome.verdict is not Verdict.UNKNOWN:
                assert outcome.value == seen.heard is not None, "a success the device did not tell of"
            elif outcome.verdict in (Verdict.DELIVERED, Verdict.SENT):
                assert seen.good >= len(parts_of(command.operation)) or joined, "a success nobody confirmed"
            if outcome.verdict is Verdict.UNKNOWN and self.safety and not device.latched_by:
                device.latched_by = command.id

    def _connecting(self, effect: effects.StartConnect) -> None:
        assert not self.establishing(effect.adapter), "two links being made on one adapter"
        if not self.beside:
            assert not self.connecting(effect.adapter), "two connection attempts on one adapter"
        device = self.device(effect.device)
        assert device.connection == "disconnected"
        assert effect.device not in self.mending or device.stop, "connected while its link is taken down"
        if effect.adapter in self.recovering:
            assert device.stop, "connected while a rung runs"
            assert self.recovering[effect.adapter].rung not in CUTTING, "connected while the adapter is reset"
        device.connection, device.epoch, device.pairing_until = "connecting", effect.epoch, 0
        device.adapter, device.establishing, device.linked = effect.adapter, True, False
        assert self.occupied(effect.adapter) <= self.slots, "more connections than slots"

    def _discovering(self, device: OnDevice) -> None:
        assert self.beside, "an adapter given on by a link that cannot discover beside"
        assert (device.connection, device.linked) == ("connecting", True), "an adapter given on without a link"
        device.connection, device.establishing = "discovering", False

    def _link_dropped(self, effect: effects.StartDisconnect) -> None:
        device = self.device(effect.device)
        assert device.connection == "connected"
        device.connection = "disconnecting"
        for owed in device.owed.values():
            seen = self._whose(owed.operation)
            if seen is not None:
                seen.armed = False
                seen.owed -= changes_state(owed.operation)
                seen.tried.add(key_of(owed.operation))
                self._carry_out(device, seen, owed.operation, unless=seen.number % 2 == 0)
        device.owed.clear()

    def connecting(self, adapter: str = "") -> list[str]:
        """Devices with a connection attempt that is not over yet: its link may be up."""
        attempts = ("connecting", "discovering", "abandoning")
        here = {name: device for name, device in self.devices.items() if adapter in ("", device.adapter)}
        return [name for name, device in here.items() if device.connection in attempts]

    def establishing(self, adapter: str) -> list[str]:
        """Devices whose link is being made, or no more: there is one on each adapter."""
        here = {name: device for name, device in self.devices.items() if device.adapter == adapter}
        return [name for name, device in here.items() if device.establishing]

    def occupied(self, adapter: str = "") -> int:
        here = (device for device in self.devices.values() if adapter in ("", device.adapter))
        return sum(device.connection != "disconnected" for device in here)

    def open(self) -> list[str]:
        return [command_id for command_id, seen in self.seen.items() if seen.outcome is None]
