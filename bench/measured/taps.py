"""What people wait for, in virtual time: nobody's processor counts, only the radio and the protocol. Two blinds
get four taps in the same moment: 73 and 55 for the lounge, 5 and 80 for the kitchen. Twenty blinds are told to go
to half in the same moment. What counts is when the last blind has been told where it shall be at last. Nothing is
connected at first, and an adapter has five connections. One link is made at a time; what a device is asked for its
services is a matter of its own link, and goes on beside that.

Theirs are the ways that programs have today, over the same radio, each with Bleak on Bumble's host: a script for
each tap, one after the other under a lock, where the start of Python is left out to their advantage; and one
program with bleak-retry-connector, a task for each tap and a lock for each blind. Scripts that run at once without
a lock fail: docs/bluez.md has figures of that.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak_retry_connector import establish_connection
from bumble.device import Device

from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.devices.profile_file import shipped_profile
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import VirtualBlind, VirtualRadio, run_virtual
from gattkeeper.world.virtual_blind import BLIND_TARGET
from measured.bleak_on_bumble import BumbleClient, adapter_of
from measured.figures import Figure, Goal, Tick

TITLE = "Four taps and twenty blinds (virtual time)"
ADAPTER = "C0:00:00:00:00:01"
SLOTS = 5
TAPS = (("lounge", 73), ("lounge", 55), ("kitchen", 5), ("kitchen", 80))
HALF = tuple((f"blind{number:02}", 50) for number in range(20))
WANTED = {"lounge": 55, "kitchen": 80} | dict(HALF)
CONNECT_S = 20.0

Order = tuple[str, int]


class Street:
    """Blinds on a radio, and when each of them was told the last thing that counts."""

    def __init__(self, names: tuple[str, ...], interval_s: float, seed: int) -> None:
        self.radio = VirtualRadio(connection_interval_s=interval_s, seed=seed)
        self.blinds = {
            name: VirtualBlind(name, f"F0:00:00:00:00:{number:02X}", speed=1000.0)
            for number, name in enumerate(names, start=1)
        }

    async def open(self, dice: random.Random) -> None:
        """Everything advertises; when it was switched on is up to the dice."""
        for blind in self.blinds.values():
            await asyncio.sleep(dice.random() * 0.1)
            await self.radio.add(blind.device)

    def told(self) -> bool:
        """Whether every blind has been told to go where it should."""
        return all(blind.target == WANTED[name] for name, blind in self.blinds.items())


Way = Callable[[Street, tuple[Order, ...]], Awaitable[None]]


async def with_keeper(street: Street, orders: tuple[Order, ...]) -> None:
    """A program with a keeper: every order is a command."""
    profile = shipped_profile("virtual_blind")
    book = ProfileBook(
        Entry(name=name, rules=DeviceRules(address=blind.device.address), profile=profile)
        for name, blind in street.blinds.items()
    )
    keeper = Keeper(
        links={"air": BumbleLink(street.radio.adapter(ADAPTER), name="air")}, book=book, slots={"air": SLOTS}
    )
    await keeper.start()
    handles = [await keeper.submit(book.act(name, "set_position", level)) for name, level in orders]
    for handle in handles:
        await handle.wait()
    await keeper.close()


async def script(central: Device, address: str, level: int) -> None:
    """What a script does for one tap: connect, write, disconnect."""
    async with BleakClient(address, backend=BumbleClient, central=central, timeout=CONNECT_S) as client:
        await client.write_gatt_char(BLIND_TARGET, bytes([level]), response=True)


async def with_lock(street: Street, orders: tuple[Order, ...]) -> None:
    """A script for each order, one after the other."""
    central = await adapter_of(street.radio.adapter(ADAPTER), ADAPTER)
    for name, level in orders:
        await script(central, street.blinds[name].device.address.value, level)


async def with_retries(street: Street, orders: tuple[Order, ...]) -> None:
    """One program: a task for each order, a lock for each blind, connections one at a time and tried again."""
    central = await adapter_of(street.radio.adapter(ADAPTER), ADAPTER)
    connecting = asyncio.Lock()
    turns = {name: asyncio.Lock() for name in street.blinds}

    async def one(name: str, level: int) -> None:
        known = BLEDevice(street.blinds[name].device.address.value, name, None)
        async with turns[name]:
            async with connecting:
                client = await establish_connection(
                    BleakClient, known, name, backend=BumbleClient, central=central
                )
            await client.write_gatt_char(BLIND_TARGET, bytes([level]), response=True)
            await client.disconnect()

    await asyncio.gather(*(one(name, level) for name, level in orders))


async def length_s(way: Way, orders: tuple[Order, ...], interval_s: float, seed: int) -> float:
    """From the taps until the last blind has been told, or the end of all of it when that comes first."""
    names = tuple(dict.fromkeys(name for name, _level in orders))
    street = Street(names, interval_s, seed)
    await street.open(random.Random(seed))  # noqa: S311 - seeded dice, not secrets
    loop = asyncio.get_running_loop()
    began = loop.time()
    going = loop.create_task(way(street, orders))
    last = began
    while not going.done():
        await asyncio.sleep(interval_s / 4)
        if not street.told():
            last = loop.time()
    await going
    assert street.told() or way is not with_keeper, "the keeper leaves every blind where it should be"
    await street.radio.close()
    return last - began


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    rounds = 1 if quick else 9

    def figure(
        name: str, orders: tuple[Order, ...], interval_s: float, theirs_is: str, theirs: Way, goal: float
    ) -> Figure:
        tick(f"{name}, {theirs_is}")
        ours = tuple(run_virtual(length_s(with_keeper, orders, interval_s, seed)) for seed in range(rounds))
        others = tuple(run_virtual(length_s(theirs, orders, interval_s, seed)) for seed in range(rounds))
        goal_is = Goal(limit=goal, sooner=True)
        return Figure(name=name, ours_is="gattkeeper", theirs_is=theirs_is, ours=ours, theirs=others, goal=goal_is)

    return [
        figure(f"{what}, interval {interval_s * 1000:g} ms", orders, interval_s, theirs_is, theirs, goal)
        for what, orders, goals in (("four taps", TAPS, (3, 3)), ("20 blinds to half", HALF, (3, 3)))
        for interval_s in (0.03, 0.0075)
        for (theirs_is, theirs), goal in zip(
            (("scripts under a lock", with_lock), ("bleak-retry-connector", with_retries)), goals, strict=True
        )
    ]
