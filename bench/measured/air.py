"""A lamp on a virtual radio at a connection interval of 30 ms, and two ways to command it over the same Bumble
link.

Knows the keeper, and what a program does that has no keeper: one `asyncio.Lock` around each write, first in,
first out. What is asked of them is the suites' business.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import cast

from gattkeeper.core.limits import Limits
from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Characteristic, Property, characteristic_ref
from gattkeeper.model.operation import Subscribe, Write
from gattkeeper.model.outcome import Phase, Verdict
from gattkeeper.model.profile import Part, PartKind, Profile, StopRule, Template
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules, LinkConnection
from gattkeeper.world import (
    AttOpcode,
    Moment,
    Rule,
    VirtualCharacteristic,
    VirtualDevice,
    VirtualRadio,
    VirtualService,
)

INTERVAL_S = 0.03
ADAPTER, DEVICE = "C0:00:00:00:00:01", "F0:00:00:00:00:01"
LEVEL, STOP, PUSHED = "fe51", "fe52", "fe53"
STOP_PAYLOAD = b"STOP-NOW"
WRITABLE = Property.WRITE | Property.WRITE_WITHOUT_RESPONSE


class Air:
    """The lamp, and when the stop's bytes passed two places: from the controller to the air, and at the device."""

    def __init__(self) -> None:
        self.radio = VirtualRadio(connection_interval_s=INTERVAL_S)
        self.on_air: list[float] = []  # processor time, in seconds; only of stops without response
        self.radio.rules.append(cast("Rule", _Watcher(self.on_air)))
        self.at_device: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.pushed = VirtualCharacteristic(PUSHED, Property.NOTIFY)
        characteristics = (
            VirtualCharacteristic(LEVEL, WRITABLE),
            VirtualCharacteristic(STOP, WRITABLE, on_write=self._stopped),
            self.pushed,
        )
        self.lamp = VirtualDevice("lamp", DEVICE, (VirtualService("fe50", characteristics),))
        self.link = BumbleLink(self.radio.adapter(ADAPTER), name="virtual")

    def _stopped(self, _payload: bytes) -> None:
        if not self.at_device.done():
            self.at_device.set_result(asyncio.get_running_loop().time())


class _Watcher:
    """Stands among the radio's rules, which are asked about every packet, and never wants anything to happen."""

    def __init__(self, on_air: list[float]) -> None:
        self._on_air = on_air

    def fires(self, moment: Moment, _device: str, opcode: int | None, _now: float, _dice: Random) -> bool:
        """A write without response on its way to the device is the stop: nothing else here is one."""
        if moment is Moment.TO_DEVICE and opcode == AttOpcode.WRITE_COMMAND:
            self._on_air.append(time.process_time())
        return False


SUBSCRIBE = Subscribe(target=characteristic_ref(PUSHED))


def level(number: int) -> Write:
    """A write with response, as lamps get them."""
    return Write(target=characteristic_ref(LEVEL), payload=number.to_bytes(4, "big"))


class Kept:
    """The lamp behind a keeper."""

    def __init__(self, air: Air, *, may_bypass: bool) -> None:
        template = Template(text=STOP_PAYLOAD.hex(), parts=(Part(kind=PartKind.LITERAL, literal=STOP_PAYLOAD),))
        profile = Profile(
            actions={},
            stop=StopRule(characteristic=characteristic_ref(STOP), payload=template, may_bypass=may_bypass),
        )
        rules = DeviceRules(address=air.lamp.address, linger_us=3_600_000_000)
        plenty = 1_000_000
        self.keeper = Keeper(
            links={"air": air.link},
            book=ProfileBook([Entry(name="lamp", rules=rules, profile=profile)]),
            limits=Limits(queue_max=plenty, queue_per_device_max=plenty),
        )

    async def write(self, operation: Write) -> None:
        """Queue a write and do not wait for it."""
        command = Command(device="lamp", operation=operation, deadline_us=3_600_000_000)
        await self.keeper.submit(command)

    async def subscribe(self) -> None:
        """Have the lamp push values."""
        handle = await self.keeper.submit(Command(device="lamp", operation=SUBSCRIBE))
        await handle.wait()

    async def stop(self) -> None:
        """Ask for the emergency stop."""
        (self._stop,) = await self.keeper.stop("lamp")

    async def confirmed(self) -> None:
        """Wait until the device has acknowledged the stop."""
        outcome = await self._stop.wait()
        assert outcome.verdict is Verdict.DELIVERED, outcome


class Locked:
    """The lamp behind a lock, first in, first out. What fails is tried once more on a new connection."""

    def __init__(self, air: Air, connection: LinkConnection) -> None:
        self.connection = connection
        self._air = air
        self._lock = asyncio.Lock()
        self._tasks: list[asyncio.Task[object]] = []

    async def write(self, operation: Write) -> None:
        """Queue a write and do not wait for it."""
        self._tasks.append(asyncio.create_task(self._write(operation)))
        await asyncio.sleep(0)

    async def _write(self, operation: Write) -> None:
        async with self._lock:
            try:
                await self.connection.perform(operation)
            except LinkError:
                await self.connection.disconnect()
                self.connection = await self._air.link.connect(self._air.lamp.address, Unheard())
                await self.connection.perform(operation)

    async def subscribe(self) -> None:
        """Have the lamp push values."""
        await self.connection.perform(SUBSCRIBE)

    async def stop(self) -> None:
        """The stop is a write like any other."""
        await self.write(Write(target=characteristic_ref(STOP), payload=STOP_PAYLOAD))

    async def confirmed(self) -> None:
        """Wait until the device has acknowledged the stop."""
        await self._tasks[-1]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Unheard:
    """Implements `ports.ConnectionEvents` for one who does not listen."""

    def progress(self, phase: Phase) -> None: ...

    def notification(self, characteristic: Characteristic, payload: bytes) -> None: ...

    def lost(self, fault: Fault) -> None: ...


@asynccontextmanager
async def kept(air: Air, *, may_bypass: bool = False) -> AsyncIterator[Kept]:
    """A connected lamp behind a keeper."""
    await air.radio.add(air.lamp)
    standing = Kept(air, may_bypass=may_bypass)
    await standing.keeper.start()
    await standing.keeper.device("lamp").connect()
    try:
        yield standing
    finally:
        await standing.keeper.close()
        await air.radio.close()


@asynccontextmanager
async def locked(air: Air, *, may_bypass: bool = False) -> AsyncIterator[Locked]:
    """A connected lamp behind a lock, which lets nobody past."""
    del may_bypass
    await air.radio.add(air.lamp)
    await air.link.open(lambda _up, _fault: None)
    standing = Locked(air, await air.link.connect(air.lamp.address, Unheard()))
    try:
        yield standing
    finally:
        await standing.close()
        await air.link.close()
        await air.radio.close()
