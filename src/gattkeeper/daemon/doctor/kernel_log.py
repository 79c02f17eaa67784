"""Signs in the kernel's log that an adapter or its driver is in trouble.

Knows the lines and what they mean. How the log is reached depends on the user's rights: dmesg, then journald.
"""

import re

from msgspec import Struct

from gattkeeper.daemon.doctor.findings import Finding, Level, note, ok
from gattkeeper.daemon.doctor.machine import Machine, UnreadableError

AREA = "kernel"
JOURNAL_LINES = 5000
_LAST_CHARACTERS = 120  # of a line that is shown


class Sign(Struct, frozen=True, kw_only=True):
    """A line to look for; the first sign that fits a line counts."""

    pattern: str
    level: Level
    meaning: str
    cure: str


_POWER_CYCLE = (
    "bluetoothctl power off; bluetoothctl power on; if it stays, unplug the adapter or restart the machine"
)

SIGNS = (
    Sign(
        pattern=r"list_del corruption|kernel BUG at .*list_debug",
        level=Level.PROBLEM,
        meaning="the kernel broke its own Bluetooth lists (colliding connects and cancels do that)",
        cure="restart the machine, then let one program alone use the adapter",
    ),
    Sign(
        pattern=r"Bluetooth: hci\d+: .*(tx timeout|ncmd = 0|[Hh]ardware error|HCI hardware error event)",
        level=Level.WARNING,
        meaning="an adapter stopped answering the kernel",
        cure=_POWER_CYCLE,
    ),
    Sign(
        pattern=r"Bluetooth: hci\d+: .*(failed: -110|Unable to disable scanning: -1\d\d)",
        level=Level.WARNING,
        meaning="an adapter did not answer a command in time",
        cure=_POWER_CYCLE,
    ),
    Sign(
        pattern=r"Bluetooth: hci\d+: .*failed: -16",
        level=Level.NOTE,
        meaning="an adapter refused a command because it was busy: two programs use it at once",
        cure="let one program alone use the adapter",
    ),
    Sign(
        pattern=r"Bluetooth: hci\d+: .*(firmware|Firmware|patch|Patch).*(fail|Fail|not found|error)",
        level=Level.WARNING,
        meaning="an adapter's firmware was not loaded",
        cure="install it (on Debian: apt install firmware-realtek, firmware-iwlwifi or bluez-firmware)",
    ),
    Sign(
        pattern=r"[Uu]nder-?voltage detected",
        level=Level.WARNING,
        meaning="the voltage was too low",
        cure="use the supply that belongs to the board, and a short thick cable",
    ),
    Sign(
        pattern=r"usb .*(device descriptor read/\w+, error|over-current)",
        level=Level.NOTE,
        meaning="a USB device or its supply is in trouble",
        cure="try another port, a powered hub, another cable",
    ),
)


def look_at_kernel_log(machine: Machine) -> list[Finding]:
    """Signs since the boot, from whatever this user may read."""
    refusals: list[str] = []
    for words in (
        ("dmesg",),
        ("journalctl", "-k", "-b", "-q", "--no-pager", "-o", "short-monotonic", "-n", str(JOURNAL_LINES)),
    ):
        try:
            return log_findings(machine.run(*words))
        except UnreadableError as error:
            refusals.append(str(error))
    return [note(AREA, f"not looked at: {'; '.join(refusals)}", "run as root or in the group systemd-journal")]


def log_findings(text: str) -> list[Finding]:
    """One finding for each kind of sign, with its count and its last line."""
    if not text.strip():
        what = "its log is empty for this user: not allowed to see it, or in a container"
        return [note(AREA, what, "run as root or in the group systemd-journal; for a container, on its host")]
    lines: dict[Sign, list[str]] = {}
    for line in text.splitlines():
        sign = next((each for each in SIGNS if re.search(each.pattern, line)), None)
        if sign is not None:
            lines.setdefault(sign, []).append(line.strip())
    if not lines:
        return [ok(AREA, "its log shows no trouble with Bluetooth, USB or power")]
    return [
        Finding(
            area=AREA,
            level=sign.level,
            what=f"{sign.meaning}, {_times(len(found))}: {found[-1][:_LAST_CHARACTERS]}",
            cure=sign.cure,
        )
        for sign, found in lines.items()
    ]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times, last"
