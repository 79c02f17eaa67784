"""One adapter for many devices: whose connection is next, who makes room, and what its going means.

Knows adapters and their places. A single connection is `connections`' business.
"""

from gattkeeper.core import breaker, leases, places, roaming
from gattkeeper.core.connecting import abandon, connect, first_in_line
from gattkeeper.core.connections import drop, lose, stop_wants_place
from gattkeeper.core.effects import AlertChanged
from gattkeeper.core.lifecycle import COMING_UP, ConnectionState
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
    if any(_only_restores(running, state.devices[name]) for name in adapter.wanting):
        abandon(state, running, None)


def _urgency(device: DeviceState) -> tuple[int, int, int]:
    entry = first_in_line(device)
    if entry is None:
        return (2, 0, 0)
    return (0 if entry is device.stop else 1, *entry.order)


def _make_room(state: State, adapter: AdapterState, wanting: DeviceState) -> None:
    """Drop the connection that has been idle longest; one that is held, or has subscriptions, only if it must be.

    Subscriptions alone do not take the place of other subscriptions. A stop need not find an idle one: one
    with nothing in flight is enough, also while its services are discovered.
    """
    if places.becomes_free(state, adapter):
        return
    there = [state.devices[name] for name in adapter.devices]
    unused = [device for device in there if _gives_place(state, device, wanting)]
    if not unused:
        leases.look_again(state, adapter)
        return
    first = min(unused, key=_hold)
    if first.connection is ConnectionState.CONNECTED:
        drop(state, first)
    else:
        abandon(state, first, None)


def _gives_place(state: State, device: DeviceState, wanting: DeviceState) -> bool:
    overtaken = wanting.stop is not None and device.stop is None and device.slot is None
    if device.connection is ConnectionState.DISCOVERING:
        return overtaken or _only_restores(device, wanting)
    is_needed = bool(device.wanted) and first_in_line(wanting) is None
    is_free = places.can_give(state, device) or overtaken
    return device.connection is ConnectionState.CONNECTED and is_free and not is_needed


def _only_restores(device: DeviceState, wanting: DeviceState) -> bool:
    """Whether the attempt is made for subscriptions alone, and a command waits for another."""
    return first_in_line(device) is None and first_in_line(wanting) is not None


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
    if any(one.uses_bearer for one in _others(state, device)):
        _take_turns(state, state.adapters[device.adapter], fault)


def connect_contended(state: State, device: DeviceState, fault: Fault) -> None:
    """The same of an attempt: what may be in its way are services that are discovered beside it."""
    if any(one.connection is ConnectionState.DISCOVERING for one in _others(state, device)):
        _take_turns(state, state.adapters[device.adapter], fault)


def _others(state: State, device: DeviceState) -> list[DeviceState]:
    here = state.adapters[device.adapter].devices
    return [state.devices[name] for name in here if name != device.name]


def _take_turns(state: State, adapter: AdapterState, fault: Fault) -> None:
    if adapter.serialization is not Serialization.AUTO:
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
        if device.connection in COMING_UP:
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
