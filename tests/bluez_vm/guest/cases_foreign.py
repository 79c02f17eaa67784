"""Cases of what other programs leave behind, or do, on the adapter that gattkeeper uses."""

import asyncio
import time
from typing import Any

from bluez_vm.guest import bluez
from bluez_vm.guest.cases_faults import LOUNGE, told
from bluez_vm.guest.place import fresh_folder, keeper_of, place
from bluez_vm.guest.storm import Storm
from gattkeeper.world.virtual_blind import BLIND_LABEL


def killed_owner() -> dict[str, Any]:
    """A daemon is killed while it has two connections; the next one is asked at once."""
    storm = Storm(fresh_folder())
    storm.start_daemon()
    before = storm.kept(2)
    assert storm.daemon is not None
    storm.daemon.kill()
    left = asyncio.run(bluez.connected_devices())
    started_at = time.monotonic()
    storm.start_daemon()
    start_s = time.monotonic() - started_at
    after = storm.kept(2)
    storm.end()
    return {"before": before, "left_connected": left, "start_s": round(start_s, 2), "after": after}


async def foreign_scan() -> dict[str, Any]:
    """Another program scans all the time, before and while a device is looked for and connected."""
    async with place(devices=2) as at, keeper_of(at) as keeper:
        pipe = asyncio.subprocess.PIPE
        words = ("bluetoothctl", "--timeout", "120", "scan", "on")
        scanner = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=asyncio.subprocess.DEVNULL)
        while not await bluez.discovering():
            await asyncio.sleep(0.05)
        found: dict[str, Any] = {
            name: await told(keeper.device(name).write(BLIND_LABEL, b"heard", idempotent=True))
            for name in (LOUNGE, "kitchen")
        }
        found["discovering"] = await bluez.discovering()
        scanner.kill()
        await scanner.wait()
        return found | {"applied": [at.applied(name) == [b"heard"] for name in (LOUNGE, "kitchen")]}


async def two_adapters() -> dict[str, Any]:
    """Four blinds, two on each adapter, all at once."""
    async with place(devices=4, adapters=2) as at, keeper_of(at) as keeper:
        started_at = time.monotonic()
        ended = await asyncio.gather(
            *(
                told(keeper.device(name).write(BLIND_LABEL, b"%d" % number))
                for number in range(3)
                for name in at.blinds
            )
        )
        took_s = time.monotonic() - started_at
        return {
            "verdicts": [each["verdict"] for each in ended],
            "faults": [each["fault"] for each in ended if each["fault"]],
            "applied": {name: [payload.decode() for payload in at.applied(name)] for name in at.blinds},
            "took_s": round(took_s, 2),
        }
