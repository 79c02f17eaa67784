"""One operation in a slot, answered: well, badly, late, or not in time; then the next part, again, or the end.

Knows one device's slot. Connections are none of its business: a retry that needs a fresh one says so
in `DeviceState.reconnect`.
"""

from msgspec.structs import replace

from gattkeeper.core import awaiting, parts, resolving, roaming, subscriptions, trust
from gattkeeper.core.attempts import free, go_on, side_step
from gattkeeper.core.effects import RecordAttempt, SubscriptionEnded
from gattkeeper.core.ending import end, end_failed, end_without_success, failure_cause, note_uncertainty
from gattkeeper.core.entry import Entry
from gattkeeper.core.lifecycle import SLOT, CommandStep, SlotPhase, SlotStep
from gattkeeper.core.own_faults import CANCELLED, LEASE_OVER
from gattkeeper.core.retry import Reaction, decide
from gattkeeper.core.state import DeviceState, Slot, SlotRole, State
from gattkeeper.model.command import ReadBack
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import (
    Composite,
    Operation,
    Pair,
    Read,
    RequestMtu,
    Subscribe,
    Unpair,
    WriteThenWait,
    is_idempotent,
)
from gattkeeper.model.outcome import AnswerValue, Attempt, Cause, Phase, Verdict

LINK_KINDS = frozenset({FaultKind.LINK_LOST, FaultKind.ADAPTER_GONE, FaultKind.STACK_GONE})
"""Faults after which there is no connection left to retry on."""


_LASTING = (Subscribe, RequestMtu, Pair, Unpair)
"""What is in force from its answer on, even if nobody waits for that any more."""


def _note(device: DeviceState, operation: Subscribe | RequestMtu | Pair | Unpair, value: AnswerValue) -> None:
    if isinstance(operation, Subscribe):
        subscriptions.answered(device, operation)
    elif not isinstance(operation, RequestMtu):
        roaming.paired(device, operation)
    elif isinstance(value, int):
        device.att_mtu = value


def answered(state: State, device: DeviceState, slot: Slot, value: AnswerValue) -> None:
    """A good answer: to the command that asked, or to nobody when it came too late."""
    free(state, device, slot)
    entry = slot.entry
    if isinstance(slot.operation, _LASTING):
        _note(device, slot.operation, value)
    if slot.phase is SlotPhase.RELEASING:
        if entry is not None:
            state.mark(entry, Phase.LATE_ANSWER, "discarded")
        return
    if entry is None:
        return
    if slot.role is SlotRole.PAIRING:
        _paired(state, device, entry)
        return
    if slot.role is SlotRole.READING_BACK:
        _read_back_answered(state, device, entry, value)
        return
    if entry.command.stop and device.shortfall:  # whoever answered
        unproved = trust.fault_of(device, Ran.MAYBE)
        trust.warn(state, device, unproved)
        attempt_over(state, device, slot, unproved)
        return
    _succeeded(state, device, slot, entry, value)


def _paired(state: State, device: DeviceState, entry: Entry) -> None:
    cause = barred(state, entry)
    if cause is None:
        go_on(state, device, entry)
    else:
        end_without_success(state, device, entry, cause, by=entry.stopped_by)


def barred(state: State, entry: Entry) -> Cause | None:
    """Why a command must not take a further step, whatever the last one brought; None when it may."""
    if entry.stopped_by:
        return Cause.STOPPED
    return Cause.EXPIRED if state.now >= entry.deadline_at else None


