"""Joins the parts: settings, links, journal, book and watchers become a running keeper.

Knows which part fits which port, and the order in which they start and end.
"""

import os
import random
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from msgspec.structs import replace

from gattkeeper.core.limits import Limits
from gattkeeper.daemon.journal_door import open_journal
from gattkeeper.daemon.lock_place import LockPlaceError, lock_folder
from gattkeeper.daemon.settings import Settings, book_of, find_settings, load_settings
from gattkeeper.daemon.settings_model import (
    BluezAdapter,
    BumbleAdapter,
    KeeperSettings,
    VirtualAdapter,
    bonds_path,
)
from gattkeeper.daemon.settings_record import settings_row
from gattkeeper.errors import SettingsError
from gattkeeper.fronts.socket.place import Peer
from gattkeeper.model.command import Origin
from gattkeeper.runtime.adapter_lock import OwnedLink
from gattkeeper.runtime.asking import PairingAgent
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.lock_holder import KEEPER, SCRIPT
from gattkeeper.runtime.patient_link import patient
from gattkeeper.runtime.ports import Journal, Link, Observer

if TYPE_CHECKING:
    from gattkeeper.links.bleak_connection import BleakConnection  # not everybody has BlueZ


def settings_from(settings: "Settings | Path | str | None") -> Settings:
    """The settings meant: themselves, those of a file, or those found where they are looked for.

    Without any file the defaults hold: the first BlueZ adapter, devices by their addresses.
    Raises SettingsError.
    """
    if isinstance(settings, Settings):
        return settings
    path = Path(settings) if settings is not None else find_settings()
    return load_settings(path) if path is not None else Settings()


@asynccontextmanager
async def open_keeper(
    settings: Settings | Path | str | None = None,
    *,
    journal: bool | Journal = True,
    observers: Sequence[Observer] = (),
    agent: PairingAgent | None = None,
    settings_path: Path | None = None,
    daemon: bool = False,
) -> AsyncIterator[Keeper]:
    """A running keeper of your own, in this process: `async with gattkeeper.open() as keeper: …`.

    `settings` is a file, or what `load_settings` gave; without it the usual places are looked at. With
    `journal=False` no command is written down; a journal that is given is closed at the end. `agent` is asked
    while a device pairs. `settings_path` is the file that settings were loaded from, for the record. A `daemon`
    has its adapters for as long as it runs: whoever waits for one is told so. Raises SettingsError (what to
    change), StorageError (another process has the journal, or it cannot be written).
    """
    path = settings_path
    if not isinstance(settings, Settings):
        path = Path(settings) if settings is not None else find_settings()
    chosen = settings_from(settings if isinstance(settings, Settings) else path)
    async with AsyncExitStack() as stack:
        if not isinstance(journal, bool):
            stack.push_async_callback(journal.close)  # also when no keeper comes of it
        links: dict[str, Link] = {}
        beside: set[BleakConnection] = set()
        virtual = await _virtual_links(chosen, stack)
        for name, adapter in chosen.adapters.items():
            if isinstance(adapter, VirtualAdapter):
                links[name] = virtual[name]  # nobody else can reach a radio in our memory
            else:
                link = _link(chosen, adapter, beside)
                links[name] = OwnedLink(link, _lock_folder(), KEEPER if daemon else SCRIPT)
        opened = await open_journal(chosen) if journal is True else journal or None
        keeper = Keeper(
            links=patient(links),
            book=book_of(chosen),
            journal=opened,
            observers=observers,
            limits=limits_of(chosen.keeper),
            slots={name: adapter.slots for name, adapter in chosen.adapters.items()},
            serialization={name: adapter.serialization for name, adapter in chosen.adapters.items()},
            recovery={name: adapter.recovery for name, adapter in chosen.adapters.items()},
            id_prefix=new_id_prefix(time.time_ns()),
            origin=own_origin(),
            jitter=random.random,
            disconnect_timeout_s=chosen.keeper.timeouts.disconnect,
            listen_every_s=chosen.keeper.roaming_listen,
            recording=chosen.keeper.recording,
            agent=agent,
        )
        stack.push_async_callback(keeper.close)
        keeper.note(settings_row(path, Settings(), chosen, keeper.now_us()))
        await keeper.start()
        yield keeper


