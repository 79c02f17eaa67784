"""One operation in a slot: started, recorded, handed over.

Knows one device's slot. What its answer brings about is decided in `answering`.
"""

from collections.abc import Callable

from gattkeeper.core import leases, parts, pressure, subscriptions
from gattkeeper.core.effects import Dispatch, Forget, RecordIntent
from gattkeeper.core.ending import end, end_without_success
from gattkeeper.core.entry import Entry
from gattkeeper.core.lifecycle import SLOT, CommandStep, ConnectionState, SlotPhase, SlotStep
from gattkeeper.core.limits import Limits
from gattkeeper.core.own_faults import TABLE_CHANGED
from gattkeeper.core.state import DeviceState, Slot, SlotRole, State
from gattkeeper.model.operation import (
    Composite,
    Connect,
    DiscoverServices,
    Operation,
    Pair,
    RequestMtu,
    Sequence,
    Subscribe,
    Unsubscribe,
    changes_state,
    kind_of,
)
from gattkeeper.model.outcome import Cause, Phase, Verdict

_MAY_BE_DONE = (Connect, Subscribe, Unsubscribe)
"""What a connection that is there may have done already."""


def start(state: State, device: DeviceState, entry: Entry) -> None:
    """Give the device's slot to a command that was chosen."""
    if entry.line is not None:
        state.unwait(entry)
    entry.move(CommandStep.START)
    operation = entry.command.operation
    if isinstance(operation, _MAY_BE_DONE) and subscriptions.is_shared(device, operation):
        subscriptions.want(device, entry)
        leases.activate(state, device)
        end(state, device, entry, Verdict.DELIVERED, Cause.ACKNOWLEDGED)
        return
    if isinstance(operation, Sequence):
        state.set_clock(entry, "lease", state.now + operation.lease_us)
    if has_place_aside(state, device, operation):
        device.aside = occupy(state, device, entry, parts.current(device, entry))
        state.touch(device)  # the bearer is still free
    else:
        go_on(state, device, entry)


def go_on(state: State, device: DeviceState, entry: Entry) -> None:
    """Give the device's slot to what is next of a command, unless its handles are those of another table."""
    if entry.table is None or not is_stale(device, entry):
        device.slot = occupy(state, device, entry, parts.current(device, entry))
        return
    device.reconnect |= entry.command.stop  # a stop's last means: the device falls back to its own safe state
    end_without_success(state, device, entry, Cause.NEVER_SENT, fault=TABLE_CHANGED)


def is_stale(device: DeviceState, entry: Entry) -> bool:
    """Whether a command names handles of another attribute table than the one in force."""
    return entry.table is not None and (entry.table or device.first_table) != device.table


def has_place_aside(state: State, device: DeviceState, operation: Operation | Composite) -> bool:
    """Whether the operation uses no bearer, and its place beside the bearer is free: one at a time.

    An adapter that does one operation at a time has no such place.
    """
    adapter = state.adapters[device.adapter]
    if not adapter.aside or device.aside is not None or kind_of(operation) not in adapter.aside:
        return False
    return not (state.is_serial(adapter) or adapter.ladder.cuts)


def goes_aside(state: State, device: DeviceState, operation: Operation | Composite) -> bool:
    """Whether it may start now, whatever is on the bearer. A stop and a pairing hold it back like any other."""
    if not has_place_aside(state, device, operation) or device.connection is not ConnectionState.CONNECTED:
        return False
    return device.stop is None and not (device.pairing or device.shortfall or device.reconnect)


def occupy(
    state: State, device: DeviceState, entry: Entry, operation: Operation, *, unconnected: bool = False
) -> Slot:
    """Begin the next attempt: its intent is recorded first. A stop does not wait for the disk."""
    is_stop = entry.command.stop
    if is_stop:
        state.timers.cancel(("stop_grace", device.name))
    entry.attempt += 1
    entry.attempt_started_at = state.now
    entry.epoch = device.epoch
    if entry.attempt > 1 and entry.step_tried == entry.step:
        state.mark(entry, Phase.RETRY)
    entry.step_tried = entry.step
    slot = Slot(
        token=device.new_token(),
        operation=operation,
        role=SlotRole.MAIN,
        phase=SlotPhase.RECORDING,
        entry=entry,
        unconnected=unconnected,
    )
    if state.journalled:
        state.effects.append(
            RecordIntent(
                command_id=entry.command.id,
                device=device.name,
                token=slot.token,
                attempt=entry.attempt,
                epoch=device.epoch,
                awaited=not is_stop,
                step=parts.number(entry),
            )
        )
    if is_stop or not state.journalled:
        hand_over(state, device, slot)
    return slot


