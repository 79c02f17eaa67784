"""The whole examination: every probe, at once, each within its time.

Knows which probes there are. A probe that raises or hangs becomes a finding, and the others go on.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from gattkeeper.daemon.doctor import bluez_files, board, hci_sockets, keeper_files, kernel_log, surroundings
from gattkeeper.daemon.doctor.findings import Finding, note, problem
from gattkeeper.daemon.doctor.machine import Machine, UnreadableError
from gattkeeper.daemon.lock_place import locks_path
from gattkeeper.daemon.settings import Settings, find_settings, load_settings
from gattkeeper.daemon.settings_model import BluezAdapter
from gattkeeper.errors import SettingsError

PROBE_S = 20.0
"""How long a probe may take, in seconds: longer than every bound inside of one."""

Probe = Callable[[], list[Finding]]


class Subject(Struct, frozen=True, kw_only=True):
    """What is examined: a machine, and a keeper's settings on it."""

    machine: Machine
    settings: Settings


def examine(settings_path: Path | None, machine: Machine | None = None) -> list[Finding]:
    """Everything that was found, area by area. Needs no daemon, no Bluetooth and no rights; changes nothing."""
    machine = machine or Machine()
    found: list[Finding] = []
    try:
        settings = _settings(settings_path)
    except SettingsError as error:
        found.append(keeper_files.settings_finding(str(error)))
        settings = Settings()
    return found + together(probes_of(Subject(machine=machine, settings=settings)))


def probes_of(subject: Subject) -> dict[str, Probe]:
    """The probes by the area that a failure of theirs is told under."""
    machine, settings = subject.machine, subject.settings
    return {
        "bluez": lambda: bluez_files.look_at_version(machine) + bluez_files.look_at_settings(machine),
        "container": lambda: surroundings.look_at_confinement(machine),
        "rfkill": lambda: surroundings.look_at_rfkill(machine),
        "adapter": lambda: surroundings.look_at_adapters(machine),
        "bus": lambda: look_at_bus(subject),
        "others": lambda: hci_sockets.look_at_hci_sockets(machine),
        "lock": lambda: keeper_files.look_at_locks(machine, Path(locks_path())),
        "keeper": lambda: keeper_files.look_at_socket(settings) + keeper_files.look_at_journal(settings),
        "kernel": lambda: kernel_log.look_at_kernel_log(machine),
        "power": lambda: board.look_at_power(machine),
        "memory": lambda: board.look_at_swap(machine),
    }


def together(probes: dict[str, Probe], limit_s: float = PROBE_S) -> list[Finding]:
    """What all of them find, in their order. One that hangs is left behind in its thread."""
    results: dict[str, list[Finding]] = {}

    def run(area: str, probe: Probe) -> None:
        try:
            results[area] = probe()
        except UnreadableError as error:
            results[area] = [note(area, f"not looked at: {error}")]
        except Exception as error:  # noqa: BLE001 - one odd machine must not cost the other findings
            results[area] = [note(area, f"not looked at: {type(error).__name__}: {error}")]

    threads = {
        area: threading.Thread(target=run, args=(area, probe), daemon=True) for area, probe in probes.items()
    }
    for thread in threads.values():
        thread.start()
    for thread in threads.values():
        thread.join(limit_s)
    late = f"not looked at: that takes longer than {limit_s:g} s"
    return [finding for area in probes for finding in results.get(area, [note(area, late)])]


def look_at_bus(subject: Subject) -> list[Finding]:
    """What BlueZ says, held against the kernel and a running keeper."""
    if sys.platform != "linux":
        return [note("bus", "BlueZ is on Linux only: here the system's own Bluetooth is used, through Bleak")]
    from gattkeeper.daemon.doctor import bluez_bus  # noqa: PLC0415 - needs D-Bus, which is on Linux only
    from gattkeeper.links.bluez_look import look  # noqa: PLC0415 - the same

    settings = subject.settings
    uses_bluez = any(isinstance(one, BluezAdapter) for one in settings.adapters.values())
    try:
        view = asyncio.run(look())
    except SettingsError as error:
        what, _, cure = str(error).partition("; ")
        return [problem("bus", what, cure) if uses_bluez else note("bus", what, "no adapter of yours needs BlueZ")]
    ours = {os.getpid(), *keeper_files.holders_of_locks(subject.machine, Path(locks_path()))}
    context = bluez_bus.Context(
        kept=kept_connections(settings),
        kernel_links=surroundings.look_at_links(subject.machine),
        others=tuple(hci_sockets.users_on_bus(subject.machine, view.pids, ours)),
        slots={one.adapter: one.slots for one in settings.adapters.values() if isinstance(one, BluezAdapter)},
    )
    return [
        *bluez_bus.adapter_findings(view, context),
        *bluez_bus.discovery_findings(view, context),
        *bluez_bus.connection_findings(view, context),
    ]


def kept_connections(settings: Settings) -> dict[str, str] | None:
    """The state of a running keeper's connections, by the device's address; None when no keeper answers."""
    status = keeper_files.status_of(settings.keeper.socket)
    if status is None:
        return None
    known = {name: device.address.value for name, device in settings.devices.items()}
    return {known.get(one.name, one.name): one.connection for one in status.devices}


def _settings(path: Path | None) -> Settings:
    path = path or find_settings()
    return load_settings(path) if path is not None else Settings()
