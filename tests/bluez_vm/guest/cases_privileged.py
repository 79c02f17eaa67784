"""Cases of the privileged program on a real kernel."""

import asyncio
import time
from typing import Any

from bluez_vm.guest import bluez
from bluez_vm.guest.cases_faults import told
from bluez_vm.guest.place import Place, adapter_address, device_address, keeper_of, place
from bluez_vm.guest.privileged import privileged_program
from gattkeeper.links.privileged_client import PrivilegedClient
from gattkeeper.privileged.wire import Request
from gattkeeper.world.virtual_blind import BLIND_LABEL


async def cut_link() -> dict[str, Any]:
    """The link to one of two devices is cut, the other one disconnected by BlueZ: when is it down on the air?"""
    async with privileged_program(), place(devices=2) as at, keeper_of(at) as keeper:
        before = [await told(keeper.device(name).write(BLIND_LABEL, b"before")) for name in at.blinds]
        request = Request("cut_link", adapter_address(0), device_address(0), "random")
        cut_s = await _until_down(at, PrivilegedClient().ask(request))
        bluez_s = await _until_down(at, bluez.disconnect(device_address(1)))
        after = [await told(keeper.device(name).write(BLIND_LABEL, b"after")) for name in at.blinds]
        return {"before": before, "cut_s": cut_s, "bluez_s": bluez_s, "after": after}


async def _until_down(at: Place, ending: Any) -> float:
    """How long until the adapter has one connection less on the air."""
    started_at, links = time.monotonic(), at.adapters[0].links()
    task = asyncio.ensure_future(ending)
    while at.adapters[0].links() == links:
        await asyncio.sleep(0.005)
    took_s = time.monotonic() - started_at
    await task
    return round(took_s, 3)
