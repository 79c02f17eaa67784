"""One command the way that scripts do it: scan for the name, connect, write, disconnect.

Knows Bleak, and nothing of gattkeeper. This is what the story is about; it stands for other people's programs.
"""

import asyncio
import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bleak import BleakClient, BleakScanner

from gattkeeper.world.virtual_blind import BLIND_LABEL

TIMEOUT_S = 10.0  # of scan and of connect, as usual in scripts


def naive_command(name: str, payload: str, lock: str | None) -> dict[str, Any]:
    """Write a payload to the blind of this name; under a lock on this file, if there is one.

    The lock covers everything from before the scan to after the disconnect.
    """
    started_at = time.monotonic()
    found: dict[str, Any] = {"error": "", "phase": "lock"}
    try:
        with _held(lock):
            asyncio.run(_command(name, payload.encode(), found))
    except Exception as error:  # noqa: BLE001 - it is what the script's user would see
        found["error"] = f"{type(error).__name__}: {error}"
    return found | {"took_s": round(time.monotonic() - started_at, 2)}


@contextmanager
def _held(lock: str | None) -> Iterator[None]:
    if lock is None:
        yield
        return
    with Path(lock).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


async def _command(name: str, payload: bytes, found: dict[str, Any]) -> None:
    found["phase"] = "scan"
    device = await BleakScanner.find_device_by_name(name, timeout=TIMEOUT_S)
    if device is None:
        raise LookupError("not found")
    found["phase"] = "connect"
    client = BleakClient(device, timeout=TIMEOUT_S)
    await client.connect()
    try:
        found["phase"] = "write"
        await client.write_gatt_char(BLIND_LABEL, payload, response=True)
    finally:
        await client.disconnect()
    found["phase"] = "done"
