"""What the board itself suffers from: too little voltage, too little memory.

Knows the kernel's voltage alarm, the throttling bits of a Raspberry Pi's firmware, and /proc/swaps.
"""

import re

from gattkeeper.daemon.doctor.findings import Finding, note, ok, warning
from gattkeeper.daemon.doctor.machine import Machine, UnreadableError

_UNDER_VOLTAGE = 1 << 0
_UNDER_VOLTAGE_SEEN = 1 << 16
"""Bits of `vcgencmd get_throttled` (the firmware's documentation)."""

_BETTER_SUPPLY = "use the supply that belongs to the board, and a short thick cable; power USB devices by a hub"


def look_at_power(machine: Machine) -> list[Finding]:
    """The kernel's own alarm, and what the firmware remembers since the boot."""
    alarms = [f"sys/class/hwmon/{name}" for name in machine.names("sys/class/hwmon")]
    for folder in alarms:
        try:
            alarmed = machine.text(f"{folder}/in0_lcrit_alarm").strip() == "1"
        except UnreadableError:
            continue  # a sensor of something else
        if alarmed:
            return [warning("power", "the voltage is too low: adapters fail at random", _BETTER_SUPPLY)]
    try:
        return [throttled_finding(machine.run("vcgencmd", "get_throttled"))]
    except UnreadableError as error:
        if error.missing:
            return [ok("power", "no sign of too little voltage")]
        cure = "run as root or in the group video" if "fails" in str(error) else ""
        return [note("power", f"the firmware's record was not looked at: {error}", cure)]


def throttled_finding(said: str) -> Finding:
    """What `throttled=0x50005` says about the voltage."""
    found = re.search(r"throttled=0x([0-9a-fA-F]+)", said)
    bits = int(found[1], 16) if found else 0
    if bits & _UNDER_VOLTAGE:
        return warning("power", "the voltage is too low now: adapters fail at random", _BETTER_SUPPLY)
    if bits & _UNDER_VOLTAGE_SEEN:
        return warning("power", "the voltage was too low since the boot: adapters fail then", _BETTER_SUPPLY)
    return ok("power", "no sign of too little voltage")


def look_at_swap(machine: Machine) -> list[Finding]:
    """Memory on an SD card stops the machine for seconds."""
    try:
        return [swap_finding(machine.text("proc/swaps"))]
    except UnreadableError as error:
        return [note("memory", f"the swap was not looked at: {error}")]


def swap_finding(text: str) -> Finding:
    """What /proc/swaps says: a header, then file, type, size and used in KiB, priority."""
    slow: list[str] = []
    for line in text.splitlines()[1:]:
        name, _kind, _size, used, *_ = [*line.split(), "", "", "0", "0"]
        if used.isdecimal() and int(used) > 0 and not name.startswith("/dev/zram"):
            slow.append(f"{name} ({int(used) // 1024} MiB)")
    if not slow:
        return ok("memory", "no swap on a disk or card is in use")
    what = f"memory lies in {', '.join(slow)}: the machine may stand still for longer than an operation's time-out"
    return note("memory", what, "on an SD card use zram instead, or run less")
