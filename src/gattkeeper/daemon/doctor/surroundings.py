"""Where the adapters are and what stands in their way: rfkill, the bus they hang on, a container's fence.

Knows /sys and /proc of Linux. What BlueZ thinks of the adapters stands in `bluez_bus`.
"""

from pathlib import Path

from gattkeeper.daemon.doctor.findings import Finding, note, ok, problem, warning
from gattkeeper.daemon.doctor.machine import Machine, UnreadableError

SUPER_SPEED = 5000
"""Megabits in a second from which a USB device is a USB 3 one."""

_BLUETOOTH = "sys/class/bluetooth"
_HUB = "09"  # bDeviceClass
_DOCKERS_OWN = "docker-default"
_CONFINING = (" (enforce)", " (kill)")  # as AppArmor writes it; other security modules write there too
_CONTAINER_SIGNS = (".dockerenv", "run/.containerenv")


def look_at_rfkill(machine: Machine) -> list[Finding]:
    """Whether a switch keeps Bluetooth off."""
    found: list[Finding] = []
    folder = "sys/class/rfkill"
    for name in machine.names(folder):
        switch = f"{folder}/{name}"
        if machine.text(f"{switch}/type").strip() != "bluetooth":
            continue
        label = machine.text(f"{switch}/name").strip()
        if machine.text(f"{switch}/hard").strip() == "1":
            cure = "turn it on there; software cannot"
            found.append(problem("rfkill", f"{label} is switched off by a switch or key of the machine", cure))
        elif machine.text(f"{switch}/soft").strip() == "1":
            found.append(problem("rfkill", f"{label} is blocked by software", "rfkill unblock bluetooth"))
    return found or [ok("rfkill", "nothing blocks Bluetooth")]


def look_at_adapters(machine: Machine) -> list[Finding]:
    """The kernel's adapters and their bus. BlueZ may have fewer, and never more."""
    names = [name for name in machine.names(_BLUETOOTH) if ":" not in name]
    if not names:
        cure = "plug one in; for one that is there see `dmesg`; a container has to share the host's"
        return [warning("adapter", "the kernel has no Bluetooth adapter", cure)]
    fast = fast_usb_devices(machine)
    found: list[Finding] = []
    for name in names:
        place = (machine.root / _BLUETOOTH / name).resolve()
        found.append(ok("adapter", f"{name} is on {bus_of(place)}"))
        if fast and usb_device(place) is not None:
            what = f"{name} is a USB adapter beside a USB 3 device ({', '.join(fast)}), which disturbs 2.4 GHz"
            found.append(note("adapter", what, "put the adapter on an extension cable, or into a USB 2 port"))
    return found


def look_at_links(machine: Machine) -> dict[str, int]:
    """How many connections the kernel has on each adapter: hci0:64 is one of hci0."""
    counts: dict[str, int] = {}
    for name in machine.names(_BLUETOOTH):
        adapter, colon, _ = name.partition(":")
        counts[adapter] = counts.get(adapter, 0) + bool(colon)
    return counts


def bus_of(place: Path) -> str:
    """What an adapter hangs on, by its folder in /sys/devices."""
    device = usb_device(place)
    if device is not None:
        product = _first_line(device / "product")
        return f"USB ({product})" if product else "USB"
    parts = place.parts
    if "virtual" in parts:
        return "no bus: it is a virtual one"
    if any(part.startswith(("serial", "tty")) for part in parts):
        return "a serial line (UART)"
    if any(part.startswith("mmc") for part in parts):
        return "SDIO"
    return "a bus not known here"


def usb_device(place: Path) -> Path | None:
    """The USB device an adapter is part of."""
    return next((folder for folder in place.parents if (folder / "idVendor").exists()), None)


def fast_usb_devices(machine: Machine) -> list[str]:
    """USB devices, hubs left out, that run at USB 3 speed."""
    found: list[str] = []
    for name in machine.names("sys/bus/usb/devices"):
        folder = machine.root / "sys/bus/usb/devices" / name
        speed = _first_line(folder / "speed")
        is_fast = speed.isdecimal() and int(speed) >= SUPER_SPEED
        if is_fast and _first_line(folder / "bDeviceClass") != _HUB:
            found.append(_first_line(folder / "product") or name)
    return found


def look_at_confinement(machine: Machine) -> list[Finding]:
    """A container whose AppArmor profile lets scans through and nothing else."""
    contained = any((machine.root / sign).exists() for sign in _CONTAINER_SIGNS)
    profile = _profile(machine)
    if not contained:
        return [ok("container", "not in a container")]
    if profile.endswith(_CONFINING):
        cure = "run it with --security-opt apparmor=unconfined, or with a profile that allows D-Bus to org.bluez"
        if profile.startswith(_DOCKERS_OWN):
            what = f"AppArmor confines this container ({profile}): scanning works, connecting and writing do not"
            return [problem("container", what, cure)]
        what = f"AppArmor confines this container ({profile}): connecting fails unless that profile allows D-Bus"
        return [warning("container", what, cure)]
    return [ok("container", "in a container that AppArmor does not confine")]


def _profile(machine: Machine) -> str:
    for path in ("proc/self/attr/apparmor/current", "proc/self/attr/current"):
        try:
            return machine.text(path).strip("\0\n ")
        except UnreadableError:
            continue
    return ""


def _first_line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
