"""Many programs at once that want something of two blinds: with nothing between them, a lock, or gattkeeper.

Knows how each kind of caller is started and what it got. Every one is forked with its libraries loaded, so that
what is compared is what happens on the radio.
"""

import asyncio
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec

from bluez_vm.guest.forked import Forked
from bluez_vm.guest.naive import naive_command
from bluez_vm.guest.place import NAMES, READY_S, fresh_folder, place, settings
from gattkeeper.client.thin import dial, talk
from gattkeeper.daemon.serve import serve
from gattkeeper.daemon.settings import load_settings
from gattkeeper.world import Applied, AppliedFile
from gattkeeper.world.virtual_blind import BLIND_LABEL

DEVICES = 2
_POLL_S = 0.02
LOCKED_S = 200.0
"""Sixteen programs in a row: 3 s each, of which 2 s are BlueZ's disconnect, and more on a busy machine."""


class Storm:
    """A radio, and perhaps a daemon, in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "keeper.sock"
        self._radio = Forked(_radio, folder)
        self.daemon: Forked | None = None
        wait_for(folder / "ready")

    def start_daemon(self) -> None:
        """A daemon of gattkeeper, until it answers."""
        self.socket.unlink(missing_ok=True)
        self.daemon = Forked(_daemon, self.folder)
        wait_for(self.socket)

    def applied(self) -> list[Applied]:
        """What reached the blinds, by their own account."""
        lines = (self.folder / "applied.jsonl").read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Applied) for line in lines]

    def naive(self, count: int, *, hang_s: float, lock: bool = False) -> dict[str, Any]:
        """So many naive programs at once; one that lives longer than `hang_s` has hung."""
        path = str(self.folder / "lock") if lock else None
        before = len(self.applied())
        started_at = time.monotonic()
        callers = [Forked(naive_command, NAMES[n % DEVICES], f"n{n}", path) for n in range(count)]
        ended = [caller.result(hang_s) or {"error": "hung", "phase": "?", "took_s": hang_s} for caller in callers]
        took_s = time.monotonic() - started_at
        return {
            "callers": count,
            "succeeded": sum(not each["error"] for each in ended),
            "errors": [
                f"{each['phase']}: {each['error']} ({each['took_s']} s)" for each in ended if each["error"]
            ],
            "applied": len(self.applied()) - before,
            "took_s": round(took_s, 2),
        }

    def kept(self, count: int) -> dict[str, Any]:
        """So many callers of the daemon at once."""
        before = len(self.applied())
        started_at = time.monotonic()
        callers = [Forked(write, str(self.socket), NAMES[n % DEVICES], f"k{n:02d}") for n in range(count)]
        codes = [caller.result(60.0) for caller in callers]
        took_s = time.monotonic() - started_at
        applied = [each.payload.decode() for each in self.applied()[before:]]
        return {"callers": count, "codes": codes, "applied": applied, "took_s": round(took_s, 2)}

    def end(self) -> None:
        """Nothing of it is left."""
        if self.daemon is not None:
            self.daemon.end()
        self._radio.end()


def _radio(folder: Path) -> None:
    asyncio.run(_radio_until_told(folder))


async def _radio_until_told(folder: Path) -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    log = AppliedFile(folder / "applied.jsonl")
    async with place(devices=DEVICES, applied_sink=log):
        (folder / "ready").touch()
        await ending.wait()


def _daemon(folder: Path) -> int:
    return serve(load_settings(settings(folder, devices=DEVICES)))


def write(socket: str, device: str, payload: str) -> int:
    """`gattkeeper write DEVICE CHARACTERISTIC HEX`, as the command line does it."""
    daemon = dial(socket)
    if daemon is None:
        return 69
    return talk(daemon, ["write", device, BLIND_LABEL, payload.encode().hex(), "--deadline", "60"])


def wait_for(path: Path) -> None:
    """Until there is such a file. Raises TimeoutError."""
    give_up_at = time.monotonic() + READY_S
    while not path.exists():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{path} did not appear")
        time.sleep(_POLL_S)


def kernel_bugs() -> int:
    """How often the kernel found its own data broken."""
    said = subprocess.run(["dmesg"], capture_output=True, text=True, check=False).stdout
    return said.count("kernel BUG") + said.count("general protection fault")


def without() -> dict[str, Any]:
    """Four, then eight naive programs on two blinds. It may leave BlueZ, or the kernel, unusable."""
    storm = Storm(fresh_folder())
    rounds = [storm.naive(count, hang_s=25.0) for count in (4, 8)]
    return {"rounds": rounds, "kernel_bugs": kernel_bugs()}


def with_gattkeeper() -> dict[str, Any]:
    """The same with a daemon that was just started: sixteen callers, then four and eight. Its journal is as usual."""
    storm = Storm(fresh_folder())
    storm.start_daemon()
    rounds = [storm.kept(count) for count in (16, 4, 8)]
    storm.end()
    return {"rounds": rounds}


def with_a_lock() -> dict[str, Any]:
    """Sixteen naive programs that wait for each other: the best that scripts can do by themselves."""
    storm = Storm(fresh_folder())
    locked = storm.naive(16, hang_s=LOCKED_S, lock=True)
    storm.end()
    return {"rounds": [locked]}
