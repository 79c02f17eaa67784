"""One device that alone cannot be used, because its stack believes in a link that nobody holds: that is let go of.

Knows the two rungs of the recovery that are about one device, and when they are due: before another connection is
tried, once in a row of failures, each within its cooldown and its hourly cap, which it shares with the adapter's
recovery. The adapter is not touched, and no other device waits. A stop does not wait either.
"""

from gattkeeper.core.breaker import NOT_THE_DEVICE
from gattkeeper.core.effects import RecordRung, Recover
from gattkeeper.core.events import RecoveryDone
from gattkeeper.core.state import DeviceState, State
from gattkeeper.model.adapter import MILDEST
from gattkeeper.model.fault import Fault, FaultKind

_NOTHING_THERE = frozenset({FaultKind.UNSUPPORTED, FaultKind.LINK_LOST, FaultKind.NOT_FOUND, FaultKind.STALE})
"""The stack holds nothing of the device: then something else is the matter."""


def note(device: DeviceState, fault: Fault) -> None:
    """A connection could not be made, or nothing was answered on it."""
    if fault.kind not in NOT_THE_DEVICE:
        device.in_vain += 1
        device.in_vain_for = fault


def look(state: State, device: DeviceState) -> None:
    """Before a connection is tried: begin the next rung, if it is due."""
    if device.in_vain < state.limits.recovery_in_vain_min or device.mending is not None or device.stop is not None:
        return
    ladder = state.adapters[device.adapter].ladder
    left = [rung for rung in MILDEST if rung in ladder.rungs][device.mends_done :]
    if ladder.climbs or not left or not ladder.may_begin(state.limits, left[0], state.now):
        return
    device.mending = left[0]
    ladder.begin(state.limits, left[0], state.now)
    state.effects.append(Recover(adapter=device.adapter, rung=left[0], device=device.name, alone=True))


def done(state: State, event: RecoveryDone) -> None:
    """A rung for a device alone is over. The next connection tells whether it helped."""
    device = state.devices.get(event.device)
    if device is None or device.mending is not event.rung:
        return
    device.mending = None
    device.mends_done += 1
    device.in_vain = state.limits.recovery_in_vain_min - 1
    state.touch(device)
    if event.fault is not None and event.fault.kind in _NOTHING_THERE:
        device.mends_done = len(MILDEST)
        return
    state.effects.append(
        RecordRung(
            adapter=event.adapter,
            rung=event.rung,
            device=event.device,
            why=f"{device.name} alone cannot be used, the last time for: {device.in_vain_for}",
            fault=event.fault,
            at_us=state.now,
        )
    )


def holds_connect(device: DeviceState) -> bool:
    """Whether a connection waits for a rung."""
    return device.mending is not None and device.stop is None
