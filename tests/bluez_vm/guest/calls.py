"""What programs ask of BlueZ at the same time, by the account of the bus itself.

Knows `dbus-monitor --profile`, and which calls get in each other's way. Not who was right.
"""

import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import IO

CONNECT = "Connect"
ON_A_DEVICE = frozenset({CONNECT, "Disconnect", "Pair", "ReadValue", "WriteValue", "StartNotify", "StopNotify"})
"""Calls that a device sees something of."""

SCAN = "StartDiscovery"

_NEWS_OF_A_DEVICE = (
    "type=signal,interface=org.freedesktop.DBus.Properties,member=PropertiesChanged,arg0=org.bluez.Device1"
)
"""The first that BlueZ tells of a device it connects, while nobody scans, is that the link is up."""

READY_S = 60.0
_POLL_S = 0.05


class CallsAtOnce:
    """From its making to `end` it hears every call on the system bus."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "calls.log"
        self._file: IO[bytes] = self._path.open("wb")
        watched = ("type=method_call", "type=method_return", "type=error", _NEWS_OF_A_DEVICE)
        self._process = subprocess.Popen(["dbus-monitor", "--system", "--profile", *watched], stdout=self._file)
        give_up_at = time.monotonic() + READY_S
        while not self._path.stat().st_size:  # its heading comes when it listens
            if time.monotonic() > give_up_at:
                raise TimeoutError("dbus-monitor does not listen")
            time.sleep(_POLL_S)

    def end(self) -> Counter[str]:
        """How many calls there were and how many overlapped: see `counted`."""
        self._process.terminate()
        self._process.wait()
        self._file.close()
        return counted(self._path.read_text().splitlines())


def counted(lines: Iterable[str]) -> Counter[str]:
    """How many `calls` devices got, how many came while the same device had one (`on_a_device`), and how many
    Connect came while the link of any device of the adapter was being made (`connects`); and how many programs wanted
    to scan and were never answered (`unanswered_scans`). BlueZ answers a Connect when services are known: the link
    is up as soon as it tells something new of the device.

    A line is: kind, time, serial, sender, destination, and then path, interface, member of a call or a signal, or the
    serial that an answer is to.
    """
    found: Counter[str] = Counter()
    pending: dict[tuple[str, str], tuple[str, str]] = {}  # caller and serial: device, or adapter, and member
    linking: set[str] = set()  # devices whose link is being made
    for line in lines:
        words = line.split("\t")
        if words[0] == "mc" and len(words) > 7 and words[7] == SCAN:
            pending[words[3], words[2]] = words[5], SCAN
        elif words[0] == "mc" and len(words) > 7 and words[5].count("/") > 3 and words[7] in ON_A_DEVICE:
            device, member = "/".join(words[5].split("/")[:5]), words[7]
            adapter = device.rpartition("/")[0]
            found["calls"] += 1
            found["on_a_device"] += any(other == device for other, _ in pending.values())
            if member == CONNECT:
                found["connects"] += any(other.startswith(f"{adapter}/") for other in linking)
                linking.add(device)
            pending[words[3], words[2]] = device, member
        elif words[0] == "sig" and len(words) > 7:
            linking.discard(words[5])
        elif words[0] in ("mr", "err") and len(words) > 5:
            device, member = pending.pop((words[4], words[5]), ("", ""))
            if member == CONNECT:
                linking.discard(device)
    found["unanswered_scans"] += sum(what == SCAN for _, what in pending.values())
    return found
