"""A keeper over the Bleak link on the scripted BlueZ, for stories in real time.

Knows how to build one and to take it down again, and a device that has what the stories need. The attributes are
those of the simulated devices.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fake_bluez.device import FakeCharacteristic, FakeDevice
from fake_bluez.stack import FakeBluez
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref, normal_uuid
from gattkeeper.model.identity import parse_address
from gattkeeper.model.operation import Read, Write
from gattkeeper.runtime.handle import Handle
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from runtime.house import Watch
from sim.scene import COUNTER, STOP, WRITABLE, Book

LAMP, DOOR = "F0:00:00:00:00:01", "F0:00:00:00:00:02"
SERVICE = "f0c0b100-8f2b-4b5e-9d3c-6a1e5d2c7b00"
READ = Read(target=characteristic_ref(COUNTER))


def fake_device(address: str = LAMP) -> FakeDevice:
    """Something to read, something to write, and something that stops it."""
    return FakeDevice(
        address,
        {
            SERVICE: [
                FakeCharacteristic(normal_uuid(COUNTER), ["read"], b"value"),
                FakeCharacteristic(normal_uuid(WRITABLE), ["read", "write"]),
                FakeCharacteristic(normal_uuid(STOP), ["write", "write-without-response"]),
            ]
        },
    )


class BluezHouse:
    """`lamp` and `door` in reach of the scripted BlueZ, and a keeper of one adapter."""

    def __init__(self, bluez: FakeBluez, privileged: Path, **settings: Any) -> None:
        self.bluez = bluez
        self.lamp, self.door = fake_device(LAMP), fake_device(DOOR)
        bluez.devices += [self.lamp, self.door]
        self.watch = Watch()
        self.keeper = Keeper(
            links={"adapter": BleakLink(cancel_grace_s=0.5, privileged=privileged)},
            book=Book(
                {
                    name: DeviceRules(address=parse_address(address))
                    for name, address in (("lamp", LAMP), ("door", DOOR))
                }
            ),
            observers=(self.watch,),
            **settings,
        )

    async def write(self, payload: bytes, device: str = "lamp", **fields: Any) -> Handle:
        write = Write(target=characteristic_ref(WRITABLE), payload=payload)
        return await self.keeper.submit(Command(device=device, operation=write, **fields))

    async def read(self, device: str = "lamp", **fields: Any) -> Handle:
        return await self.keeper.submit(Command(device=device, operation=READ, **fields))

    async def until_asked(self) -> None:
        """Wait until a request is with a device, unanswered."""
        async with asyncio.timeout(10):
            await self.bluez.asked.get()


@asynccontextmanager
async def bluez_house(
    bluez: FakeBluez, *, privileged: Path = Path("/nowhere"), **settings: Any
) -> AsyncIterator[BluezHouse]:
    """A house whose keeper has started; nothing is left of it afterwards."""
    house = BluezHouse(bluez, privileged, **settings)
    await house.keeper.start()
    try:
        yield house
    finally:
        await house.keeper.close()
