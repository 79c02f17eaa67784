"""Which BlueZ is installed: what its programs say of themselves.

Knows the programs and where distributions have them. What follows from a version is others' business.
"""

import re
import subprocess

PROGRAMS = (
    "bluetoothctl",
    "/usr/libexec/bluetooth/bluetoothd",  # Debian, Ubuntu and Fedora of today
    "/usr/lib/bluetooth/bluetoothd",  # older ones, Raspberry Pi OS, Arch
)
"""Asked in this order. The daemon itself is in no folder of programs; an image may have it without its tools."""

ANSWER_S = 5.0
"""How long each may take, in seconds; they answer in milliseconds."""


def bluez_version() -> tuple[int, int] | None:
    """The version as numbers, (5, 66); None when none of them says one."""
    for program in PROGRAMS:
        version = _said_by(program)
        if version is not None:
            return version
    return None


def _said_by(program: str) -> tuple[int, int] | None:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(rb"(\d+)\.(\d+)", done.stdout)
    return None if version is None else (int(version[1]), int(version[2]))