def _succeeded(state: State, device: DeviceState, slot: Slot, entry: Entry, value: AnswerValue) -> None:
    _close_attempt(state, entry, None)
    state.mark(entry, Phase.ANSWERED)
    operation, unanswered = slot.operation, state.adapters[device.adapter].unanswered
    if isinstance(operation, Subscribe):
        subscriptions.want(device, entry)
    if isinstance(entry.command.operation, Composite):
        parts.answered(entry, operation, value)
        value = None  # it is among those of the parts
        if parts.are_left(entry):
            _go_on(state, device, entry)
            return
    if isinstance(entry.command.operation, WriteThenWait):
        _await(state, device, slot, entry, entry.command.operation)
    elif entry.command.require_read_back and entry.command.read_back is not None:
        _read_back(state, device, entry, entry.command.read_back)
    elif unanswered and parts.contains(entry, operation, unanswered):
        end(state, device, entry, Verdict.SENT, Cause.ASSUMED)
    elif parts.unacknowledged(entry, operation):
        end(state, device, entry, Verdict.SENT, Cause.ACCEPTED_LOCALLY)
    elif value is not None:
        end(state, device, entry, Verdict.DELIVERED, Cause.VALUE, value=value)
        resolving.look(state, device, entry.checks, value)
    else:
        end(state, device, entry, Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def _go_on(state: State, device: DeviceState, entry: Entry) -> None:
    """Hand over the next part: at once, before anybody else can have the slot, or from the old place in line."""
    cause = barred(state, entry)
    if cause is not None:
        end_without_success(state, device, entry, cause, by=entry.stopped_by)
    elif parts.has_begun(entry):
        go_on(state, device, entry)
    elif state.has_lapsed(entry):
        end_without_success(state, device, entry, Cause.NEVER_SENT, fault=LEASE_OVER)
    else:
        entry.move(CommandStep.PUT_BACK)
        state.wait(device, entry)


def _await(state: State, device: DeviceState, slot: Slot, entry: Entry, operation: WriteThenWait) -> None:
    """Wait for the notification, unless it came first. A stop that waits does not wait for that as well."""
    if slot.heard is not None:
        awaiting.acknowledge(state, device, entry, slot.heard)
        return
    device.slot = awaiting.begin(state, device, entry, operation)
    if entry.stopped_by:
        release(state, device, device.slot, CANCELLED)


def _read_back(state: State, device: DeviceState, entry: Entry, read_back: ReadBack) -> None:
    """Look at the device before anything is claimed. A stop that waits goes first: then nothing is claimed."""
    if device.slot is None and not entry.stopped_by:
        state.mark(entry, Phase.READ_BACK)
        device.slot = side_step(state, device, Read(target=read_back.target), SlotRole.READING_BACK, entry)
        return
    fault = Fault(
        kind=FaultKind.CANCELLED, stack="keeper", name="read_back", text="there was no time to read back"
    )
    end(state, device, entry, Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER, by=entry.stopped_by, fault=fault)


def _read_back_answered(state: State, device: DeviceState, entry: Entry, value: AnswerValue) -> None:
    expected = entry.command.read_back.expected if entry.command.read_back is not None else b""
    if isinstance(value, bytes) and value.startswith(expected):
        end(state, device, entry, Verdict.DELIVERED, Cause.READ_BACK, value=value)
        return
    fault = Fault(kind=FaultKind.REJECTED, stack="keeper", name="read_back", text="the value read back differs")
    end(state, device, entry, Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER, value=value, fault=fault)
    resolving.look(state, device, entry.command.id, value)


def _close_attempt(state: State, entry: Entry, fault: Fault | None) -> None:
    entry.attempts.append(
        Attempt(number=entry.attempt, started_at_us=entry.attempt_started_at, ended_at_us=state.now, fault=fault)
    )


def failed(state: State, device: DeviceState, slot: Slot, fault: Fault) -> None:
    """A bad answer, or the loss of the link it would have come on."""
    free(state, device, slot)
    if slot.phase is SlotPhase.RELEASING:
        if slot.entry is not None:
            state.mark(slot.entry, Phase.LATE_ANSWER, "discarded")
        return
    attempt_over(state, device, slot, fault)


def release(state: State, device: DeviceState, slot: Slot, fault: Fault) -> None:
    """Let the command go, but not the bearer: it still owes an answer, for a while. A mere wait is owed none."""
    if slot.role is SlotRole.AWAITING:
        free(state, device, slot)
        attempt_over(state, device, slot, fault)
        return
    slot.phase = SLOT[slot.phase, SlotStep.RELEASE]
    slot.released_after = state.sequence
    grace_us = 0 if slot.entry is not None and slot.entry.command.stop else state.limits.late_answer_grace_us
    state.timers.cancel(("attempt", device.name, slot.token))
    state.timers.set(("grace", device.name, slot.token), state.now + grace_us)
    attempt_over(state, device, slot, fault)


def attempt_over(state: State, device: DeviceState, slot: Slot, fault: Fault) -> None:
    """Again, or the end: decided from the fault, the command, and what happened before."""
    entry = slot.entry
    if entry is None:
        _setup_over(state, device, slot, fault)
    elif slot.role is SlotRole.READING_BACK:
        end(state, device, entry, Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER, fault=fault)
    elif slot.role is SlotRole.PAIRING:
        _pairing_over(state, device, entry, fault)
    elif slot.role is SlotRole.AWAITING:
        _wait_over(state, device, slot, entry, fault)
    else:
        _close_attempt(state, entry, fault)
        note_uncertainty(entry, slot.operation, fault)
        if slot.heard is not None and fault.ran is Ran.MAYBE and awaiting.is_evidence(entry):
            awaiting.acknowledge(state, device, entry, slot.heard)
        elif entry.command.stop:
            _stop_over(state, device, entry, fault)
        else:
            _again_or_end(state, device, entry, slot.operation, fault)


def _setup_over(state: State, device: DeviceState, slot: Slot, fault: Fault) -> None:
    """A subscription that cannot be restored is given up, unless only the link was lost."""
    if isinstance(slot.operation, Subscribe) and fault.kind not in LINK_KINDS:
        device.wanted.pop(slot.operation.target, None)
        state.effects.append(SubscriptionEnded(device=device.name, target=slot.operation.target, fault=fault))


def _pairing_over(state: State, device: DeviceState, entry: Entry, fault: Fault) -> None:
    cause = barred(state, entry)
    if cause is not None:
        end_without_success(state, device, entry, cause, by=entry.stopped_by, fault=fault)
    elif fault.kind is FaultKind.CANCELLED or fault.kind in LINK_KINDS:
        end_failed(state, device, entry, replace(fault, ran=Ran.NO))
    else:
        end_failed(state, device, entry, replace(fault, kind=FaultKind.PAIRING_FAILED, ran=Ran.REFUSED))


def _wait_over(state: State, device: DeviceState, slot: Slot, entry: Entry, fault: Fault) -> None:
    """The device acknowledged the write, and will not tell any more what it made of it."""
    note_uncertainty(entry, slot.operation, fault)
    end_without_success(state, device, entry, failure_cause(entry, fault), by=entry.stopped_by, fault=fault)


def may_repeat(entry: Entry, operation: Operation, fault: Fault) -> bool:
    """Only what certainly did not run, or may run twice, and still has a use for another connection."""
    command = entry.command
    if parts.has_begun(entry):
        return False
    if entry.checks and fault.kind is FaultKind.BUSY:
        return False  # first in line, it would hold all others up without end
    if fault.ran is Ran.MAYBE and not (command.idempotent or is_idempotent(operation)):
        return False
    return command.survive_reconnect or fault.kind not in LINK_KINDS


def _again_or_end(state: State, device: DeviceState, entry: Entry, operation: Operation, fault: Fault) -> None:
    command = entry.command
    newer = device.waiting.roll.keys.get(command.coalesce_key)
    if entry.stopped_by:
        end_without_success(state, device, entry, Cause.STOPPED, by=entry.stopped_by, fault=fault)
        return
    lapsed = state.has_lapsed(entry)
    if lapsed or fault.kind is FaultKind.CANCELLED or state.closing or not may_repeat(entry, operation, fault):
        end_failed(state, device, entry, fault)
        return
    nth = entry.faults[fault.kind] = entry.faults.get(fault.kind, 0) + 1
    decision = decide(fault.kind, nth=nth, jitter=state.jitter)
    ready_at = state.now + decision.backoff_us
    reconnects = decision.reaction is Reaction.RECONNECT
    if decision.reaction is Reaction.GIVE_UP or ready_at >= entry.deadline_at or (reconnects and command.lease):
        end_failed(state, device, entry, fault)
    elif newer is not None:
        end_without_success(state, device, entry, Cause.SUPERSEDED, by=newer.command.id, fault=fault)
    else:
        state.effects.append(
            RecordAttempt(command_id=command.id, attempt=entry.attempt, epoch=device.epoch, fault=fault)
        )
        if decision.reaction is Reaction.PAIR and device.slot is None and not device.pairing:
            state.mark(entry, Phase.PAIR)
            device.slot = side_step(state, device, Pair(), SlotRole.PAIRING, entry)
            return
        device.reconnect |= reconnects
        back_off(state, device, entry, ready_at, fault)


def back_off(state: State, device: DeviceState, entry: Entry, ready_at: int, fault: Fault) -> None:
    """Wait in the old place until `ready_at`."""
    entry.move(CommandStep.BACK_OFF)
    entry.ready_at = ready_at
    state.mark(entry, Phase.BACKOFF, f"{(ready_at - state.now) / 1e6:.3g} s after {fault}")
    state.wait(device, entry)
    state.set_clock(entry, "backoff", ready_at)
    state.touch(device)


def _stop_over(state: State, device: DeviceState, entry: Entry, fault: Fault) -> None:
    """A stop is tried again at once, on a fresh connection unless the device itself answered."""
    if entry.attempt >= state.limits.stop_attempts_max:
        device.reconnect = device.hurried = True  # the last means: the device falls back to its own safe state
        end_failed(state, device, entry, fault)
        return
    state.effects.append(
        RecordAttempt(command_id=entry.command.id, attempt=entry.attempt, epoch=device.epoch, fault=fault)
    )
    entry.move(CommandStep.PUT_BACK)
    device.reconnect |= fault.ran is Ran.MAYBE or fault.kind is FaultKind.STALE
    if device.slot is not None:  # it overtook a request that is still in flight: that one is in the way now
        state.timers.set(("stop_grace", device.name), state.now + state.limits.stop_grace_us)
    state.touch(device)
