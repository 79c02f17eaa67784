"""The last word on a command: which verdict, and everything that goes with it.

Knows what may be claimed from what happened. Nothing here decides whether to try again.
"""

from gattkeeper.core import parts, resolving
from gattkeeper.core.effects import Finish, LatchChanged
from gattkeeper.core.entry import Entry
from gattkeeper.core.lifecycle import CommandStep
from gattkeeper.core.state import DeviceState, State
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Composite, Operation, changes_state, has_effect
from gattkeeper.model.outcome import AnswerValue, Cause, Outcome, Phase, Verdict

_UNCERTAIN: dict[FaultKind, Cause] = {
    FaultKind.LINK_LOST: Cause.LINK_LOST_IN_FLIGHT,
    FaultKind.TIMED_OUT: Cause.TIMED_OUT_IN_FLIGHT,
    FaultKind.CANCELLED: Cause.CANCELLED_IN_FLIGHT,
    FaultKind.STACK_GONE: Cause.STACK_RESTARTED,
    FaultKind.ADAPTER_GONE: Cause.STACK_RESTARTED,
}

_NOT_DELIVERED: dict[FaultKind, Cause] = {
    FaultKind.LINK_LOST: Cause.LINK_LOST_BEFORE_SEND,
    FaultKind.REJECTED: Cause.REJECTED,
    FaultKind.UNSUPPORTED: Cause.UNSUPPORTED,
    FaultKind.CANCELLED: Cause.CANCELLED,
}


def note_uncertainty(entry: Entry, operation: Operation, fault: Fault) -> None:
    """Remember that an attempt may have had its effect. Later attempts cannot undo that."""
    if fault.ran is Ran.MAYBE and has_effect(operation):
        entry.uncertain = _UNCERTAIN.get(fault.kind, Cause.UNCLEAR_ANSWER)


def failure_cause(entry: Entry, fault: Fault) -> Cause:
    """The reason to give for a command that certainly had no effect."""
    if fault.kind in _NOT_DELIVERED:
        return _NOT_DELIVERED[fault.kind]
    if fault.ran is Ran.REFUSED:
        return Cause.REJECTED
    if entry.attempt and fault.ran is Ran.MAYBE:
        return Cause.FAILED  # it ran, perhaps, but has no effect: a read
    return Cause.NEVER_SENT


def end_failed(state: State, device: DeviceState, entry: Entry, fault: Fault) -> None:
    """End a command whose last attempt failed."""
    end_without_success(state, device, entry, failure_cause(entry, fault), fault=fault)


def end_without_success(
    state: State, device: DeviceState, entry: Entry, cause: Cause, *, by: str = "", fault: Fault | None = None
) -> None:
    """End a command that will not be sent any more.

    Whatever the reason, if an earlier attempt may have reached the device, or a part was carried out, the
    verdict is unknown: not_delivered would promise that nothing ever happens, and that all may be sent again.
    """
    verdict = Verdict.NOT_DELIVERED
    if entry.uncertain is not None:
        verdict, cause = Verdict.UNKNOWN, entry.uncertain
    elif entry.changed:
        verdict, cause = Verdict.UNKNOWN, Cause.PARTLY
    end(state, device, entry, verdict, cause, by=by, fault=fault)


def end(
    state: State,
    device: DeviceState,
    entry: Entry,
    verdict: Verdict,
    cause: Cause,
    *,
    value: AnswerValue = None,
    by: str = "",
    fault: Fault | None = None,
) -> None:
    """Give a command its one outcome and forget it. Nothing happens to one that has ended already."""
    if not entry.move(CommandStep.END):
        return
    state.unwait(entry)
    command = entry.command
    if command.fanout:
        state.leave_gate(entry)
    if command.lease in state.leases:
        state.leases[command.lease].used_at = state.now
    for kind in entry.clocks:
        state.timers.cancel((kind, command.id))
    if verdict is Verdict.UNKNOWN and changes_state(command.operation):
        _unknown(state, device, entry)
    state.mark(entry, Phase.OUTCOME, verdict.value)
    outcome = Outcome(
        command_id=command.id,
        verdict=verdict,
        cause=cause,
        value=value,
        fault=fault,
        attempts=tuple(entry.attempts),
        by=by,
        epoch=entry.epoch,
        timeline=tuple(entry.timeline),
        progress=entry.step,
        values=tuple(entry.values),
    )
    del state.entries[command.id]
    state.ended += 1
    state.effects.append(Finish(command=command, outcome=outcome, at_us=state.now))
    state.touch(device)
    if isinstance(command.operation, Composite):
        _owe_undo(device, entry)
    if device.connect_for is entry:
        device.connect_for = None
    if device.stop is entry:
        device.stop = None
        device.stop_ended = (entry, verdict)  # the gate opens, or not, once it is clear what follows
        for joined in entry.joined:
            end(state, device, joined, verdict, cause, by=command.id, fault=fault)


def _owe_undo(device: DeviceState, entry: Entry) -> None:
    undo = parts.owed_undo(entry)
    if undo is not None:
        device.owed_undo = (entry, undo)


def _unknown(state: State, device: DeviceState, entry: Entry) -> None:
    if device.safety and not device.latched_by:
        latch(state, device, entry.command.id)
    resolving.ask(device, entry)


def latch(state: State, device: DeviceState, command_id: str) -> None:
    """Hold back everything that changes the device until it is known what the command did."""
    device.latched_by = command_id
    device.waiting.latched = True
    state.effects.append(LatchChanged(device=device.name, by=command_id, held=True))
    state.touch(device)


def unlatch(state: State, device: DeviceState) -> None:
    """It is known now: what was held back waits again, in its old place."""
    state.effects.append(LatchChanged(device=device.name, by=device.latched_by, held=False))
    device.latched_by = ""
    device.waiting.latched = False
    state.touch(device)
