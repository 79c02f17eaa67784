"""Cases of an adapter that the kernel has and that gattkeeper takes over whole, past BlueZ.

Knows where the kernel lists adapters. The tests judge.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from bluez_vm.guest import bluez
from bluez_vm.guest.place import place
from gattkeeper.errors import SettingsError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write
from gattkeeper.world.virtual_blind import BLIND_LABEL
from link_contract.bench import ConnectionLog

LISTED = Path("/sys/class/bluetooth")
PATIENCE_S = 60.0


async def user_channel() -> dict[str, Any]:
    """Taken over once it is down, used, pulled out and plugged in again, given back."""
    async with place(devices=1) as at:
        adapter = at.adapters[0]
        (name,) = [f"hci-socket:{each.name.removeprefix('hci')}" for each in LISTED.glob("hci*")]
        found: dict[str, Any] = {"while_up": await _refused(name), "missing": await _refused("hci-socket:77")}
        await bluez.power(False, adapter=adapter.address)
        news: asyncio.Queue[tuple[bool, Fault | None]] = asyncio.Queue()
        link = BumbleLink.on_transport(name)
        await link.open(lambda up, fault: news.put_nowait((up, fault)))
        found |= {"name": link.name, "taken": await _refused(name)}
        try:
            await _write(link, at.blinds["lounge"].device.address, b"one")
            struck_at = time.monotonic()
            adapter.unplug()
            _, fault = await asyncio.wait_for(news.get(), PATIENCE_S)
            found |= {"seen_after_s": time.monotonic() - struck_at, "fault": fault.kind.value if fault else ""}
            adapter.plug()
            # BlueZ may be first, and switches on what is plugged in; once it is ours, it is not BlueZ's any more.
            freeing = asyncio.ensure_future(_keep_off(adapter.address))
            found["back"] = (await asyncio.wait_for(news.get(), PATIENCE_S))[0]
            freeing.cancel()
            await _write(link, at.blinds["lounge"].device.address, b"two")
        finally:
            await link.close()
        found["applied"] = [payload.decode() for payload in at.applied("lounge")]
        await asyncio.wait_for(bluez.power(True, adapter=adapter.address), PATIENCE_S)
        return found


async def _keep_off(address: str) -> None:
    """It is off when it is plugged in, and switched on a moment later."""
    while True:
        await bluez.power(False, adapter=address)
        await asyncio.sleep(0.2)


async def _refused(name: str) -> str:
    link = BumbleLink.on_transport(name)
    try:
        await link.open(lambda _up, _fault: None)
    except SettingsError as error:
        return str(error)
    await link.close()
    return ""


async def _write(link: BumbleLink, address: Any, payload: bytes) -> None:
    async with asyncio.timeout(PATIENCE_S):
        connection = await link.connect(address, ConnectionLog())
        await connection.perform(Write(target=characteristic_ref(BLIND_LABEL), payload=payload))
        await connection.disconnect()