def start_setup(state: State, device: DeviceState, operation: Operation) -> None:
    """Restore what was wanted before the reconnect. Nobody's command: nothing is recorded."""
    device.slot = side_step(state, device, operation, SlotRole.SETUP, None)


def side_step(
    state: State, device: DeviceState, operation: Operation, role: SlotRole, entry: Entry | None
) -> Slot:
    """An operation on the way to something else: nothing is recorded, it goes at once."""
    slot = Slot(token=device.new_token(), operation=operation, role=role, phase=SlotPhase.RECORDING, entry=entry)
    hand_over(state, device, slot)
    return slot


def hand_over(state: State, device: DeviceState, slot: Slot) -> None:
    """From here on only a clear answer tells what happened. While somebody pairs, only a stop goes."""
    if device.pairing and _is_held(slot):
        slot.held = True
        return
    name, epoch, token, operation, entry = device.name, device.epoch, slot.token, slot.operation, slot.entry
    slot.phase = SLOT[slot.phase, SlotStep.RECORDED]
    slot.handed_over_at = device.used_at = state.now
    if isinstance(operation, Unsubscribe):
        subscriptions.handed_over(device, operation)
    if entry is not None:
        _note(state, device, entry, slot)
    slot.times_out_at = state.now + _timeout_us(state.limits, slot)
    state.timers.set(("attempt", name, token), slot.times_out_at)
    if slot.unconnected:
        state.effects.append(Forget(device=name, adapter=device.adapter, epoch=epoch, token=token))
    else:
        state.effects.append(Dispatch(device=name, epoch=epoch, token=token, operation=operation))


def _note(state: State, device: DeviceState, entry: Entry, slot: Slot) -> None:
    """What is true of a command, and its device, once something of it is handed over."""
    command = entry.command
    if changes_state(slot.operation):
        entry.overtaken |= entry.uncertain is not None and device.changed_by != command.id
        device.changed_by = command.id
    if slot.role is SlotRole.MAIN:
        if command.queue_timeout_us is not None:
            state.timers.cancel(("queue_deadline", command.id))
        whole = not isinstance(command.operation, Composite)
        state.mark(entry, Phase.DISPATCHED, "" if whole else parts.note(entry))


def _is_held(slot: Slot) -> bool:
    """Whether it waits for a pairing. Side steps belong to what runs already; what is unconnected as well."""
    may_wait = slot.role is SlotRole.MAIN and not slot.unconnected
    return may_wait and slot.entry is not None and not slot.entry.command.stop


def _timeout_us(limits: Limits, slot: Slot) -> int:
    if slot.entry is not None and slot.role is SlotRole.MAIN:
        command = slot.entry.command
        if command.attempt_timeout_us is not None:
            return command.attempt_timeout_us
        if command.stop:
            return limits.stop_attempt_timeout_us
    of_kind = _KIND_TIMEOUTS.get(type(slot.operation))
    return of_kind(limits) if of_kind is not None else limits.attempt_timeout_us


_KIND_TIMEOUTS: dict[type[Operation], Callable[[Limits], int]] = {
    RequestMtu: lambda limits: limits.mtu_timeout_us,
    DiscoverServices: lambda limits: limits.discovery_timeout_us,
    Pair: lambda limits: limits.pair_timeout_us,
}


def slot_of(device: DeviceState, token: int) -> Slot | None:
    """The slot an answer belongs to, if it still has one."""
    slot = device.slot
    if slot is not None and slot.token == token:
        return slot
    for other in (device.bypass, device.aside):
        if other is not None and other.token == token:
            return other
    return None


def free(state: State, device: DeviceState, slot: Slot) -> None:
    """Nothing is owed any more: the next may go."""
    phase = slot.phase
    if phase is not SlotPhase.RECORDING:
        pressure.served(device, state.now - slot.handed_over_at)
        clock = "attempt" if phase is SlotPhase.IN_FLIGHT else "grace"
        state.timers.cancel((clock, device.name, slot.token))
    device.vacate(slot)
    device.used_at = state.now
    state.touch(device)
