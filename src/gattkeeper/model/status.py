"""What a keeper looks like at one moment: for `status`, health checks and gauges.

Knows figures only; `core.scheduler` counts them.
"""

from enum import Enum

from msgspec import Struct


class AlertKind(Enum):
    """Which gauge of a device crossed its threshold, or what went wrong."""

    DEPTH = "depth"  # commands that wait
    OLDEST_WAITING = "oldest_waiting"  # microseconds
    IN_FLIGHT = "in_flight"  # microseconds without an answer: a stall
    STOP_FAILED = "stop_failed"  # attempts; until a stop succeeds, or `resume`
    CONTENTION = "contention"  # of an adapter: microseconds for which it does one operation at a time
    RECOVERY = "recovery"  # of an adapter that does not work any more; the text says why
    SECURITY = "security"  # a connection proved too little; until one proves enough
    FAILED_OVER = "failed_over"  # of an adapter that cannot be used: devices that may go on by another do
    PARKED = "parked"  # of an adapter that nothing helped: microseconds until it is tried again
    JOURNAL = "journal"  # rows cannot be written, so nothing that changes a device starts; the text says why
    JOURNAL_FLAW = "journal_flaw"  # a start found something missing or changed; until somebody accepts it


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A gauge crossed its threshold (`raised`), or is well below it again."""

    kind: AlertKind
    device: str  # or the adapter, or `journal`
    raised: bool
    value: int  # a number of commands, or microseconds; 0 where nothing is counted
    text: str = ""  # for people; empty when it is cleared


class AdvertisedRssi(Struct, frozen=True, kw_only=True):
    """How strongly a device was heard when it last advertised: not the strength of a connection with it."""

    rssi_dbm: int
    age_us: int  # since then, in microseconds


class LeaseStatus(Struct, frozen=True, kw_only=True):
    """A program's hold on a connection that is up. Times are lengths in microseconds."""

    lease: str
    holder: str  # for people: the program, and its process
    held_us: int
    idle_us: int  # since its last command was submitted or ended


class DeviceStatus(Struct, frozen=True, kw_only=True):
    """One device. Times are lengths in microseconds, 0 where there is nothing."""

    name: str
    connection: str  # disconnected, connecting, discovering, connected, disconnecting
    waiting: int
    adapter: str = ""  # that of its connection; without one, of the next as things stand
    adapter_why: str = ""  # for people
    in_flight: str = ""  # command id
    in_flight_us: int = 0
    oldest_waiting_us: int = 0
    stopped_by: str = ""  # the emergency stop that holds the gate
    latched_by: str = ""  # the unknown command that holds the latch
    stop_persists_us: int = 0  # how long a stop that failed will still be tried again
    subscriptions: int = 0
    availability: str = "available"  # or unavailable (left alone for a while), probing (the next try tells)
    alerts: tuple[AlertKind, ...] = ()  # those that are raised
    leases: tuple[LeaseStatus, ...] = ()  # that keep its connection
    advertised: AdvertisedRssi | None = None  # None: not heard since the start


class AdapterStatus(Struct, frozen=True, kw_only=True):
    """One adapter."""

    name: str
    up: bool
    connections: int
    slots: int
    connecting: str = ""  # device
    serialization: str = "device"  # what is in force: one operation for each device, or on the whole "adapter"
    address: str = ""  # what its link knows it by: the same under whatever number it returns
    recovery: str = ""  # the rung under way, "probing" after one, "parked" when none helped


class KeeperStatus(Struct, frozen=True, kw_only=True):
    """The whole keeper."""

    adapters: tuple[AdapterStatus, ...]
    devices: tuple[DeviceStatus, ...]
    waiting: int
    accepted: int  # since start
    ended: int
    alerts: tuple[Alert, ...] = ()  # every one that is raised, with its words
