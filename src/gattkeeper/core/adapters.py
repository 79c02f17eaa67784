"""One adapter for many devices: whose connection is next, who makes room, and what its going means.

Knows adapters and their places. A single connection is `connections`' business.
"""

from gattkeeper.core import breaker, leases, places, roaming
from gattkeeper.core.connections import abandon, connect, drop, first_in_line, lose, stop_wants_place
from gattkeeper.core.effects import AlertChanged
from gattkeeper.core.lifecycle import ConnectionState
from gattkeeper.core.state import AdapterState, DeviceState, State
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.fault import Fault
from gattkeeper.model.status import Alert, AlertKind


def grant(state: State, adapter: AdapterState) -> None:
    """Let the first of those who want a connection have its attempt, if the adapter is free for one."""
    if not adapter.up:
        return
    if adapter.connecting:
        _clear_the_way(state, adapter)
        return
    device = min((state.devices[name] for name in adapter.wanting), key=_urgency)
    if adapter.ladder.holds_connect(stop=device.stop is not None):
        return
    if not places.is_free(adapter):
        _make_room(state, adapter, device)
        return
    connect(state, adapter, device)


def _clear_the_way(state: State, adapter: AdapterState) -> None:
    """A command does not wait for an attempt that only restores another device's subscriptions."""
    running = state.devices[adapter.connecting]
    if first_in_line(running) is None and any(first_in_line(state.devices[name]) for name in adapter.wanting):
        abandon(state, running, None)


def _urgency(device: DeviceState) -> tuple[int, int, int]:
    entry = first_in_line(device)
    if entry is None:
        return (2, 0, 0)
    return (0 if entry is device.stop else 1, *entry.order)


def _make_room(state: State, adapter: AdapterState, wanting: DeviceState) -> None:
    """Drop the connection that has been idle longest; one that is held, or has subscriptions, only if it must be.

    Subscriptions alone do not take the place of other subscriptions. A stop need not find an idle one: one
    with nothing in flight is enough.
    """
    if places.becomes_free(state, adapter):
        return
    unused = [
        device
        for device in (state.devices[name] for name in adapter.devices)
        if device.connection is ConnectionState.CONNECTED
        and (
            places.can_give(state, device)
            or (wanting.stop is not None and device.stop is None and device.slot is None)
        )
        and not (device.wanted and first_in_line(wanting) is None)
    ]
    if unused:
        drop(state, min(unused, key=_hold))
    else:
        leases.look_again(state, adapter)


def _hold(device: DeviceState) -> tuple[bool, bool, bool, int]:
    """What is held against taking a place away: leases weigh more than subscriptions, which are restored."""
    return (device.idle_since < 0, bool(device.leases), bool(device.wanted), device.idle_since)


def gives_way(state: State, adapter: AdapterState) -> bool:
    """Whether a device's stop needs a place that another one's connection holds."""
    return stop_wants_place(state, adapter) and not places.becomes_free(state, adapter)


def next_in_turn(state: State, adapter: AdapterState) -> DeviceState | None:
    """Which device may go next on an adapter that does one operation at a time; None while one is under way.

    A connection attempt does not count: one device out of reach would hold up all others.
    """
    if any(state.devices[name].uses_bearer for name in adapter.devices):
        return None
    first = min((state.devices[name] for name in adapter.lining), key=_urgency)
    del adapter.lining[first.name]
    return first


def contended(state: State, device: DeviceState, fault: Fault) -> None:
    """A stack says that something is in the way. If that can be another device's, they take turns from now on."""
    adapter = state.adapters[device.adapter]
    others = (state.devices[name] for name in adapter.devices if name != device.name)
    if adapter.serialization is not Serialization.AUTO or not any(one.uses_bearer for one in others):
        return
    cooldown_us, known = state.limits.contention_cooldown_us, state.is_serial(adapter)
    adapter.contended_until = state.now + cooldown_us
    state.timers.set(("contention", adapter.name), adapter.contended_until)
    if known:
        return
    text = f"one operation at a time on {adapter.name} for {cooldown_us / 1e6:.3g} s: {fault}"
    state.effects.append(
        AlertChanged(
            alert=Alert(kind=AlertKind.CONTENTION, device=adapter.name, raised=True, value=cooldown_us, text=text)
        )
    )


def contention_over(state: State, adapter: AdapterState) -> None:
    """It was quiet for a while: devices need not wait for each other any more."""
    alert = Alert(kind=AlertKind.CONTENTION, device=adapter.name, raised=False, value=0)
    state.effects.append(AlertChanged(alert=alert))
    for name in adapter.lining:
        state.touch(state.devices[name])
    adapter.lining.clear()


def adapter_down(state: State, adapter: AdapterState, fault: Fault) -> None:
    """Everything in flight on the adapter ends now; what may survive waits for it to come back."""
    adapter.up = False
    adapter.down_fault = fault
    for name in adapter.devices:
        device = state.devices[name]
        if device.connection is ConnectionState.CONNECTING:
            abandon(state, device, None)
        lose(state, device, fault)
        state.touch(device)
    if not adapter.ladder.climbs:  # else that is a rung's doing
        roaming.fail_over(state, adapter, f"{adapter.name} is down: {fault}")


def adapter_up(state: State, adapter: AdapterState) -> None:
    """The adapter is back: go on by itself."""
    adapter.up = True
    adapter.down_fault = None
    start_afresh(state, adapter)


def start_afresh(state: State, adapter: AdapterState) -> None:
    """What failed before says nothing about the next try."""
    for name in {**adapter.devices, **adapter.roaming}:
        device = state.devices[name]
        if device.adapter == adapter.name or device.connection is ConnectionState.DISCONNECTED:
            device.connect_failures = 0
            device.connect_ready_at = 0
            breaker.half_open(state, device)
            state.touch(device)
    roaming.come_back(state, adapter)
