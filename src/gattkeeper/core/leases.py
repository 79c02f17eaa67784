"""Leases: programs that keep a device's connection, and what ends with them.

Knows who holds what and for how long. A lease makes no connection: its Connect command does, and whichever comes
up first makes it active. It ends with the connection, and its commands end with it. Whose place goes to others is
`adapters`' business.
"""

from gattkeeper.core.effects import LeaseEnded
from gattkeeper.core.ending import end_without_success
from gattkeeper.core.entry import Entry
from gattkeeper.core.events import LeaseClosed, LeaseOpened, LeaseRenewed
from gattkeeper.core.lifecycle import ConnectionState, SlotPhase
from gattkeeper.core.own_faults import CLOSING, LEASE_CLOSED, LEASE_SILENT, LEASE_TOO_LONG, LEASES_FULL
from gattkeeper.core.state import AdapterState, DeviceState, Lease, State
from gattkeeper.core.sweep import sweep
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault
from gattkeeper.model.operation import Connect
from gattkeeper.model.outcome import Cause
from gattkeeper.model.status import LeaseStatus


def take(state: State, event: LeaseOpened | LeaseRenewed | LeaseClosed) -> None:
    """What a program wants. News of a lease that is over changes nothing."""
    if isinstance(event, LeaseOpened):
        if event.device in state.devices and event.lease not in state.leases:
            _open(state, state.devices[event.device], event)
        return
    lease = state.leases.get(event.lease)
    if lease is None:
        return
    if isinstance(event, LeaseRenewed):
        _watch(state, lease)
    else:
        _end(state, state.devices[lease.device], [lease], LEASE_CLOSED, Cause.NEVER_SENT)


def _open(state: State, device: DeviceState, event: LeaseOpened) -> None:
    full = len(device.leases) >= state.limits.leases_per_device_max
    if state.closing or full:
        fault = CLOSING if state.closing else LEASES_FULL
        state.effects.append(LeaseEnded(device=device.name, lease=event.lease, fault=fault))
        return
    lease = Lease(
        id=event.lease,
        device=device.name,
        holder=event.holder,
        renew_within_us=event.renew_within_us,
        ends_at=state.now + state.limits.lease_us_max,
    )
    state.leases[lease.id] = device.leases[lease.id] = lease
    _watch(state, lease)
    if device.connection is ConnectionState.CONNECTED:
        join(state, device)
        state.touch(device)  # it lingers no more


def _watch(state: State, lease: Lease) -> None:
    """It ends when it is not renewed, and one day in any case."""
    silent_at = state.now + lease.renew_within_us if lease.renew_within_us else lease.ends_at
    state.timers.set(("held", lease.id), min(lease.ends_at, silent_at))


def activate(state: State, device: DeviceState) -> None:
    """There is a connection: those who wanted to keep it do, unless it proves too little to be used."""
    for lease in device.leases.values() if not device.shortfall else ():
        if lease.active_since < 0:
            lease.active_since = lease.used_at = device.used_at = state.now


def join(state: State, device: DeviceState) -> None:
    """There is a connection already: those who want to keep it do, unless an answer is overdue, and it may go."""
    if not any(slot.phase is SlotPhase.RELEASING for slot in device.slots):
        activate(state, device)


def admits(state: State, command: Command) -> bool:
    """Whether a command of a lease may wait: that is active, or this its Connect. Counts as use."""
    lease = state.leases.get(command.lease)
    if lease is None or lease.device != command.device:
        return False
    lease.used_at = state.now
    return lease.active_since >= 0 or isinstance(command.operation, Connect)


def over(state: State, name: str) -> None:
    """It was not renewed, or has held the connection for as long as one may."""
    lease = state.leases[name]
    fault = LEASE_TOO_LONG if state.now >= lease.ends_at else LEASE_SILENT
    _tell_end(state, state.devices[lease.device], [lease], fault, Cause.NEVER_SENT)


def end_active(state: State, device: DeviceState, fault: Fault) -> None:
    """The connection goes. Who waits for the next one goes on waiting."""
    active = [lease for lease in device.leases.values() if lease.active_since >= 0]
    _tell_end(state, device, active, fault, Cause.NEVER_SENT)


def end_all(
    state: State, device: DeviceState, fault: Fault, cause: Cause = Cause.NEVER_SENT, *, by: str = ""
) -> None:
    """Whoever holds the device, or waits to, does so no more."""
    _tell_end(state, device, list(device.leases.values()), fault, cause, by=by)


def _tell_end(
    state: State, device: DeviceState, ended: list[Lease], fault: Fault, cause: Cause, *, by: str = ""
) -> None:
    for lease in ended:
        state.effects.append(LeaseEnded(device=device.name, lease=lease.id, fault=fault))
    _end(state, device, ended, fault, cause, by=by)


def _end(
    state: State, device: DeviceState, ended: list[Lease], fault: Fault, cause: Cause, *, by: str = ""
) -> None:
    """Forget leases. What of them waits ends; what was handed over goes its way, but is not tried again."""
    if not ended:
        return
    names = frozenset(lease.id for lease in ended)
    for name in names:
        state.timers.cancel(("held", name))
        del state.leases[name], device.leases[name]
    for slot in device.slots:
        entry = slot.entry
        if entry is not None and entry.command.lease in names and slot.phase is SlotPhase.RECORDING:
            device.vacate(slot)
            end_without_success(state, device, entry, cause, by=by, fault=fault)
    if not names.isdisjoint(device.waiting.roll.leased):

        def is_spared(entry: Entry) -> bool:
            return entry.command.lease not in names

        sweep(state, device, cause, by=by, fault=fault, spared=is_spared)
    state.touch(device)


def look_again(state: State, adapter: AdapterState) -> None:
    """A device waits for a place, and those there are are held: look again when one was idle for long enough."""
    idle = [device for device in (state.devices[name] for name in adapter.devices) if device.idle_since >= 0]
    moments = [device.used_at + state.limits.lease_idle_us for device in idle if device.leases]
    coming = [at_us for at_us in moments if at_us > state.now]
    if coming:
        state.timers.set(("lease_idle", adapter.name), min(coming))


def idle(state: State, adapter: AdapterState) -> None:
    """A place that is held may be given to another by now."""
    for name in adapter.wanting:
        state.touch(state.devices[name])


def told(device: DeviceState, now_us: int) -> tuple[LeaseStatus, ...]:
    """Who holds the connection, for people."""
    return tuple(
        LeaseStatus(
            lease=lease.id,
            holder=lease.holder,
            held_us=now_us - lease.active_since,
            idle_us=now_us - lease.used_at,
        )
        for lease in device.leases.values()
        if lease.active_since >= 0
    )