def own_origin() -> Origin:
    """Who asks where this process itself does, as the system knows it: for the record."""
    if sys.platform == "win32":
        return Origin(front="library", pid=os.getpid())
    return replace(Peer(uid=os.getuid(), pid=os.getpid()).origin(), front="library")


def _lock_folder() -> Path:
    try:
        return Path(lock_folder())
    except LockPlaceError as error:
        raise SettingsError(str(error)) from None


async def _virtual_links(settings: Settings, stack: AsyncExitStack) -> Mapping[str, Link]:
    """The links of all virtual adapters: they share one world."""
    if not any(isinstance(adapter, VirtualAdapter) for adapter in settings.adapters.values()):
        return {}
    from gattkeeper.daemon.virtual import VirtualWorld  # noqa: PLC0415 - slow to load, optional

    world = VirtualWorld(settings)
    stack.push_async_callback(world.close)
    await world.start()
    return world.links


def _link(settings: Settings, adapter: BluezAdapter | BumbleAdapter, beside: "set[BleakConnection]") -> Link:
    match adapter:
        case BluezAdapter():
            from gattkeeper.links.bleak_link import BleakLink  # noqa: PLC0415 - not everybody has BlueZ

            return BleakLink(adapter.adapter, restart_service=adapter.restart_service, beside=beside)
        case BumbleAdapter():
            from gattkeeper.links.bumble_link import BumbleLink  # noqa: PLC0415 - slow to load, optional

            bonds = bonds_path(adapter, settings.keeper)
            return BumbleLink.on_transport(adapter.transport, bonds=bonds, bonds_optional=adapter.bonds is None)
        case _:
            assert_never(adapter)


def limits_of(settings: KeeperSettings) -> Limits:
    """The core's limits, in its microseconds."""
    timeouts = settings.timeouts
    return Limits(
        queue_max=settings.queue_max,
        queue_per_device_max=settings.queue_per_device_max,
        shed=settings.when_full == "shed",
        ageing_us=_us(settings.ageing),
        attempt_timeout_us=_us(timeouts.gatt),
        discovery_timeout_us=_us(timeouts.discovery),
        mtu_timeout_us=_us(timeouts.mtu),
        connect_timeout_us=_us(timeouts.connect),
        pair_timeout_us=_us(timeouts.pair),
        late_answer_grace_us=_us(settings.late_answer_grace),
        pairing_pause_max_us=_us(settings.pairing_pause),
        stop_grace_us=_us(settings.stop_grace),
        stop_persist_us=_us(settings.stop_persist),
        stop_persist_backoff_us=_us(settings.stop_persist_backoff),
        breaker_failures_max=settings.breaker_failures_max,
        breaker_cooldown_us=_us(settings.breaker_cooldown),
        breaker_cooldown_us_max=_us(settings.breaker_cooldown_max),
        lease_idle_us=_us(settings.lease_idle),
        lease_us_max=_us(settings.lease_max),
        recovery_wedged_min=settings.recovery_wedged_min,
        recovery_failures_min=settings.recovery_failures_min,
        recovery_devices_min=settings.recovery_devices_min,
        recovery_in_vain_min=settings.recovery_in_vain_min,
        recovery_window_us=_us(settings.recovery_window),
        recovery_drain_us=_us(settings.recovery_drain),
        recovery_cooldown_us=_us(settings.recovery_cooldown),
        recovery_per_hour_max=settings.recovery_per_hour_max,
        roaming_margin_db=settings.roaming_margin,
        roaming_signal_life_us=_us(settings.roaming_signal_life),
        roaming_avoid_us=_us(settings.roaming_avoid),
        alert_depth=settings.alert_depth,
        alert_waiting_us=_us(settings.alert_waiting),
        alert_in_flight_us=_us(settings.alert_in_flight),
    )


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)


_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id_prefix(utc_ns: int) -> str:
    """Eight characters that grow with the milliseconds since 1970: ids of later starts sort later.

    They begin anew every 35 years, in 2039 for the next time.
    """
    rest = utc_ns // 1_000_000
    text = ""
    for _ in range(8):
        rest, digit = divmod(rest, 32)
        text = _DIGITS[digit] + text
    return text
