"""Taking commands on, taking them back, and letting them expire.

Knows who may enter. What runs next is decided in `scheduler`.
"""

from msgspec.structs import replace

from gattkeeper.core import at_once, breaker, leases, pressure, recovery, roaming
from gattkeeper.core.answering import release
from gattkeeper.core.attempts import goes_aside, start
from gattkeeper.core.connections import abandon, lose
from gattkeeper.core.effects import Accept, Refusal, Refuse, SubscriptionEnded
from gattkeeper.core.ending import end, end_without_success
from gattkeeper.core.entry import Entry
from gattkeeper.core.events import Submitted
from gattkeeper.core.forgetting import needs_no_connection
from gattkeeper.core.lifecycle import CommandPhase, ConnectionState, SlotPhase
from gattkeeper.core.own_faults import CANCELLED, LEASE_OVER
from gattkeeper.core.state import DeviceState, Slot, State, waiting_start
from gattkeeper.core.sweep import sweep
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Disconnect, Unsubscribe, changes_state, names_handle
from gattkeeper.model.outcome import Cause, Phase, Verdict


def submit(state: State, event: Submitted) -> None:
    """Accept or refuse, at once."""
    command = event.command
    device = state.devices[command.device]
    full = "" if isinstance(command.operation, Disconnect) else pressure.is_full(state, device)
    least = pressure.victim(state, device, command) if full else None  # it would make room
    refusal = _refusal(state, device, command, full if least is None else "")
    if refusal is not None:
        state.effects.append(Refuse(command_id=command.id, refusal=refusal[0], text=refusal[1]))
        return
    if least is not None:
        end_without_success(state, state.devices[least.command.device], least, Cause.SHED, by=command.id)
    entry = take_on(state, command)
    if isinstance(command.operation, Disconnect):
        disconnect(state, device, entry)
        return
    if isinstance(command.operation, Unsubscribe):
        device.unsubscribed[command.operation.target] = entry.sequence
        device.wanted.pop(command.operation.target, None)  # not wanted any more, however this ends
        if device.connection not in (ConnectionState.CONNECTED, ConnectionState.CONNECTING):
            end(state, device, entry, Verdict.DELIVERED, Cause.ACKNOWLEDGED)  # it ended with its connection
            return
    if command.lease and not leases.admits(state, command):
        end_without_success(state, device, entry, Cause.NEVER_SENT, fault=LEASE_OVER)
        return
    fault = None if device.connection is ConnectionState.CONNECTED else _hopeless(state, device, entry)
    if fault is not None:
        end_without_success(state, device, entry, Cause.NEVER_SENT, fault=fault)
        return
    if command.coalesce_key:
        _supersede(state, device, command)
    _enter(state, device, entry)


def _hopeless(state: State, device: DeviceState, entry: Entry) -> Fault | None:
    """Why no connection would be made for the command now; None when it may wait for one."""
    if breaker.is_open(device) and not needs_no_connection(state, device)(entry):
        return breaker.fault_of(state, device)
    roaming.choose(state, device)
    adapter = state.adapters[device.adapter]
    return recovery.fault_of(state, adapter, roaming.tied(device)) if adapter.ladder.parked else None


def _enter(state: State, device: DeviceState, entry: Entry) -> None:
    """Into the line, or past it: what needs no bearer does not wait for one."""
    command = entry.command
    if command.queue_timeout_us is not None:
        state.set_clock(entry, "queue_deadline", state.now + command.queue_timeout_us)
    if goes_aside(state, device, command.operation):
        start(state, device, entry)
        return
    if at_once.may_start(state, device, entry):
        at_once.begin(state, device, entry)
        return
    state.wait(device, entry)
    state.mark(entry, Phase.WAITING, f"{device.depth - 1} before it")
    if device.connection is not ConnectionState.CONNECTED:
        state.mark(entry, Phase.LOCK_WAIT)
        if not device.connect_failures:
            device.connect_ready_at = 0  # a pause of the subscriptions alone
    elif device.slot is not None:
        state.glance(device)
        return
    state.touch(device)


def _supersede(state: State, device: DeviceState, command: Command) -> None:
    """Of those that wait with the same coalesce key, the newest stays."""
    key = command.coalesce_key
    older = device.waiting.roll.keys.get(key)
    if older is not None:
        end_without_success(state, device, older, Cause.SUPERSEDED, by=command.id)


def _refusal(state: State, device: DeviceState, command: Command, full: str) -> tuple[Refusal, str] | None:
    """Why not; `full`: what is, if there is no room. A Disconnect needs none."""
    name = device.name
    leaves = isinstance(command.operation, Disconnect)
    changes = bool(device.stopped_by or device.latched_by) and changes_state(command.operation)
    why: tuple[Refusal, str] | None = None
    if state.closing:
        why = Refusal.CLOSED, "the keeper is shutting down"
    elif leaves and device.stop is not None:
        why = Refusal.STOPPED, f"an emergency stop of {name} is running; its connection stays until it has ended"
    elif changes and device.stopped_by:
        why = Refusal.STOPPED, f"{name} is stopped by {device.stopped_by}; `gattkeeper resume {name}` ends it"
    elif changes:
        why = Refusal.LATCHED, f"{name} is held until it is known what {device.latched_by} did: resolve it first"
    elif full:
        why = Refusal.QUEUE_FULL, f"{full}; try again in about {pressure.retry_after_s(state, device):.2g} s"
    return why


