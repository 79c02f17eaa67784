"""Ending everything that waits for a device, or most of it, without holding up the next event.

Knows how to end many commands in their order, some with each event. Why they end is said by who asks. Meanwhile
they stand outside the line, so nothing of them can start; what is spared goes back to its old place.
"""

from collections.abc import Callable

from gattkeeper.core.ending import end_without_success
from gattkeeper.core.entry import Entry
from gattkeeper.core.state import DeviceState, State, Sweep
from gattkeeper.model.fault import Fault
from gattkeeper.model.outcome import Cause

BATCH = 64
"""So many with one event: a few milliseconds, with everything that is written down and told about each."""


def nothing(_: Entry) -> bool:
    """Spare none."""
    return False


def sweep(
    state: State,
    device: DeviceState,
    cause: Cause,
    *,
    by: str = "",
    fault: Fault | None = None,
    spared: Callable[[Entry], bool] = nothing,
) -> None:
    """End all that wait for the device but the spared, the first of them with this event, after all else.

    None with one that hands over an emergency stop: nothing else is performed before that.
    """
    if not (device.waiting.lines.count or device.sweeps):
        return
    device.sweeps.append(Sweep(lines=device.waiting.detach(), cause=cause, by=by, fault=fault, spared=spared))
    if len(device.sweeps) > 1:
        return
    if device.stop is not None:
        _go_on_later(state, device)
    else:
        state.sweeping[device.name] = None


def go_on(state: State, device: DeviceState) -> None:
    """The next of them. What an earlier sweep spares is a matter for the one that came after it."""
    left = BATCH
    while device.sweeps and left:
        now = device.sweeps[0]
        entry = now.lines.head()
        left -= 1
        if entry is None:
            device.sweeps.popleft()
        elif now.spared(entry):
            later = device.sweeps[1].lines if len(device.sweeps) > 1 else device.waiting
            now.lines.hand_on(entry, later)
        else:
            end_without_success(state, device, entry, now.cause, by=now.by, fault=now.fault)
    if device.sweeps:
        _go_on_later(state, device)
    state.touch(device)


def _go_on_later(state: State, device: DeviceState) -> None:
    state.timers.set(("sweep", device.name), state.now + 1)
