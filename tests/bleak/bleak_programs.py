"""Bleak programs against a keeper of virtual devices, on a simulated link and on Bumble's stack.

Knows how a program makes its client and its scanner. What it does with them is the tests' business.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

from conformance import stand
from gattkeeper.bleak import Client, Scanner
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Command
from gattkeeper.model.record import Accepted
from gattkeeper.world import VirtualService
from sim.scene import PUSHED

both = stand.both

LAMP, DOOR, NOBODY = (f"F0:00:00:00:00:0{number}" for number in (1, 2, 9))


class Program(stand.Stand):
    """`lamp` and `door` in a world of their own, a keeper, and Bleak in front of it."""

    def client(self, device: BLEDevice | str = LAMP, **kwargs: Any) -> BleakClient:
        return BleakClient(device, backend=Client, keeper=self.keeper, **kwargs)

    @property
    def scanning(self) -> dict[str, Any]:
        """What a program hands to the methods of BleakScanner."""
        return {"backend": Scanner, "keeper": self.keeper}

    def scanner(self, *args: Any, **kwargs: Any) -> BleakScanner:
        return BleakScanner(*args, **self.scanning, **kwargs)

    @property
    def asked(self) -> list[Command]:
        """Every command that was accepted, in order; with a journal."""
        return [row.record.command for row in self.journal.rows if isinstance(row.record, Accepted)]

    def change_services(self, *more: VirtualService) -> None:
        """The lamp has these as well."""
        services = (*self.lamp.services, *more)
        if isinstance(self.world, stand.OnRadio):
            self.world.radio.change_services(self.lamp, services)
        else:
            self.lamp.services = services

    async def push(self, *payloads: bytes) -> None:
        """The lamp pushes these values; wait until they are there."""
        for payload in payloads:
            self.lamp.notify(self.lamp.characteristic(PUSHED), payload)
        await asyncio.sleep(2)


def live(
    world: str,
    story: Callable[[Program], Awaitable[None]],
    *,
    limits: Limits | None = None,
    slots: int = 5,
    journal: bool = False,
) -> None:
    """Run a story in one of the worlds; nothing may be left of it."""
    stand.live(world, story, limits=limits, slots=slots, journal=journal, kind=Program)
