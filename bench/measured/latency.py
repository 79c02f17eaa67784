"""How long a write takes from its call to its answer, in virtual time at connection intervals of 30 and 7.5 ms:
one by itself, and eight of eight callers in the same moment, until the last has its answer. All go to one
device with 3 services and 11 characteristics, which advertises every 100 ms. Theirs are the ways that programs
have today, each with Bleak on Bumble's host over the same radio: a script for each write, which connects,
writes and disconnects (the start of Python is left out to their advantage), one after the other behind `flock`;
one program with bleak-retry-connector, which connects for each write; and one that keeps its connection, with
an `asyncio.Lock` around each write. Scripts at once without `flock` stand below, as real processes, for
Bumble's host refuses them. Ours is cold (never connected before), cached (connected before, and not now) or
warm (connected). A lock around one kept connection is as fast as we are: what it lacks is everything but speed.
Nobody knows when the next connection event is: each round asks at another moment between two of them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak_retry_connector import establish_connection

from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.gatt import Property
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import VirtualCharacteristic, VirtualDevice, VirtualRadio, VirtualService, run_virtual
from measured.bleak_on_bumble import BumbleClient, adapter_of
from measured.figures import Figure, Goal, Tick
from measured.load import SERVICES

TITLE = "A write, and eight at once (virtual time)"
ADAPTER, ADDRESS = "C0:00:00:00:00:01", "F0:00:00:00:00:01"
LEVEL = "a001"
ADVERTISING_S = 0.1
INTERVALS_S = (0.03, 0.0075)
CALLERS = 8
CONNECT_S = 20.0
SETTLING_S = 1.0
"""A fresh connection does something by itself after its first command."""
GOLDEN = (5**0.5 - 1) / 2
"""Its multiples, without their whole parts, are spread evenly: the moments of an interval at which is asked."""

Write = Callable[[int], Awaitable[object]]


class Setting:
    """A product on a radio, and one adapter."""

    def __init__(self, interval_s: float, seed: int) -> None:
        self.interval_s, self.seed = interval_s, seed
        self.radio = VirtualRadio(connection_interval_s=interval_s, seed=seed)
        services = [
            VirtualService(
                service,
                tuple(
                    VirtualCharacteristic(f"{service[:2]}{number:02x}", Property.WRITE)
                    for number in range(1, 1 + count)
                ),
            )
            for service, count in SERVICES.items()
        ]
        self.product = VirtualDevice("product", ADDRESS, tuple(services))
        self.opener = self.radio.adapter(ADAPTER)


Way = Callable[[Setting], AbstractAsyncContextManager[Write]]


async def keeper_of(setting: Setting) -> Keeper:
    """Knows the product, and is not connected."""
    book = ProfileBook([Entry(name="product", rules=DeviceRules(address=setting.product.address))])
    keeper = Keeper(links={"air": BumbleLink(setting.opener, name="air")}, book=book)
    await keeper.start()
    return keeper


def _write_of(keeper: Keeper) -> Write:
    product = keeper.device("product")
    return lambda level: product.write(LEVEL, bytes([level]))


@asynccontextmanager
async def cold(setting: Setting) -> AsyncIterator[Write]:
    """Ours, never connected before."""
    keeper = await keeper_of(setting)
    yield _write_of(keeper)
    await keeper.close()


@asynccontextmanager
async def cached(setting: Setting) -> AsyncIterator[Write]:
    """Ours, connected before."""
    async with cold(setting) as write:
        await write(0)
        await asyncio.sleep(SETTLING_S)
        setting.radio.break_link(setting.product)
        await asyncio.sleep(SETTLING_S)
        yield write


@asynccontextmanager
async def warm(setting: Setting) -> AsyncIterator[Write]:
    """Ours, connected."""
    async with cold(setting) as write:
        await write(0)
        await asyncio.sleep(SETTLING_S)
        await write(0)
        yield write


@asynccontextmanager
async def behind_flock(setting: Setting) -> AsyncIterator[Write]:
    """A script for each write, one after the other."""
    central, turn = await adapter_of(setting.opener, ADAPTER), asyncio.Lock()

    async def script(level: int) -> None:
        async with (
            turn,
            BleakClient(ADDRESS, backend=BumbleClient, central=central, timeout=CONNECT_S) as client,
        ):
            await client.write_gatt_char(LEVEL, bytes([level]), response=True)

    yield script


@asynccontextmanager
async def with_retries(setting: Setting) -> AsyncIterator[Write]:
    """One program that connects for each write, one after the other."""
    central = await adapter_of(setting.opener, ADAPTER)
    known, turn = BLEDevice(ADDRESS, "product", None), asyncio.Lock()

    async def write(level: int) -> None:
        async with turn:
            client = await establish_connection(
                BleakClient, known, "product", backend=BumbleClient, central=central
            )
            await client.write_gatt_char(LEVEL, bytes([level]), response=True)
            await client.disconnect()

    yield write


@asynccontextmanager
async def with_lock(setting: Setting) -> AsyncIterator[Write]:
    """One program that keeps its connection."""
    central, turn = await adapter_of(setting.opener, ADAPTER), asyncio.Lock()
    async with BleakClient(ADDRESS, backend=BumbleClient, central=central) as client:
        await asyncio.sleep(SETTLING_S)

        async def write(level: int) -> None:
            async with turn:
                await client.write_gatt_char(LEVEL, bytes([level]), response=True)

        await write(0)
        yield write


async def taken(way: Way, interval_s: float, callers: int, seed: int) -> float:
    """So many callers at once; how long before the next advertisement, the seed says."""
    setting = Setting(interval_s, seed)
    await setting.radio.add(setting.product)
    await asyncio.sleep(ADVERTISING_S * (1 + seed / 7))
    async with way(setting) as write:
        await asyncio.sleep(interval_s * (seed * GOLDEN % 1))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*(write(level) for level in range(1, callers + 1)))
        took_s = loop.time() - began
    await setting.radio.close()
    return took_s


_BECAUSE = (
    "The warm write is as short as the radio allows (G5), so this is what connecting and discovering take, in"
    " connection intervals: as many as the device has attributes."
)
ONE = (
    (warm, "warm", with_lock, "raw write of Bumble's", Goal(limit=1.001), "G5"),
    (cold, "cold", behind_flock, "script", Goal(limit=1, sooner=True), ""),
    (cached, "cached", behind_flock, "script", Goal(limit=1.5, sooner=True), ""),
    (warm, "warm", behind_flock, "script", Goal(limit=20, sooner=True), "G6"),
)
EIGHT = (
    (cold, "cold", behind_flock, "scripts behind flock", Goal(limit=4, sooner=True), ""),
    (cold, "cold", with_retries, "bleak-retry-connector", Goal(limit=4, sooner=True), ""),
    (cached, "cached", behind_flock, "scripts behind flock", Goal(limit=8, sooner=True), ""),
    (warm, "warm", behind_flock, "scripts behind flock", Goal(limit=15, sooner=True), ""),
    (warm, "warm", with_retries, "bleak-retry-connector", Goal(limit=15, sooner=True), ""),
    (warm, "warm", with_lock, "kept connection, asyncio.Lock", Goal(limit=1.001), ""),
)
"""Ours, theirs, and how much sooner it should be."""


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    rounds = range(3 if quick else 15)
    figures = []
    for interval_s in INTERVALS_S:
        words = f"interval {interval_s * 1000:g} ms"
        for callers, name, pairs in ((1, "a write", ONE), (CALLERS, "eight at once", EIGHT)):
            tick(f"{name}, {words}")
            ways = {way for pair in pairs for way in (pair[0], pair[2])}
            took = {way: [run_virtual(taken(way, interval_s, callers, seed)) for seed in rounds] for way in ways}
            figures += [
                Figure(
                    name=f"{name}, {words}",
                    ours_is=ours_is,
                    theirs_is=theirs_is,
                    ours=tuple(took[ours]),
                    theirs=tuple(took[theirs]),
                    goal=goal,
                    of=of,
                    because=_BECAUSE if of == "G6" else "",
                )
                for ours, ours_is, theirs, theirs_is, goal, of in pairs
            ]
    return figures
