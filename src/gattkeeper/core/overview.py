"""What there is at one moment, for `status`, health checks and gauges.

Knows the shape of the figures; changes nothing.
"""

from gattkeeper.core import leases, roaming
from gattkeeper.core.state import AdapterState, DeviceState, State
from gattkeeper.model.status import AdapterStatus, DeviceStatus, KeeperStatus


def of(state: State, now_us: int) -> KeeperStatus:
    """Adapters, devices and queues."""
    return KeeperStatus(
        adapters=tuple(_adapter_status(state, adapter) for adapter in state.adapters.values()),
        devices=tuple(_device_status(state, device, now_us) for device in state.devices.values()),
        waiting=state.waiting,
        accepted=state.accepted,
        ended=state.ended,
    )


def _adapter_status(state: State, adapter: AdapterState) -> AdapterStatus:
    return AdapterStatus(
        name=adapter.name,
        up=adapter.up and not adapter.ladder.parked,
        connections=adapter.occupied,
        slots=adapter.slots,
        connecting=adapter.connecting,
        serialization="adapter" if state.is_serial(adapter) else "device",
        recovery=adapter.ladder.told,
    )


def _device_status(state: State, device: DeviceState, now_us: int) -> DeviceStatus:
    entry = device.slot.entry if device.slot is not None else None
    head = device.waiting.head()
    return DeviceStatus(
        name=device.name,
        connection=device.connection.value,
        waiting=device.depth,
        adapter=device.adapter,
        adapter_why=roaming.why(state, device),
        in_flight=entry.command.id if entry is not None else "",
        in_flight_us=now_us - entry.attempt_started_at if entry is not None else 0,
        oldest_waiting_us=now_us - head.accepted_at if head is not None else 0,
        stopped_by=device.stopped_by,
        latched_by=device.latched_by,
        stop_persists_us=max(0, device.persisting.until_us - now_us) if device.persisting is not None else 0,
        subscriptions=len(device.wanted),
        availability=device.availability.value,
        leases=leases.told(device, now_us),
        alerts=tuple(device.alerts),
    )
