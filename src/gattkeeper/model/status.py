"""What a keeper looks like at one moment: for `status`, health checks and gauges.

Knows figures only; `core.scheduler` counts them.
"""

from msgspec import Struct


class DeviceStatus(Struct, frozen=True, kw_only=True):
    """One device. Times are lengths in microseconds, 0 where there is nothing."""

    name: str
    connection: str  # disconnected, connecting, connected, disconnecting
    waiting: int
    in_flight: str = ""  # command id
    in_flight_us: int = 0
    oldest_waiting_us: int = 0
    stopped_by: str = ""  # the emergency stop that holds the gate
    latched_by: str = ""  # the unknown command that holds the latch
    subscriptions: int = 0


class AdapterStatus(Struct, frozen=True, kw_only=True):
    """One adapter."""

    name: str
    up: bool
    connections: int
    slots: int
    connecting: str = ""  # device


class KeeperStatus(Struct, frozen=True, kw_only=True):
    """The whole keeper."""

    adapters: tuple[AdapterStatus, ...]
    devices: tuple[DeviceStatus, ...]
    waiting: int
    accepted: int  # since start
    ended: int
