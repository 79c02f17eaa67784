"""The emergency stop: the gate closes, the line is flushed, and the stop goes the fastest correct way.

Knows the three ways. That they are tried again is `attempts`' business.
"""

from functools import partial

from msgspec.structs import replace

from gattkeeper.core import leases, roaming
from gattkeeper.core.admission import disconnect, take_back, take_on
from gattkeeper.core.attempts import is_stale, occupy
from gattkeeper.core.connecting import abandon
from gattkeeper.core.connections import lose
from gattkeeper.core.effects import HurryDisconnect
from gattkeeper.core.entry import Entry
from gattkeeper.core.lifecycle import COMING_UP, CommandStep, ConnectionState, SlotPhase
from gattkeeper.core.own_faults import STOP_DROPS, STOP_ENDS_LEASE
from gattkeeper.core.state import DeviceState, Slot, SlotRole, State
from gattkeeper.core.sweep import sweep
from gattkeeper.model.command import Command
from gattkeeper.model.operation import Disconnect, Write, WriteMode, changes_state
from gattkeeper.model.outcome import Cause, Phase


def request(state: State, command: Command, *, latch: bool, table: str | None = None) -> None:
    """Take a stop on. From here until its verdict nothing else that changes the device starts.

    `table` is that of its handles, where they are older than this request.
    """
    device = state.devices[command.device]
    entry = take_on(state, command)
    leases.end_all(state, device, STOP_ENDS_LEASE, Cause.STOPPED, by=command.id)
    if table is not None:
        entry.table = table
    device.gate_latched |= latch
    if device.stop is not None:
        device.stop.joined.append(entry)
        _flush_line(state, device, command.id)
        state.mark(entry, Phase.STOP_ROUTE, f"rides on {device.stop.command.id}, which is running")
        return
    device.stop = entry
    device.connect_ready_at = 0  # it waits for no back-off of others
    device.stopped_by = command.id
    _flush_slot(state, device, command.id)
    if isinstance(command.operation, Disconnect):
        state.mark(entry, Phase.STOP_ROUTE, "takes the link down: the profile declares no stop")
        _flush_line(state, device, command.id)
        disconnect(state, device, entry)
        return
    _choose_way(state, device, entry)
    _flush_line(state, device, command.id)
    state.touch(device)


def _flush_slot(state: State, device: DeviceState, by: str) -> None:
    slot = device.slot
    if slot is None or slot.entry is None:
        return
    if slot.phase is SlotPhase.RECORDING and _goes_afterwards(device, slot.entry):
        device.slot = None
        slot.entry.move(CommandStep.PUT_BACK)
        state.wait(device, slot.entry)
        return
    slot.entry.stopped_by = by  # it gets its answer, but is not tried again
    if slot.phase is SlotPhase.RECORDING or slot.role is SlotRole.AWAITING:
        take_back(state, device, slot.entry, Cause.STOPPED, by=by)


def _flush_line(state: State, device: DeviceState, by: str) -> None:
    sweep(state, device, Cause.STOPPED, by=by, spared=partial(_is_spared, device))


def _is_spared(device: DeviceState, entry: Entry) -> bool:
    return not changes_state(entry.command.operation) or _goes_afterwards(device, entry)


def _goes_afterwards(device: DeviceState, entry: Entry) -> bool:
    """The undo of a sequence is written once the stop has its verdict, unless the gate stays closed then."""
    return bool(entry.undoes) and not device.gate_latched


def _choose_way(state: State, device: DeviceState, entry: Entry) -> None:
    slot, operation = device.slot, entry.command.operation
    if device.connection is not ConnectionState.CONNECTED:
        state.mark(entry, Phase.STOP_ROUTE, "connects first")
        _hurry_connection(state, device)
    elif slot is None:
        state.mark(entry, Phase.STOP_ROUTE, "nothing in flight: sent now")
    elif isinstance(operation, Write) and _may_overtake(state, device, entry, operation, slot):
        state.mark(entry, Phase.STOP_ROUTE, "overtakes the request in flight, without response")
        entry.move(CommandStep.START)
        without = replace(operation, mode=WriteMode.WITHOUT_RESPONSE)
        device.bypass = occupy(state, device, entry, without)
    else:
        state.mark(entry, Phase.STOP_ROUTE, "waits for the answer in flight, then drops the link")
        state.timers.set(("stop_grace", device.name), state.now + state.limits.stop_grace_us)


def _hurry_connection(state: State, device: DeviceState) -> None:
    """Take over our own attempt if one runs; put an end to what is in the way, and press on what is leaving."""
    roaming.choose(state, device)
    _hurry_leaving(state, device)
    if device.connection in COMING_UP:
        device.connect_for = device.stop
        state.timers.set(("connect", device.name), state.now + state.limits.stop_connect_timeout_us)
        return
    other = state.adapters[device.adapter].connecting
    if other and other != device.name and state.devices[other].stop is None:
        abandon(state, state.devices[other], None)


def _hurry_leaving(state: State, device: DeviceState) -> None:
    """Its own link must be down before the next comes up; another device's, where that leaves it a place."""
    adapter = state.adapters[device.adapter]
    full = adapter.occupied >= adapter.slots
    for one in (state.devices[name] for name in adapter.devices):
        if one.connection is ConnectionState.DISCONNECTING and (one is device or full):
            state.effects.append(HurryDisconnect(device=one.name, epoch=one.epoch))


def _may_overtake(state: State, device: DeviceState, entry: Entry, operation: Write, slot: Slot) -> bool:
    adapter = state.adapters[device.adapter]
    if is_stale(device, entry):
        return False
    elsewhere = getattr(slot.operation, "target", None) != operation.target
    return entry.command.may_bypass and (adapter.bypass or (adapter.bypass_other and elsewhere))


def grace_over(state: State, device: DeviceState) -> None:
    """The one in flight did not answer in time: the link goes, and the stop comes first on the next."""
    if device.stop is not None and device.slot is not None:
        lose(state, device, STOP_DROPS)


def resume(device: DeviceState) -> None:
    """Open a latched gate; one that a running stop holds opens with its verdict."""
    device.gate_latched = False
    if device.stop is None:
        device.stopped_by = ""
