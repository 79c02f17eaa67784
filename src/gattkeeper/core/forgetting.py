"""A bond is given up without a connection, where the link can: its device may be far away, or gone for good.

Knows when that may begin. It has its place in line like any other command, and then the place beside the bearer;
only an emergency stop connects meanwhile. Nothing of it reaches the device, so a device that is left alone is no
reason against it.
"""

from collections.abc import Callable

from gattkeeper.core.attempts import occupy
from gattkeeper.core.entry import Entry
from gattkeeper.core.lifecycle import CommandStep
from gattkeeper.core.state import DeviceState, State
from gattkeeper.model.operation import Unpair


def needs_no_connection(state: State, device: DeviceState) -> Callable[[Entry], bool]:
    """Which of the device's commands do not need one. A member of a fan-out is gathered on its connection."""
    forgets = state.adapters[device.adapter].forgets
    return lambda entry: forgets and isinstance(entry.command.operation, Unpair) and not entry.command.fanout


def begin(state: State, device: DeviceState) -> None:
    """On a device that is not connected: start it, if it is the next."""
    adapter = state.adapters[device.adapter]
    entry = device.waiting.ready(state.now)
    if entry is None or not needs_no_connection(state, device)(entry):
        return
    if adapter.up and not adapter.ladder.climbs and device.stop is None and device.aside is None:
        state.unwait(entry)
        entry.move(CommandStep.START)
        device.aside = occupy(state, device, entry, Unpair(), unconnected=True)
