"""Which keeper serves a program: the one it says, else the one in force, else the daemon, else one of its own."""

import asyncio

from bleak import BleakClient, BleakScanner
from bleak_programs import LAMP, Program, live

from gattkeeper.bleak import Client, Scanner, serve
from gattkeeper.bleak.finding import find_door
from sim.scene import WRITABLE


def test_a_library_that_makes_its_own_clients_is_served_by_the_keeper_in_force():
    async def library() -> None:
        lamp = await BleakScanner.find_device_by_name("lamp", backend=Scanner)
        async with BleakClient(lamp, backend=Client) as client:
            await client.write_gatt_char(WRITABLE, b"x", response=True)

    async def story(program: Program) -> None:
        with serve(program.keeper):
            await library()
            await asyncio.create_task(library())
        assert program.lamp.heard == [b"x", b"x"]

    live("simulated", story)


def test_a_keeper_that_is_said_goes_before_the_one_in_force():
    async def story(program: Program) -> None:
        with serve(None):
            door = await find_door(program.keeper)
            assert door._keeper is program.keeper
            async with BleakClient(LAMP, backend=Client, keeper=program.keeper) as client:
                assert client.is_connected

    live("simulated", story)
