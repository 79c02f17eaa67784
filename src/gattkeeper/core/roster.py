"""Which devices there are: taken up, given other rules, let go of, forgotten.

Knows what of a device ends when it is let go of. Who may be forgotten has nothing left: no command, no connection.
"""

from gattkeeper.core import leases, persist
from gattkeeper.core.effects import SubscriptionEnded
from gattkeeper.core.events import DeviceAdded
from gattkeeper.core.lifecycle import ConnectionState
from gattkeeper.core.own_faults import REMOVED
from gattkeeper.core.state import DeviceState, State
from gattkeeper.core.sweep import sweep
from gattkeeper.core.waiting import Waiting
from gattkeeper.core.ways import Way
from gattkeeper.model.outcome import Cause

_TIMERS = ("linger", "probe", "alert", "reconnect")
"""What may still be due for a device that has nothing left."""


def add(state: State, event: DeviceAdded) -> None:
    """Take a device up; one that is known gets the rules that may change under it."""
    known = state.devices.get(event.device)
    if known is not None:
        known.safety, known.linger_us = event.safety, event.linger_us
        known.reconnect |= known.demand != event.demand and known.connection is ConnectionState.CONNECTED
        known.demand = event.demand  # of the next connection: the one there is is let go of
        state.touch(known)
    elif event.adapter in state.adapters:
        epoch, tokens = state.forgotten.pop(event.device, (0, 0))
        usable = [event.adapter, *(name for name in event.others if name in state.adapters)]
        state.devices[event.device] = DeviceState(
            name=event.device,
            adapter=event.adapter,
            ways={name: Way() for name in usable},
            by_signal=event.by_signal,
            safety=event.safety,
            linger_us=event.linger_us,
            demand=event.demand,
            rotates=event.rotates,
            waiting=Waiting(),
            epoch=epoch,
            tokens=tokens,
        )
        state.adapters[event.adapter].devices[event.device] = None
        for name in usable if len(usable) > 1 else ():
            state.adapters[name].roaming[event.device] = None


def let_go(state: State, device: DeviceState) -> None:
    """What waits ends, and so do subscriptions; what is in flight comes to its end, and an emergency stop too."""
    for target in list(device.wanted):
        state.effects.append(SubscriptionEnded(device=device.name, target=target, fault=REMOVED))
    device.wanted.clear()
    device.linger_us = 0
    device.question = None
    persist.resume(state, device)
    leases.end_all(state, device, REMOVED, Cause.CANCELLED)
    sweep(state, device, Cause.CANCELLED, fault=REMOVED, spared=lambda entry: bool(entry.undoes))
    state.touch(device)


def forget(state: State, device: DeviceState) -> None:
    """Know it no more, if nothing of it is left. Numbers go on where they were, should it come back."""
    if not _is_over(device):
        return
    for timer in _TIMERS:
        state.timers.cancel((timer, device.name))
    for adapter in (state.adapters[name] for name in device.ways):
        for among in (adapter.devices, adapter.roaming, adapter.wanting, adapter.lining, adapter.left):
            among.pop(device.name, None)
    state.forgotten[device.name] = (device.epoch, device.tokens)
    del state.devices[device.name]


def _is_over(device: DeviceState) -> bool:
    busy = device.depth or device.slots or device.stop or device.persisting or device.leaving or device.leases
    return device.connection is ConnectionState.DISCONNECTED and not busy
