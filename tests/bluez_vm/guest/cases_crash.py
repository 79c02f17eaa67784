"""Cases of a daemon that is killed in the middle of something which BlueZ goes on with.

Knows how to have daemons ready before the radio runs: a process with an event loop cannot be forked.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from bluez_vm.guest import bluez
from bluez_vm.guest.cases_faults import LOUNGE
from bluez_vm.guest.forked import Forked
from bluez_vm.guest.place import READY_S, device_address, fresh_folder, place, settings
from bluez_vm.guest.storm import wait_for, write
from gattkeeper.daemon.serve import serve
from gattkeeper.daemon.settings import load_settings

_POLL_S = 0.02


def connect_pending() -> dict[str, Any]:
    """A daemon is killed while its Connect is pending, for the device is away; the next one is asked at once."""
    folder = fresh_folder()
    daemons = [Forked(_daemon_when_told, folder, name) for name in ("first", "second")]
    found = asyncio.run(_connect_pending(folder, daemons))
    daemons[1].end()
    return found


def _daemon_when_told(folder: Path, name: str) -> int:
    wait_for(folder / name)
    return serve(load_settings(settings(folder, devices=1)))


async def _connect_pending(folder: Path, daemons: list[Forked]) -> dict[str, Any]:
    socket = folder / "keeper.sock"
    async with place(devices=1) as at:
        controller = at.adapters[0].controller
        await _start(folder, "first")
        first = await asyncio.to_thread(write, str(socket), LOUNGE, "first")
        at.radio.take_away(at.blinds[LOUNGE].device)
        await _until(lambda: at.adapters[0].links() == 0)
        calling = asyncio.ensure_future(asyncio.to_thread(write, str(socket), LOUNGE, "killed"))
        await _until(lambda: controller.le_scan_enable)  # the kernel looks for the device that it is to connect
        daemons[0].kill()
        killed = await calling
        left = {"scanning": bool(controller.le_scan_enable), "connected": await bluez.connected_devices()}
        socket.unlink()
        at.radio.bring_back(at.blinds[LOUNGE].device)
        started_at = time.monotonic()
        await _start(folder, "second")
        second = await asyncio.to_thread(write, str(socket), LOUNGE, "second")
        return {
            "codes": [first, killed, second],
            "left": left,
            "took_s": round(time.monotonic() - started_at, 1),
            "applied": [payload.decode() for payload in at.applied(LOUNGE)],
            "connected": await bluez.connected_devices() == [device_address(0)],
        }


async def _start(folder: Path, name: str) -> None:
    (folder / name).touch()
    await _until((folder / "keeper.sock").exists)


async def _until(is_so: Any) -> None:
    async with asyncio.timeout(READY_S):
        while not is_so():
            await asyncio.sleep(_POLL_S)
