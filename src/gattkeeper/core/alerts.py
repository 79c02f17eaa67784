"""Alerts: a gauge that crosses its threshold says so once, and once again when it is well below.

Knows the gauges of one device: how many wait, how long the oldest has, how long the one in flight has. Changes
nothing. Ages grow without events, so a timer looks at them when the next one would cross.
"""

from gattkeeper.core.effects import AlertChanged
from gattkeeper.core.lifecycle import SlotPhase
from gattkeeper.core.state import DeviceState, Slot, SlotRole, State
from gattkeeper.model.operation import kind_of
from gattkeeper.model.status import Alert, AlertKind


def look(state: State, device: DeviceState) -> None:
    """Compare the gauges with their thresholds, and see to it that the next crossing is noticed."""
    limits, name = state.limits, device.name
    depth = device.depth
    _judge(state, device, AlertKind.DEPTH, depth, limits.alert_depth, f"{depth} commands wait for {name}")
    crossings = []
    oldest = device.waiting.oldest()
    waited_us = state.now - oldest.accepted_at if oldest is not None else 0
    text = f"the oldest command for {name} waits for {waited_us / 1e6:.3g} s"
    _judge(state, device, AlertKind.OLDEST_WAITING, waited_us, limits.alert_waiting_us, text)
    if oldest is not None and AlertKind.OLDEST_WAITING not in device.alerts:
        crossings.append(oldest.accepted_at + limits.alert_waiting_us)
    slot = device.slot
    if slot is not None and (slot.phase is SlotPhase.RECORDING or slot.role is SlotRole.AWAITING):
        slot = None  # nothing is on the bearer
    flown_us = state.now - slot.handed_over_at if slot is not None else 0
    text = f"{_what(slot)} of {name} has had no answer for {flown_us / 1e6:.3g} s" if slot is not None else ""
    _judge(state, device, AlertKind.IN_FLIGHT, flown_us, limits.alert_in_flight_us, text)
    if slot is not None and AlertKind.IN_FLIGHT not in device.alerts:
        crossings.append(slot.handed_over_at + limits.alert_in_flight_us)
    _look_again(state, device, min(crossings, default=-1))


def _judge(state: State, device: DeviceState, kind: AlertKind, value: int, limit: int, text: str) -> None:
    """Raised at the limit, cleared at half of it: a value that trembles about the limit is not news."""
    raised = kind in device.alerts
    if value >= limit and not raised:
        device.alerts[kind] = None
    elif value <= limit // 2 and raised:
        del device.alerts[kind]
    else:
        return
    alert = Alert(kind=kind, device=device.name, raised=not raised, value=value, text="" if raised else text)
    state.effects.append(AlertChanged(alert=alert))


def _look_again(state: State, device: DeviceState, at_us: int) -> None:
    if at_us == device.alert_at:
        return
    device.alert_at = at_us
    if at_us < 0:
        state.timers.cancel(("alert", device.name))
    else:
        state.timers.set(("alert", device.name), at_us)


def due(state: State, device: DeviceState) -> None:
    """The moment has come at which a gauge would cross."""
    device.alert_at = -1
    look(state, device)


def _what(slot: Slot) -> str:
    operation = kind_of(slot.operation)
    return f"{operation} ({slot.entry.command.id})" if slot.entry is not None else operation
