"""Which adapter carries a device's next connection, where it may use more than one.

Knows preference, signal, places and bonds. A connection that is up, or coming up, stays where it is: a device
moves only while it has none, so that it never has two. Its line and all else about it stay with the device.
"""

from gattkeeper.core import places
from gattkeeper.core.effects import AlertChanged, RecordRung
from gattkeeper.core.events import Bonded, Sighted
from gattkeeper.core.lifecycle import ConnectionState, LadderPhase
from gattkeeper.core.state import AdapterState, DeviceState, State
from gattkeeper.core.ways import Way
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.operation import Pair, Unpair
from gattkeeper.model.status import Alert, AlertKind

_ADAPTERS_OWN = frozenset({FaultKind.ADAPTER_GONE, FaultKind.STACK_GONE})
"""Faults that another adapter does not have."""

Rank = tuple[bool, bool, bool, bool, bool]
"""What is held against a way, the weightiest first."""


def take(state: State, device: DeviceState, event: Sighted | Bonded) -> None:
    """A fact about one way to the device."""
    way = device.ways.get(event.adapter)
    if way is None:
        return
    if isinstance(event, Bonded):
        way.bonded = event.bonded
    else:
        way.hear(event.rssi_dbm, state.now, state.limits.roaming_signal_life_us)
    _look_again(state, device)


def paired(device: DeviceState, operation: Pair | Unpair) -> None:
    """A pairing, or its undoing, came to a good end: keys belong to the adapter that has them."""
    device.ways[device.adapter].bonded = isinstance(operation, Pair)


def choose(state: State, device: DeviceState) -> None:
    """Settle a device on the adapter that its next connection should be made by."""
    if len(device.ways) == 1 or device.connection is not ConnectionState.DISCONNECTED or device.aside is not None:
        return
    name = _best(state, device)
    if name == device.adapter:
        return
    before = state.adapters[device.adapter]
    if not _is_usable(before):
        before.left[device.name] = None
    del before.devices[device.name]
    before.wanting.pop(device.name, None)
    before.lining.pop(device.name, None)
    device.adapter = name
    state.adapters[name].devices[device.name] = None
    if device.ways[name].avoided_until <= state.now:  # else both failed, and there is a pause between tries
        device.connect_failures = 0
        device.connect_ready_at = 0


def _best(state: State, device: DeviceState) -> str:
    ranks = {name: _rank(state, state.adapters[name], device.ways[name]) for name in candidates(device)}
    least = min(ranks.values())
    equal = [name for name, rank in ranks.items() if rank == least]
    return _strongest(state, device, equal) if device.by_signal else equal[0]


def candidates(device: DeviceState) -> list[str]:
    """The adapters a device may use, as the settings order them: those with its bond alone, where there is one."""
    bonded = [name for name, way in device.ways.items() if way.bonded]
    return bonded or list(device.ways)


def _rank(state: State, adapter: AdapterState, way: Way) -> Rank:
    full = not places.is_free(adapter)
    stays_full = full and not places.can_be_made(state, adapter)
    held = adapter.ladder.holds_connect(stop=False)
    return not adapter.up, held, stays_full, way.avoided_until > state.now, full


def _strongest(state: State, device: DeviceState, names: list[str]) -> str:
    """The best signal, but for a little the adapter used last: both are as good. Without any, the first."""
    life_us = state.limits.roaming_signal_life_us
    signals = {name: device.ways[name].signal(state.now, life_us) for name in names}
    heard = {name: signal for name, signal in signals.items() if signal is not None}
    if not heard:
        return names[0]
    best = max(heard, key=heard.__getitem__)
    last = heard.get(device.adapter)
    return device.adapter if last is not None and last > heard[best] - state.limits.roaming_margin_db else best


def why(state: State, device: DeviceState) -> str:
    """Why the device is settled where it is, for people: of a connection, why it was made there."""
    return _why(state, device) if device.connection is ConnectionState.DISCONNECTED else device.chosen_for


