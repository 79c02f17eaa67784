"""The breaker of a device: one that cannot be reached is left alone for a while, and costs the others nothing.

Knows what counts as unreachable, how long the pause is, and what is said meanwhile. It never connects: the
first command, or subscription, after the pause is the probe. An emergency stop does not ask here.
"""

from gattkeeper.core.effects import AvailabilityChanged
from gattkeeper.core.forgetting import needs_no_connection
from gattkeeper.core.lifecycle import AVAILABILITY, Availability, AvailabilityStep
from gattkeeper.core.state import DeviceState, State
from gattkeeper.core.sweep import sweep
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.outcome import Cause

_AT_ONCE = frozenset({FaultKind.UNREACHABLE, FaultKind.NOT_FOUND})
"""Every connection that ends so counts. Others may be the radio: they count when they are given up."""

NOT_THE_DEVICE = frozenset(
    {
        FaultKind.BUSY,
        FaultKind.SLOTS_FULL,
        FaultKind.ADAPTER_GONE,
        FaultKind.STACK_GONE,
        FaultKind.WEDGED,
        FaultKind.CANCELLED,
        FaultKind.UNSUPPORTED,
        FaultKind.JOURNAL,
        FaultKind.INSUFFICIENT_SECURITY,
        FaultKind.AMBIGUOUS,
    }
)
"""Faults of our own side, or of somebody who may be another: they say nothing about the device."""


def is_open(device: DeviceState) -> bool:
    """Whether the device is left alone now."""
    return device.availability is Availability.UNAVAILABLE


def failed(state: State, device: DeviceState, fault: Fault, *, gave_up: bool) -> None:
    """A connection could not be made, or went down before anything was answered on it."""
    if fault.kind in NOT_THE_DEVICE or not (gave_up or fault.kind in _AT_ONCE):
        return
    device.unreachable += 1
    if device.unreachable < state.limits.breaker_failures_max or not _move(state, device, AvailabilityStep.OPEN):
        return
    limits = state.limits
    device.cooldown_us = min(2 * device.cooldown_us or limits.breaker_cooldown_us, limits.breaker_cooldown_us_max)
    device.probe_at = state.now + device.cooldown_us
    state.timers.set(("probe", device.name), device.probe_at)
    sweep(state, device, Cause.NEVER_SENT, fault=fault, spared=needs_no_connection(state, device))


def half_open(state: State, device: DeviceState) -> None:
    """The next connection may be tried, or is there."""
    if _move(state, device, AvailabilityStep.HALF_OPEN):
        state.timers.cancel(("probe", device.name))
        state.touch(device)


def answered(state: State, device: DeviceState) -> None:
    """The device itself said something: it is there."""
    device.answering = True
    device.in_vain = device.mends_done = 0
    device.unreachable = 0
    device.cooldown_us = 0
    if device.availability is not Availability.AVAILABLE:
        _move(state, device, AvailabilityStep.CLOSE)


def fault_of(state: State, device: DeviceState) -> Fault:
    """What a command is told that comes while the device is left alone."""
    pause_s = (device.probe_at - state.now) / 1_000_000
    return Fault(
        kind=FaultKind.UNREACHABLE,
        ran=Ran.NO,
        stack="keeper",
        name="breaker_open",
        text=f"{device.name} could not be reached {device.unreachable} times in a row;"
        f" it is left alone for another {pause_s:.3g} s",
    )


def _move(state: State, device: DeviceState, step: AvailabilityStep) -> bool:
    after = AVAILABILITY.get((device.availability, step))
    if after is None:
        return False
    device.availability = after
    state.effects.append(AvailabilityChanged(device=device.name, state=after.value))
    return True
