"""Alerts: a gauge that crosses its threshold says so once, and once again when it is well below.

Knows the gauges of one device: how many wait, how long the oldest has, how long the one in flight has. Changes
nothing. Ages grow without events, so a timer looks at them when the next one would cross. One that rings too early
is left alone while there is a connection: nearly everything is answered long before.
"""

from gattkeeper.core.effects import AlertChanged
from gattkeeper.core.lifecycle import ConnectionState, SlotPhase
from gattkeeper.core.state import DeviceState, Slot, SlotRole, State
from gattkeeper.model.operation import kind_of
from gattkeeper.model.status import Alert, AlertKind


def look(state: State, device: DeviceState) -> None:
    """Compare the gauges with their thresholds, and see to it that the next crossing is noticed."""
    limits, now, slot = state.limits, state.now, device.slot
    depth, calm = device.depth, not device.alerts
    if slot is not None and (slot.phase is SlotPhase.RECORDING or slot.role is SlotRole.AWAITING):
        slot = None  # nothing is on the bearer
    if calm and not depth:
        if slot is None:
            if device.connection is not ConnectionState.CONNECTED:  # one that is there will be used again
                _look_again(state, device, -1)
            return
        if 0 <= device.alert_at <= slot.handed_over_at + limits.alert_in_flight_us:
            return
    oldest = device.waiting.oldest() if depth else None
    waited_us = now - oldest.accepted_at if oldest is not None else 0
    flown_us = now - slot.handed_over_at if slot is not None else 0
    is_long = waited_us >= limits.alert_waiting_us or flown_us >= limits.alert_in_flight_us
    if is_long or depth >= limits.alert_depth or not calm:
        _compare(state, device, depth, waited_us, flown_us, slot)
    next_at = -1
    calm = not device.alerts
    if oldest is not None and (calm or AlertKind.OLDEST_WAITING not in device.alerts):
        next_at = oldest.accepted_at + limits.alert_waiting_us
    if slot is not None and (calm or AlertKind.IN_FLIGHT not in device.alerts):
        at_us = slot.handed_over_at + limits.alert_in_flight_us
        next_at = at_us if next_at < 0 else min(next_at, at_us)
    _look_again(state, device, next_at)


def _compare(
    state: State, device: DeviceState, depth: int, waited_us: int, flown_us: int, slot: Slot | None
) -> None:
    """Tell what has crossed its threshold; `slot`: what is in flight."""
    limits, name = state.limits, device.name
    if _crosses(device, AlertKind.DEPTH, depth, limits.alert_depth):
        _tell(state, device, AlertKind.DEPTH, depth, f"{depth} commands wait for {name}")
    if _crosses(device, AlertKind.OLDEST_WAITING, waited_us, limits.alert_waiting_us):
        text = f"the oldest command for {name} waits for {waited_us / 1e6:.3g} s"
        _tell(state, device, AlertKind.OLDEST_WAITING, waited_us, text)
    if _crosses(device, AlertKind.IN_FLIGHT, flown_us, limits.alert_in_flight_us):
        text = f"{_what(slot)} of {name} has had no answer for {flown_us / 1e6:.3g} s"
        _tell(state, device, AlertKind.IN_FLIGHT, flown_us, text)


def _crosses(device: DeviceState, kind: AlertKind, value: int, limit: int) -> bool:
    """Raised at the limit, cleared at half of it: a value that trembles about the limit is not news."""
    return value <= limit // 2 if kind in device.alerts else value >= limit


def _tell(state: State, device: DeviceState, kind: AlertKind, value: int, text: str) -> None:
    raised = kind not in device.alerts
    if raised:
        device.alerts[kind] = None
    else:
        del device.alerts[kind]
    alert = Alert(kind=kind, device=device.name, raised=raised, value=value, text=text if raised else "")
    state.effects.append(AlertChanged(alert=alert))


def _look_again(state: State, device: DeviceState, at_us: int) -> None:
    if at_us < 0 <= device.alert_at:
        device.alert_at = -1
        state.timers.cancel(("alert", device.name))
    elif at_us >= 0 and not 0 <= device.alert_at <= at_us:
        device.alert_at = at_us
        state.timers.set(("alert", device.name), at_us)


def due(state: State, device: DeviceState) -> None:
    """The moment has come at which a gauge would cross."""
    device.alert_at = -1
    look(state, device)


def _what(slot: Slot | None) -> str:
    """What is in flight; nothing is when the alert is over, and then nobody reads the words."""
    if slot is None:
        return ""
    operation = kind_of(slot.operation)
    return f"{operation} ({slot.entry.command.id})" if slot.entry is not None else operation
