"""Bleak programs against a keeper of virtual devices: in its process on two links, and through a daemon's socket.

Knows how a program makes its client and its scanner. What it does with them is the tests' business.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

from conformance import stand
from gattkeeper.bleak import Client, Scanner
from gattkeeper.core.limits import Limits
from gattkeeper.fronts.socket.server import SocketFront
from gattkeeper.model.command import Command
from gattkeeper.model.record import Accepted
from gattkeeper.telemetry.timeline import Timeline
from gattkeeper.world import VirtualService
from sim.scene import PUSHED

everywhere = pytest.mark.parametrize("world", ["simulated", "bumble", "socket"])
"""What holds on either link, and through a daemon's socket (on the simulated one)."""

LAMP, DOOR, NOBODY = (f"F0:00:00:00:00:0{number}" for number in (1, 2, 9))


class Program(stand.Stand):
    """`lamp` and `door` in a world of their own, a keeper, and Bleak in front of it."""

    @property
    def served_by(self) -> dict[str, Any]:
        """What a program says about its keeper."""
        return {"keeper": self.keeper}

    def client(self, device: BLEDevice | str = LAMP, **kwargs: Any) -> BleakClient:
        return BleakClient(device, backend=Client, **self.served_by, **kwargs)

    @property
    def scanning(self) -> dict[str, Any]:
        """What a program hands to the methods of BleakScanner."""
        return {"backend": Scanner, **self.served_by}

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

    async def tell_services(self, *more: VirtualService) -> None:
        """The lamp, which is connected, has these besides its first service from now on, and says so."""
        services = (self.lamp.services[0], *more)
        if isinstance(self.world, stand.OnRadio):
            self.world.radio.change_services(self.lamp, services)
        else:
            self.world.link.change_services("lamp", services)
        await asyncio.sleep(5)

    async def push(self, *payloads: bytes) -> None:
        """The lamp pushes these values; wait until they are there."""
        for payload in payloads:
            self.lamp.notify(self.lamp.characteristic(PUSHED), payload)
        await asyncio.sleep(2)


class RemoteProgram(Program):
    """The same through a daemon's socket, which the program finds by itself."""

    async def begin(self) -> None:
        await super().begin()
        self._folder = tempfile.mkdtemp(prefix="gk-")
        path = Path(self._folder) / "keeper.sock"
        self.front = SocketFront(self.keeper, path, timeline=Timeline())
        await self.front.start()
        self._before = os.environ.get("GATTKEEPER_SOCKET")
        os.environ["GATTKEEPER_SOCKET"] = str(path)

    async def end(self) -> None:
        if self._before is None:
            del os.environ["GATTKEEPER_SOCKET"]
        else:
            os.environ["GATTKEEPER_SOCKET"] = self._before
        await self.front.close()
        await super().end()
        shutil.rmtree(self._folder)

    @property
    def served_by(self) -> dict[str, Any]:
        return {}


def live(
    world: str,
    story: Callable[[Program], Awaitable[None]],
    *,
    limits: Limits | None = None,
    slots: int = 5,
    journal: bool = False,
) -> None:
    """Run a story in one of the worlds; nothing may be left of it."""
    kind, on = (RemoteProgram, "simulated") if world == "socket" else (Program, world)
    stand.live(on, story, limits=limits, slots=slots, journal=journal, kind=kind)
