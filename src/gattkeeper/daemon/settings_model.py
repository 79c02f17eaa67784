"""The settings as data: every name, default and range. Lengths of time are seconds.

Knows what may be set. How the file is read stands in `settings`, what fits together in
`settings_checks`.
"""

from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gattkeeper.client.socket_path import default_socket_path
from gattkeeper.daemon.event_loop import EventLoop
from gattkeeper.daemon.settings_paths import default_journal_path
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.profile import Profile, Seconds
from gattkeeper.model.security import SecurityLevel

Grace = Annotated[float, Meta(ge=0, le=60)]
Linger = Annotated[float, Meta(ge=0, le=3600)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Slots = Annotated[int, Meta(ge=1, le=64)]


class LogLevel(Enum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Timeouts(Struct, frozen=True, kw_only=True):
    """How long one attempt may take, by kind of operation."""

    gatt: Seconds = 5.0  # read, write, subscribe
    discovery: Seconds = 10.0
    mtu: Seconds = 10.0
    connect: Seconds = 20.0
    disconnect: Seconds = 12.0
    pair: Seconds = 30.0


class KeeperSettings(Struct, frozen=True, kw_only=True):
    """The keeper itself."""

    socket: Path = field(default_factory=lambda: Path(default_socket_path()))
    journal: Path = field(default_factory=default_journal_path)
    log_level: LogLevel = LogLevel.INFO
    event_loop: EventLoop = "asyncio"  # uvloop must be installed: gattkeeper[fast]
    allow_users: tuple[str, ...] = ()  # who may use the socket besides the owner and root
    queue_per_device_max: Count = 1_000
    queue_max: Count = 10_000
    recording: Path | None = None  # a file for every event, to be decided again by `gattkeeper replay`
    when_full: Literal["refuse", "shed"] = "refuse"  # shed: the least urgent makes room for a more urgent one
    history_max: Count = 1_000  # ended commands that are remembered for timelines
    ageing: Seconds = 10.0  # waiting so long is worth one priority
    stop_grace: Grace = 0.1  # an emergency stop waits so long for the answer in flight
    stop_persist: Linger = 0.0  # one that failed is tried again for so long; 0: not at all
    stop_persist_backoff: Seconds = 5.0  # after a pause of so long
    late_answer_grace: Grace = 0.5  # a connection waits so long for an answer nobody wants any more
    pairing_pause: Seconds = 30.0  # while somebody pairs, the clock of a device's operation stands still so long
    breaker_failures_max: Count = 5  # so many failed connections in a row, and a device is left alone
    breaker_cooldown: Seconds = 30.0  # for so long, twice as long each time it fails again
    breaker_cooldown_max: Seconds = 300.0
    lease_idle: Seconds = 10.0  # a connection that programs hold goes to others when nothing ran on it for so long
    lease_max: Annotated[float, Meta(gt=0, le=604_800)] = 86_400.0  # one program holds one for so long at most
    recovery_wedged_min: Count = 3  # so many signs that an adapter itself is wedged: it is recovered
    recovery_failures_min: Count = 6  # or so many failures
    recovery_devices_min: Annotated[int, Meta(ge=2, le=1_000)] = 2  # of so many devices: never because of one
    recovery_in_vain_min: Count = 3  # so many of one device: what BlueZ alone believes of it is let go of
    recovery_window: Seconds = 120.0  # within so long
    recovery_drain: Seconds = 6.0  # what is in flight has so long to end before an adapter is reset
    recovery_cooldown: Seconds = 300.0  # before the same is done to it again
    recovery_per_hour_max: Count = 3
    roaming_margin: Annotated[int, Meta(ge=0, le=60)] = 6  # dB: by so much another adapter's signal must be better
    roaming_signal_life: Seconds = 180.0  # an advertisement counts for so long
    roaming_avoid: Seconds = 300.0  # an adapter that did not reach a device comes after others for so long
    roaming_listen: Linger = 60.0  # adapters listen so often, where a signal decides between them; 0: not at all
    alert_depth: Count = 100  # so many commands wait for one device: an alert
    alert_waiting: Seconds = 20.0  # the oldest of them waits so long
    alert_in_flight: Seconds = 2.5  # an operation has no answer for so long
    timeouts: Timeouts = Timeouts()


class JournalSettings(Struct, frozen=True, kw_only=True):
    """How long the journal's files get, and which of them are kept. A megabyte is a million bytes."""

    file_mb: Annotated[int, Meta(ge=1, le=100_000)] = 64  # a file that has so many is followed by another
    kept_mb: Annotated[int, Meta(ge=0, le=100_000_000)] = 0  # of all files but the last; 0: every one is kept
    kept_days: Annotated[float, Meta(ge=0, le=36_525)] = 0.0  # after their last row; 0: for ever
    checkpoint_rows: Count = 1_000  # how far the journal goes is signed after so many rows at the latest
    checkpoint_every: Seconds = 300.0  # and so long after a row at the latest
    checkpoint_keys: Literal["fixed", "evolving", "none"] = "fixed"  # evolving: one each; none: not signed
    on_flaw: Literal["hold", "go_on"] = "hold"  # rows are missing at a start: nothing changes a device, or it does
    payloads: bool = False  # the bytes of commands and values are kept too; else their length and SHA-256 only
    checkpoint_push: tuple[str, ...] = ()  # where to besides: "file:/PATH", "syslog", "journald"


class BluezAdapter(Struct, frozen=True, kw_only=True, tag_field="link", tag="bluez"):
    """An adapter that BlueZ drives."""

    adapter: str = "hci0"  # its name, or its address, which stays when adapters are renumbered
    restart_service: bool = False  # its recovery may restart bluetooth.service, for every program
    slots: Slots = 5  # connections at once
    serialization: Serialization = Serialization.AUTO
    recovery: bool = True  # a wedged adapter is recovered, rung after rung


class BumbleAdapter(Struct, frozen=True, kw_only=True, tag_field="link", tag="bumble"):
    """A Bluetooth controller that gattkeeper drives itself."""

    transport: str  # Bumble's name for the way to it: "usb:0", "serial:/dev/ttyACM0"
    slots: Slots = 5
    serialization: Serialization = Serialization.AUTO
    recovery: bool = True  # a wedged adapter is recovered, rung after rung
    bonds: Path | None = None  # the file for the keys of paired devices; None: as `bonds_path` says


class VirtualAdapter(Struct, frozen=True, kw_only=True, tag_field="link", tag="virtual"):
    """A radio in memory, with the devices that are marked as virtual."""

    connection_interval: Annotated[float, Meta(ge=0.0075, le=4.0)] = (
        0.03  # Core Specification, Vol 6, Part B, 4.5.1
    )
    slots: Slots = 5
    serialization: Serialization = Serialization.AUTO
    recovery: bool = True  # a wedged adapter is recovered, rung after rung
    applied_log: Path | None = None  # where the virtual devices write down what reached them, a JSON line each


def bonds_path(adapter: BumbleAdapter, keeper: KeeperSettings) -> Path:
    """Where an adapter's bonds are: next to the journal, unless a file is named. Adapters may share one."""
    return adapter.bonds or keeper.journal.parent / "bonds.json"


Adapter = BluezAdapter | BumbleAdapter | VirtualAdapter


class DeviceSettings(Struct, frozen=True, kw_only=True):
    """One device."""

    address: DeviceAddress
    profile: str = ""  # of this file, one that comes with gattkeeper, or a path that ends in .toml
    adapter: str | tuple[str, ...] = ""  # or several, the first choice first; none: whichever hears it best
    safety: bool = False  # after an unknown outcome nothing but reads, resolution and stop
    security: SecurityLevel | None = None  # what a connection has to prove; None: as the profile says
    linger: Linger = 8.0  # how long an idle connection is kept
    groups: tuple[str, ...] = ()
    journal_payloads: bool | None = None  # None: as `payloads` of the journal says
    virtual: Literal["blind"] | None = None  # what stands at this address on the virtual adapters

    @property
    def adapters(self) -> tuple[str, ...]:
        """The adapters it may use, the first choice first; none: any."""
        names = (self.adapter,) if isinstance(self.adapter, str) else self.adapter
        return tuple(name for name in names if name)


def security_of(device: DeviceSettings, profile: Profile | None) -> SecurityLevel:
    """What a device demands: what it says itself, else its profile."""
    if device.security is not None:
        return device.security
    return profile.security if profile is not None else SecurityLevel.NONE


def keeps_payloads(device: DeviceSettings, journal: JournalSettings) -> bool:
    """Whether the journal keeps a device's payloads: what the device says itself, else the journal's default."""
    return journal.payloads if device.journal_payloads is None else device.journal_payloads


class Settings(Struct, frozen=True, kw_only=True):
    """The whole file."""

    keeper: KeeperSettings = field(default_factory=KeeperSettings)
    journal: JournalSettings = JournalSettings()
    adapters: dict[str, Adapter] = field(default_factory=lambda: {"default": BluezAdapter()})
    devices: dict[str, DeviceSettings] = {}
    profiles: dict[str, Profile] = {}
