"""Which processes talk to an adapter past BlueZ, and who on the bus is known to use Bluetooth.

Knows /proc. A raw HCI socket sends commands that neither BlueZ nor we hear of.
"""

import re
from collections.abc import Iterable

from gattkeeper.daemon.doctor.findings import Finding, note, ok, warning
from gattkeeper.daemon.doctor.machine import Machine, UnreadableError

AREA = "others"
USERS_OF_BLUETOOTH = (
    "bluetoothctl",
    "btmgmt",
    "bluetuith",
    "blueman",
    "hass",
    "theengs",
    "gatttool",
    "obexd",
)
"""How the names of programs begin that scan or connect by themselves."""

INTERPRETERS = ("python", "node", "java")
"""Programs on the bus that run somebody's script, which may be about Bluetooth."""

_SYSTEM = "/usr/"
"""Where scripts are that came with the system: its services, which are on the bus for other reasons."""

_SOCKET = re.compile(r"socket:\[(\d+)\]")


def look_at_hci_sockets(machine: Machine) -> list[Finding]:
    """Raw HCI sockets and whose they are. bluetoothd's own do not count."""
    try:
        inodes = set(inodes_in(machine.text("proc/net/hci")))
    except UnreadableError as error:
        nothing = "no program holds a raw HCI socket"
        return [ok(AREA, nothing) if error.missing else note(AREA, f"HCI sockets were not looked at: {error}")]
    holders, hidden = _holders(machine, inodes)
    programs = [f"{name} (process {pid})" for pid, name in holders.items() if name != "bluetoothd"]
    if programs:
        what = f"{', '.join(programs)} talks to an adapter past BlueZ, by a raw HCI socket"
        return [
            warning(AREA, what, "end it, or give it an adapter of its own: both lose connections to each other")
        ]
    if hidden:
        what = f"{hidden} HCI sockets belong to processes this user cannot see"
        return [note(AREA, what, "run as root to see whose they are; bluetoothd itself has some")]
    return [ok(AREA, "no program but BlueZ holds a raw HCI socket")]


def inodes_in(text: str) -> list[str]:
    """The inodes of /proc/net/hci: a header, then sk, RefCnt, Rmem, Wmem, User, Inode, Parent."""
    rows = (line.split() for line in text.splitlines()[1:])
    return [row[5] for row in rows if len(row) > 5]


def users_on_bus(machine: Machine, pids: Iterable[int], ours: Iterable[int]) -> list[str]:
    """Those of the processes that are known to use Bluetooth, ours left out."""
    found: list[str] = []
    for pid in sorted(set(pids) - set(ours)):
        name = name_of(machine, pid)
        script = _script_of(machine, pid) if name.startswith(INTERPRETERS) else ""
        if name.startswith(USERS_OF_BLUETOOTH) or (script and not script.startswith(_SYSTEM)):
            found.append(" ".join(word for word in (name, script, f"(process {pid})") if word))
    return found


def name_of(machine: Machine, pid: int) -> str:
    """A process's name; empty when it is gone."""
    try:
        return machine.text(f"proc/{pid}/comm").strip()
    except UnreadableError:
        return ""


def _script_of(machine: Machine, pid: int) -> str:
    """What an interpreter runs: its first argument that is no option; empty when nobody tells."""
    try:
        words = machine.text(f"proc/{pid}/cmdline").split("\0")[1:]
    except UnreadableError:
        return ""
    return next((word for word in words if word and not word.startswith("-")), "")


def _holders(machine: Machine, inodes: set[str]) -> tuple[dict[int, str], int]:
    """Process ids and names of those who hold the sockets, and how many sockets nobody in sight holds."""
    holders: dict[int, str] = {}
    found: set[str] = set()
    for pid in (int(name) for name in machine.names("proc") if name.isdecimal()):
        held = _sockets_of(machine, pid) & inodes
        if held:
            found |= held
            holders[pid] = name_of(machine, pid)
    return holders, len(inodes - found)


def _sockets_of(machine: Machine, pid: int) -> set[str]:
    folder = machine.root / f"proc/{pid}/fd"
    inodes: set[str] = set()
    try:
        for entry in folder.iterdir():
            shown = _SOCKET.fullmatch(str(entry.readlink()))
            if shown:
                inodes.add(shown[1])
    except OSError:  # another user's process, or one that has just ended
        pass
    return inodes