def take_on(state: State, command: Command) -> Entry:
    """Make the command one of ours: from here on it has a right to an outcome."""
    state.sequence += 1
    state.accepted += 1
    device = state.devices[command.device]
    if device.connection is ConnectionState.ABANDONING and not device.connect_after:
        device.connect_after = state.sequence
    entry = Entry(
        command=command,
        start_us=waiting_start(state.now, command.priority, state.limits.ageing_us),
        sequence=state.sequence,
        accepted_at=state.now,
        table=device.table if names_handle(command.operation) else None,
    )
    state.entries[command.id] = entry
    state.effects.append(Accept(command=command, at_us=state.now))
    state.mark(entry, Phase.ACCEPTED)
    state.timers.set(("deadline", command.id), state.now + command.deadline_us)
    return entry


def disconnect(state: State, device: DeviceState, entry: Entry) -> None:
    """Cancel what waits, take the connection down; needs no place in line."""
    for target, _ in list(device.wanted.items()):
        state.effects.append(SubscriptionEnded(device=device.name, target=target, fault=CANCELLED))
    device.wanted.clear()
    for slot in (device.slot, device.aside):
        if slot is not None and slot.entry is not None:
            take_back(state, device, slot.entry, Cause.CANCELLED, by=entry.command.id)
    sweep(state, device, Cause.CANCELLED, by=entry.command.id)
    device.leaving.append(entry)
    if device.connection is ConnectionState.CONNECTED:
        lose(state, device, CANCELLED)
    elif device.connection is ConnectionState.CONNECTING:
        abandon(state, device, None)
    elif device.connection is ConnectionState.DISCONNECTED:
        device.leaving.remove(entry)
        end(state, device, entry, Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def cancel(state: State, command_id: str) -> None:
    """A caller takes its command back. A stop cannot be taken back."""
    entry = state.entries.get(command_id)
    if entry is not None and not entry.command.stop:
        take_back(state, state.devices[entry.command.device], entry, Cause.CANCELLED)


def waits(state: State, command_id: str) -> bool:
    """Whether the command stands in line, and its place may be changed: an undo and a check are first."""
    entry = state.entries.get(command_id)
    if entry is None or entry.undoes or entry.checks:
        return False
    return entry in state.devices[entry.command.device].waiting


def reprioritise(state: State, command_id: str, priority: Priority) -> None:
    """Give a command that waits another priority: it keeps its age, and comes after those that wait with that."""
    entry = state.entries.get(command_id)
    if entry is None or entry.command.priority is priority or not waits(state, command_id):
        return
    device = state.devices[entry.command.device]
    state.unwait(entry)
    entry.turn = None
    entry.command = replace(entry.command, priority=priority)
    entry.start_us = waiting_start(entry.accepted_at, priority, state.limits.ageing_us)
    state.wait(device, entry)
    state.mark(entry, Phase.WAITING, f"{priority.name.lower()} from now on")
    state.touch(device)


def take_back(state: State, device: DeviceState, entry: Entry, cause: Cause, *, by: str = "") -> None:
    """End a command early; if it was handed over, its bearer stays occupied for what it still owes."""
    slot = _slot_of(device, entry)
    if entry.phase is CommandPhase.IN_FLIGHT and slot is not None:
        if slot.phase is SlotPhase.IN_FLIGHT:
            release(state, device, slot, CANCELLED)
            return
        device.vacate(slot)  # recorded, but never handed over
    end_without_success(state, device, entry, cause, by=by)


def _slot_of(device: DeviceState, entry: Entry) -> Slot | None:
    mine = (slot for slot in device.slots if slot.entry is entry and slot.phase is not SlotPhase.RELEASING)
    return next(mine, None)


def expire(state: State, command_id: str) -> None:
    """The deadline has come."""
    entry = state.entries[command_id]
    device = state.devices[entry.command.device]
    slot = _slot_of(device, entry)
    if slot is not None and slot.phase is SlotPhase.IN_FLIGHT:
        fault = Fault(kind=FaultKind.TIMED_OUT, ran=Ran.MAYBE, stack="keeper", name="deadline")
        release(state, device, slot, fault)
    if entry.phase is not CommandPhase.ENDED:
        if slot is not None and slot.phase is SlotPhase.RECORDING:
            device.vacate(slot)
        fault_now = state.adapters[device.adapter].down_fault
        if fault_now is not None:
            fault_now = replace(fault_now, text=fault_now.text + roaming.tied(device))
        elif entry.attempts:
            fault_now = entry.attempts[-1].fault
        end_without_success(state, device, entry, Cause.EXPIRED, fault=fault_now)
