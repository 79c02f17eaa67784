"""While somebody pairs on a connection, and perhaps asks a person, its bearer's clock stands still, up to a cap.

Knows what stands still: the time of the operation in flight, and the start of further ones. What goes on: the
command's own deadline, an emergency stop, and our own Pair, whose time is meant for a person already.
"""

from gattkeeper.core.attempts import hand_over
from gattkeeper.core.lifecycle import COMING_UP, ConnectionState, SlotPhase
from gattkeeper.core.state import DeviceState, Slot, State
from gattkeeper.model.operation import Pair
from gattkeeper.model.outcome import Phase

_WHILE = COMING_UP | {ConnectionState.CONNECTED}


def started(state: State, device: DeviceState) -> None:
    """Somebody pairs now. News of it while it is known is none."""
    if device.pairing or device.connection not in _WHILE:
        return
    device.pairing = True
    device.idle_since = device.linger_at = -1
    state.timers.cancel(("linger", device.name))
    state.timers.set(("pairing", device.name), state.now + state.limits.pairing_pause_max_us)
    slot = device.slot
    if slot is not None and slot.phase is SlotPhase.IN_FLIGHT and _stands_still(slot):
        slot.time_left_us = slot.times_out_at - state.now
        state.timers.cancel(("attempt", device.name, slot.token))
        if slot.entry is not None:
            state.mark(slot.entry, Phase.PAIR, "its time stands still")


def _stands_still(slot: Slot) -> bool:
    of_a_stop = slot.entry is not None and slot.entry.command.stop
    return not of_a_stop and not isinstance(slot.operation, Pair)


def over(state: State, device: DeviceState) -> None:
    """It has ended, or lasted as long as it may hold others up: everything goes on."""
    if not device.pairing:
        return
    device.pairing = False
    state.timers.cancel(("pairing", device.name))
    state.touch(device)
    for slot in device.slots:
        if slot.held:
            slot.held = False
            if slot.entry is not None and state.now < slot.entry.deadline_at:  # else the clock ends it
                hand_over(state, device, slot)
        elif slot.time_left_us >= 0:
            slot.times_out_at, slot.time_left_us = state.now + slot.time_left_us, -1
            if slot.phase is SlotPhase.IN_FLIGHT:  # its command has not been let go meanwhile
                state.timers.set(("attempt", device.name, slot.token), slot.times_out_at)


def waits(state: State, device: DeviceState) -> bool:
    """Whether the device starts nothing now because of it, while it lasts."""
    return device.stop is None and not state.closing
