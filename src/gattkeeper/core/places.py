"""Places for connections on one adapter: is one free, becomes one free, could one be made?

Knows one adapter's devices and answers questions only. Who gets a place is decided in `adapters`.
"""

from gattkeeper.core.lifecycle import ConnectionState
from gattkeeper.core.state import AdapterState, DeviceState, State

_LEAVING = (ConnectionState.DISCONNECTING, ConnectionState.ABANDONING)


def is_free(adapter: AdapterState) -> bool:
    """Whether another connection may come up now."""
    return adapter.occupied < adapter.slots


def becomes_free(state: State, adapter: AdapterState) -> bool:
    """Whether a connection is being let go of."""
    return any(state.devices[name].connection in _LEAVING for name in adapter.devices)


def can_be_made(state: State, adapter: AdapterState) -> bool:
    """Whether a place becomes free, or would if an idle connection were let go of."""
    idle = (can_give(state, state.devices[name]) for name in adapter.devices)
    return becomes_free(state, adapter) or any(idle)


def can_give(state: State, device: DeviceState) -> bool:
    """Whether the device's connection does nothing; where programs hold it, for long enough."""
    rested = not device.leases or state.now - device.used_at >= state.limits.lease_idle_us
    return device.idle_since >= 0 and rested


def has_place(state: State, adapter: AdapterState) -> bool:
    """Whether another connection may come up before one that is in use is let go of."""
    return is_free(adapter) or bool(adapter.connecting) or can_be_made(state, adapter)