def _why(state: State, device: DeviceState) -> str:
    among = candidates(device)
    if len(device.ways) == 1:
        return "the settings"
    if len(among) < len(device.ways):
        return "its bond is there"
    rank = _rank(state, state.adapters[device.adapter], device.ways[device.adapter])
    better = among[: among.index(device.adapter)]
    passed = [name for name in better if _rank(state, state.adapters[name], device.ways[name]) > rank]
    if passed:
        return "; ".join(f"{name} {_against(state, device, name)}" for name in passed)
    signal = device.ways[device.adapter].signal(state.now, state.limits.roaming_signal_life_us)
    if not device.by_signal or signal is None:
        return "first in the settings"
    return f"signal {signal:.0f} dBm"


def begin(state: State, device: DeviceState) -> str:
    """The connection is about to be made: what its command's timeline says; nothing where there is no choice."""
    device.chosen_for = _why(state, device)
    return f"by {device.adapter}: {device.chosen_for}" if len(device.ways) > 1 else ""


def _against(state: State, device: DeviceState, name: str) -> str:
    adapter = state.adapters[name]
    if not adapter.up:
        return "is down"
    if adapter.ladder.holds_connect(stop=False):
        return "is parked" if adapter.ladder.parked else "is being recovered"
    return "did not reach it" if device.ways[name].avoided_until > state.now else "is full"


def has_other(state: State, device: DeviceState) -> bool:
    """Whether another adapter could carry the device's next connection."""
    return any(_is_usable(state.adapters[name]) for name in candidates(device) if name != device.adapter)


def _is_usable(adapter: AdapterState) -> bool:
    return adapter.up and not adapter.ladder.holds_connect(stop=False)


def goes_on(state: State, device: DeviceState, fault: Fault) -> bool:
    """Whether a loss of this kind ends nothing that waits: the adapter went, and another one may take over."""
    return fault.kind in _ADAPTERS_OWN and has_other(state, device)


def avoid(state: State, device: DeviceState) -> bool:
    """The device was not reached this way: others are tried first. Whether one is left to be tried now."""
    device.ways[device.adapter].avoided_until = state.now + state.limits.roaming_avoid_us
    name = _best(state, device)
    return _is_usable(state.adapters[name]) and device.ways[name].avoided_until <= state.now


def tied(device: DeviceState) -> str:
    """What a command is told, besides, whose device may not use another adapter for its bond's sake."""
    among = candidates(device)
    return f"; {device.name} is bonded with {among[0]} alone" if len(among) == 1 < len(device.ways) else ""


def reconsider(state: State, adapter: AdapterState) -> None:
    """Something about the adapter is better or worse: those who wait for a connection choose anew."""
    for name in adapter.roaming:
        _look_again(state, state.devices[name])


def _look_again(state: State, device: DeviceState) -> None:
    if device.name in state.adapters[device.adapter].wanting:
        state.touch(device)


def fail_over(state: State, adapter: AdapterState, why: str) -> None:
    """The adapter cannot be used for now: say, once, which devices go on by another."""
    for name in adapter.devices:
        if has_other(state, state.devices[name]):
            adapter.left[name] = None
    moving = list(adapter.left)
    if adapter.failed_over or not moving:
        return
    adapter.failed_over = True
    text = f"{', '.join(moving)} may use another adapter than {adapter.name} from now on: {why}"
    state.effects.append(
        RecordRung(adapter=adapter.name, rung=Rung.FAIL_OVER, device="", why=text, fault=None, at_us=state.now)
    )
    _tell(state, adapter, value=len(moving), text=text)


def come_back(state: State, adapter: AdapterState) -> None:
    """It can be used again: for the next connections, not for those that are up elsewhere."""
    for name in adapter.roaming:
        state.devices[name].ways[adapter.name].avoided_until = 0
    if not adapter.up or adapter.ladder.phase is not LadderPhase.RESTING:
        return
    adapter.left.clear()
    if adapter.failed_over:
        adapter.failed_over = False
        _tell(state, adapter)
    reconsider(state, adapter)


def _tell(state: State, adapter: AdapterState, *, value: int = 0, text: str = "") -> None:
    alert = Alert(kind=AlertKind.FAILED_OVER, device=adapter.name, raised=bool(text), value=value, text=text)
    state.effects.append(AlertChanged(alert=alert))
