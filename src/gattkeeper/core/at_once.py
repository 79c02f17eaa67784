"""The one command for a device that has nothing to do: it need not stand in line to be the first there.

Knows when that is so. What follows is what `turns` would have come to, for less: nobody is passed over, for nobody
waits, and the place it would have had in line is its own if it comes back.
"""

from gattkeeper.core.attempts import start
from gattkeeper.core.entry import Entry
from gattkeeper.core.state import DeviceState, State
from gattkeeper.model.outcome import Phase


def may_start(state: State, device: DeviceState, entry: Entry) -> bool:
    """Whether nothing is before it, nothing is due, and no rule of its device, adapter or gate has to be asked."""
    if device.idle_since < 0 or device.depth or device.shortfall or entry.command.fanout:
        return False
    adapter = state.adapters[device.adapter]
    free = state.is_calm(adapter) and not state.is_serial(adapter)
    return free and state.timers.first_at > state.now


def begin(state: State, device: DeviceState, entry: Entry) -> None:
    """Give the device to it, with the turn it would have had."""
    entry.turn = device.waiting.roll.turn_of(entry.command.priority)
    state.mark(entry, Phase.WAITING, "0 before it")
    device.idle_since = -1
    state.moved[device.name] = device
    start(state, device, entry)
