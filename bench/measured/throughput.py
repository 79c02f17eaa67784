"""Writes with response to many devices at once, in virtual time on radios with a connection interval of 7.5 ms: as
many connections as devices, and each device gets one write after the other. Theirs are Bleak programs on Bumble's
host without any keeper, one client for each device, all at once. A queue must not cost a connection event: then it
is as fast as the radio. The processor's share is what the same work costs it, both ends of the radio and
the radio itself included.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable

from bleak import BleakClient

from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.gatt import Property
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import VirtualCharacteristic, VirtualDevice, VirtualRadio, VirtualService, run_virtual
from measured.bleak_on_bumble import BumbleClient, adapter_of
from measured.figures import Figure, Goal, Tick

TITLE = "Many devices at once (virtual time)"
INTERVAL_S = 0.0075
LEVEL = "fe51"
WRITES = 50
SIZES = ((1, 1), (8, 1), (32, 1), (32, 4), (100, 4))
"""Devices, and the adapters they are spread over."""

Write = Callable[[int, bytes], Awaitable[object]]


class Field:
    """Devices on a radio, spread over adapters."""

    def __init__(self, devices: int, adapters: int) -> None:
        self.radio = VirtualRadio(connection_interval_s=INTERVAL_S)
        self.adapters = [f"C0:00:00:00:00:{number:02X}" for number in range(adapters)]
        self.devices = [
            VirtualDevice(
                f"lamp{number:02}",
                f"F0:00:00:00:00:{number:02X}",
                (VirtualService("fe50", (VirtualCharacteristic(LEVEL, Property.WRITE),)),),
            )
            for number in range(devices)
        ]

    def adapter_of(self, number: int) -> str:
        return self.adapters[number % len(self.adapters)]

    async def written(self, write: Write) -> tuple[float, float]:
        """Every device gets its writes; the virtual seconds that took, and the processor's."""
        loop = asyncio.get_running_loop()
        gc.collect()  # what connecting has left behind is not the writes'
        began, began_really = loop.time(), time.process_time()

        async def one(number: int) -> None:
            for count in range(WRITES):
                await write(number, count.to_bytes(2, "big"))

        await asyncio.gather(*(one(number) for number in range(len(self.devices))))
        taken = loop.time() - began, time.process_time() - began_really
        for device in self.devices:
            assert [int.from_bytes(each.payload) for each in device.applied] == [*range(WRITES)], device.name
        return taken


async def with_keeper(field: Field) -> tuple[float, float]:
    """One keeper for all of them."""
    for device in field.devices:
        await field.radio.add(device)
    book = ProfileBook(
        Entry(
            name=device.name,
            rules=DeviceRules(address=device.address, adapter=field.adapter_of(number), linger_us=3_600_000_000),
        )
        for number, device in enumerate(field.devices)
    )
    links = {name: BumbleLink(field.radio.adapter(name), name=name) for name in field.adapters}
    slots = dict.fromkeys(field.adapters, len(field.devices))
    keeper = Keeper(links=links, book=book, slots=slots)
    await keeper.start()
    lamps = [keeper.device(device.name) for device in field.devices]
    for lamp in lamps:
        await lamp.connect()
    taken = await field.written(lambda number, payload: lamps[number].write(LEVEL, payload))
    await keeper.close()
    await field.radio.close()
    return taken


async def without(field: Field) -> tuple[float, float]:
    """A Bleak client for each."""
    for device in field.devices:
        await field.radio.add(device)
    centrals = {name: await adapter_of(field.radio.adapter(name), name) for name in field.adapters}
    clients = []
    for number, device in enumerate(field.devices):
        central = centrals[field.adapter_of(number)]
        client = BleakClient(device.address.value, backend=BumbleClient, central=central)
        await client.connect()
        clients.append(client)
    levels = [client.services.get_characteristic(LEVEL) for client in clients]

    async def write(number: int, payload: bytes) -> None:
        level = levels[number]
        assert level is not None
        await clients[number].write_gatt_char(level, payload, response=True)

    taken = await field.written(write)
    await field.radio.close()
    return taken


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    rounds = 3
    figures = []
    for devices, adapters in SIZES[:2] if quick else SIZES:
        tick(f"{devices} devices")
        pairs = [
            (run_virtual(with_keeper(Field(devices, adapters))), run_virtual(without(Field(devices, adapters))))
            for _ in range(rounds)
        ]
        ours, theirs = zip(*pairs, strict=True)
        many = f"{devices} device" + "s" * (devices > 1) + f", {adapters} adapters" * (adapters > 1)
        for name, place, limit in (("virtual time", 0, 1.001), ("processor", 1, 2)):
            figures.append(
                Figure(
                    name=f"{WRITES} writes each, {many}: {name}",
                    ours_is="gattkeeper",
                    theirs_is="Bleak clients",
                    ours=tuple(one[place] for one in ours),
                    theirs=tuple(one[place] for one in theirs),
                    goal=Goal(limit=limit),
                    because="What is added is what the keeper takes for a command (G1).",
                )
            )
    return figures
