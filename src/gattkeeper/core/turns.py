"""Whose turn it is: every device that something happened to looks for its next work.

Knows the order in which a device looks. What that work is stands in the other modules of `core`.
"""

from gattkeeper.core import (
    adapters,
    alerts,
    attempts,
    checking,
    connecting,
    connections,
    fanout,
    forgetting,
    mending,
    pairing,
    persist,
    recovery,
    roaming,
    sweep,
    trust,
    undo,
)
from gattkeeper.core.entry import Entry
from gattkeeper.core.lifecycle import CommandPhase, ConnectionState
from gattkeeper.core.own_faults import PLACE_TAKEN, RENEWED
from gattkeeper.core.state import AdapterState, DeviceState, State


def settle(state: State) -> None:
    """Let every device that something happened to look for its next work, until nothing moves."""
    touched, moved = state.touched, state.moved
    while touched or state.sweeping:
        affected: dict[str, None] = {}
        while touched:
            name, device = next(iter(touched.items()))
            del touched[name]
            moved[name] = device
            affected[device.adapter] = None
            _advance(state, device)
            affected[device.adapter] = None  # another one, perhaps: what it left is free for others
        for adapter in affected:
            _look_after(state, state.adapters[adapter])
        if state.gathering:
            fanout.open_gates(state)
        if not touched and state.sweeping:
            sweep.go_on(state, state.devices[state.sweeping.popitem()[0]])
    for device in moved.values():
        alerts.look(state, device)
    moved.clear()


def _look_after(state: State, adapter: AdapterState) -> None:
    if not adapter.ladder.is_quiet:
        recovery.look(state, adapter)
    if adapter.wanting:
        adapters.grant(state, adapter)
    if adapter.lining:
        _next_in_turn(state, adapter)


def _advance(state: State, device: DeviceState) -> None:
    if device.stop_ended is not None or device.owed_undo is not None or device.question is not None:
        _look_back(state, device)
    if device.sweeps and device.stop is None:
        return  # who is left in line shows when that is over
    match device.connection:
        case ConnectionState.CONNECTED:
            if device.slot is None and not (device.pairing and pairing.waits(state, device)):
                _next_operation(state, device)
        case ConnectionState.DISCONNECTED:
            _next_connection(state, device)
        case ConnectionState.CONNECTING | ConnectionState.DISCOVERING:
            if not connecting.needs_connection(state, device):
                connecting.abandon(state, device, None)
            elif device.connect_for is None:
                connecting.adopt_attempt(state, device)
        case _:
            pass


def _look_back(state: State, device: DeviceState) -> None:
    """What has ended may leave something to be done first."""
    if device.stop_ended is not None:
        persist.look(state, device, *device.stop_ended)
    if device.owed_undo is not None:
        undo.take_on_owed(state, device, *device.owed_undo)
    if device.question is not None:
        checking.take_on_owed(state, device, device.question)


def _next_connection(state: State, device: DeviceState) -> None:
    roaming.choose(state, device)
    forgetting.begin(state, device)
    wanting = state.adapters[device.adapter].wanting
    wants = connecting.may_connect(state, device)
    if wants:
        mending.look(state, device)
    if wants and not mending.holds_connect(device):
        wanting[device.name] = None
    else:
        wanting.pop(device.name, None)


def _next_operation(state: State, device: DeviceState) -> None:
    """The running stop, then what restores the connection, then the line; else the device is idle."""
    if device.reconnect and device.bypass is None:
        connections.drop(state, device, RENEWED)
        return
    device.idle_since = -1
    if device.stop is not None:
        if device.stop.phase is CommandPhase.WAITING:
            attempts.start(state, device, device.stop)
        return
    adapter = state.adapters[device.adapter]
    needed = bool(adapter.wanting) and adapters.gives_way(state, adapter)
    if needed or (device.shortfall and not trust.may_go_on(state, device)):
        connections.drop(state, device, PLACE_TAKEN if needed else trust.fault_of(device))
        return
    if adapter.ladder.cuts:
        return  # what runs ends, nothing else begins: the connection goes with the adapter
    waits = device.waiting.lines.count > 0
    entry = device.waiting.ready(state.now) if waits else None
    if device.setup or entry is not None:
        _take_turn(state, adapter, device, entry)
        return
    if (waits and device.waiting.may_run()) or device.aside is not None:
        return  # all of it backs off, or goes on beside the bearer
    _rest(state, adapter, device)


def _rest(state: State, adapter: AdapterState, device: DeviceState) -> None:
    """There is nothing to do: the connection lingers, unless somebody keeps it."""
    device.idle_since = state.now
    if adapter.roaming:
        roaming.reconsider(state, adapter)  # its place could be had
    if state.closing:
        connections.drop(state, device)
    elif not (device.wanted or device.leases):
        connections.linger(state, device)


def _take_turn(state: State, adapter: AdapterState, device: DeviceState, entry: Entry | None) -> None:
    if not state.is_serial(adapter):
        _start_next(state, device, entry)
    elif not fanout.gathers(state, device):
        adapter.lining[device.name] = None


def _start_next(state: State, device: DeviceState, entry: Entry | None) -> None:
    if device.setup and not device.shortfall:
        attempts.start_setup(state, device, device.setup.popleft())
        return
    if entry is not None and not fanout.gathers(state, device):
        attempts.start(state, device, entry)


def _next_in_turn(state: State, adapter: AdapterState) -> None:
    """Where the whole adapter does one operation at a time: the next of those that stand in line for that."""
    device = None if adapter.ladder.cuts else adapters.next_in_turn(state, adapter)
    if device is None:
        return
    state.touch(device)  # whatever comes of it, it looks again
    is_free = device.connection is ConnectionState.CONNECTED and device.stop is None and not device.sweeps
    if is_free and not (device.pairing and pairing.waits(state, device)):
        _start_next(state, device, device.waiting.ready(state.now))
