"""One attempt at a connection: whether it is needed, its beginning, how far it has come, and giving it up.

Knows who holds an adapter: the one attempt whose link is being made there. Where the link can discover services
beside that, the adapter is free for the next as soon as the link is up; else when the attempt is over. What
follows from that end stands in `connections`.
"""

from gattkeeper.core import breaker, roaming, trust
from gattkeeper.core.effects import AbandonConnect, StartConnect
from gattkeeper.core.entry import Entry
from gattkeeper.core.lifecycle import ConnectionState, ConnectionStep
from gattkeeper.core.own_faults import unreachable
from gattkeeper.core.state import AdapterState, DeviceState, State
from gattkeeper.model.fault import Fault
from gattkeeper.model.operation import Connect
from gattkeeper.model.outcome import Phase


def first_in_line(device: DeviceState) -> Entry | None:
    """Who a connection would be for: the running stop, else the head of the line."""
    return device.stop or device.waiting.head()


def needs_connection(state: State, device: DeviceState) -> bool:
    """Whether anything would run on a connection if there were one."""
    if device.stop is not None or device.waiting.may_run():
        return True
    return bool(device.wanted) and not state.closing


def may_connect(state: State, device: DeviceState) -> bool:
    """Whether a connection should be tried now."""
    if device.connect_ready_at > state.now:
        return False
    if device.stop is not None:
        return True
    if breaker.is_open(device) or device.aside is not None:
        return False
    return device.waiting.ready(state.now) is not None or bool(device.wanted and not state.closing)


def connect(state: State, adapter: AdapterState, device: DeviceState) -> None:
    """Begin an attempt: a new epoch, so that nothing of an older connection counts any more."""
    route = roaming.begin(state, device)
    state.move_connection(device, ConnectionStep.CONNECT)
    del adapter.wanting[device.name]
    adapter.connecting = device.name
    adapter.occupied += 1
    device.epoch += 1
    device.reconnect = False
    device.answering = False
    device.pairing = False
    device.connect_verdict = None
    device.connect_after = 0
    device.connect_phase = None
    device.connect_started_at = state.now
    device.connect_for = entry = first_in_line(device)
    timeout_us = state.limits.connect_timeout_us
    if entry is not None:
        state.mark(entry, Phase.LOCK_ACQUIRED)
        state.mark(entry, Phase.CONNECT_START, route)
        if entry.command.stop:
            timeout_us = state.limits.stop_connect_timeout_us
        elif isinstance(entry.command.operation, Connect) and entry.command.attempt_timeout_us is not None:
            timeout_us = entry.command.attempt_timeout_us
    state.timers.set(("connect", device.name), state.now + timeout_us)
    demand = trust.demand_for(device, entry)
    device.connect_strict = demand.strict
    state.effects.append(StartConnect(device=device.name, adapter=adapter.name, epoch=device.epoch, demand=demand))
    roaming.reconsider(state, adapter)  # it has a place less


def adopt_attempt(state: State, device: DeviceState) -> None:
    """The command the attempt was made for has ended: it goes on for the next in line."""
    device.connect_for = entry = first_in_line(device)
    if entry is not None:
        state.mark(entry, Phase.LOCK_ACQUIRED)
        state.mark(entry, Phase.CONNECT_START, "takes over the attempt that runs already")
        if device.connect_phase is not None:
            state.mark(entry, device.connect_phase)


def abandon(state: State, device: DeviceState, fault: Fault | None) -> None:
    """End the attempt. With a fault it counts as failed; without, it was nobody's fault."""
    if state.move_connection(device, ConnectionStep.ABANDON):
        state.timers.cancel(("connect", device.name))
        device.connect_verdict = fault
        state.effects.append(AbandonConnect(device=device.name, epoch=device.epoch))


def timed_out(state: State, device: DeviceState) -> None:
    """It has come to no end in all that time, with its link up or not."""
    abandon(state, device, unreachable(rotates=device.rotates))


def progressed(state: State, device: DeviceState, phase: Phase) -> None:
    """The attempt reached a phase. What is left to do when its link is up concerns that link alone."""
    device.connect_phase = phase
    if device.connect_for is not None:
        state.mark(device.connect_for, phase)
    adapter = state.adapters[device.adapter]
    may_free = phase is Phase.CONNECTED and adapter.discovers_beside and not state.is_serial(adapter)
    if may_free and state.move_connection(device, ConnectionStep.LINK):
        free(state, device)
        state.touch(device)


def free(state: State, device: DeviceState) -> None:
    """The adapter is not held by this device's attempt any more."""
    adapter = state.adapters[device.adapter]
    if adapter.connecting == device.name:
        adapter.connecting = ""


def discovers(state: State, adapter: AdapterState) -> bool:
    """Whether services are being discovered on a link that holds the adapter no more."""
    return any(state.devices[name].connection is ConnectionState.DISCOVERING for name in adapter.devices)
