"""Cases of other programs' discoveries that collide with each other, and with gattkeeper's.

Knows how BlueZ loses a call: it remembers one caller of StartDiscovery per adapter, and a second one that comes while
the adapter is being told makes it forget the first, who never gets an answer.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio.message_bus import MessageBus

from bluez_vm.guest import bluez
from bluez_vm.guest.cases_faults import LOUNGE, told
from bluez_vm.guest.place import keeper_of, place
from bluez_vm.guest.surgery import doctor_says
from gattkeeper.world.virtual_blind import BLIND_LABEL

LOST_S = 2.0
"""A call without an answer for so long has lost it, in seconds: BlueZ needs milliseconds."""


async def two_strangers() -> dict[str, Any]:
    """Two other programs begin to scan at the same moment: the first waits for ever, and the adapter scans on."""
    async with place(devices=2) as at, keeper_of(at) as keeper, _stranger() as first, _stranger() as second:
        adapter = await bluez.adapter_path(at.adapters[0].address)
        calls = [asyncio.ensure_future(bluez.start_discovery(each, adapter)) for each in (first, second)]
        await asyncio.wait(calls, timeout=LOST_S)
        left = {"answered": [each.done() for each in calls], "discovering": await bluez.discovering()}
        outcomes = {name: await told(keeper.device(name).write(BLIND_LABEL, b"heard")) for name in at.blinds}
        for each in calls:
            each.cancel()
        return left | {
            "outcomes": outcomes,
            "applied": [at.applied(name) == [b"heard"] for name in at.blinds],
            "doctor": await doctor_says("discovery"),
        }


async def our_own_is_lost() -> dict[str, Any]:
    """Another program begins to scan in the moment in which gattkeeper does, and gattkeeper's call is lost."""
    async with place(devices=1) as at, _stranger() as stranger:
        await bluez.forget_devices()
        adapter = await bluez.adapter_path(at.adapters[0].address)
        async with keeper_of(at) as keeper:
            collided: list[float] = []

            def collide(message: Message) -> None:
                if message.member == "StartDiscovery" and message.sender != stranger.unique_name and not collided:
                    collided.append(time.monotonic())
                    tasks.append(asyncio.ensure_future(bluez.start_discovery(stranger, adapter)))

            tasks: list[asyncio.Task[None]] = []
            async with _monitor(collide):
                outcome = await told(
                    keeper.device(LOUNGE).write(BLIND_LABEL, b"heard", deadline=60.0, idempotent=True)
                )
            for task in tasks:
                task.cancel()
            return {"collided": len(collided), "outcome": outcome, "applied": len(at.applied(LOUNGE))}


@asynccontextmanager
async def _stranger() -> AsyncIterator[MessageBus]:
    """Another program's connection to the bus."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    try:
        yield bus
    finally:
        bus.disconnect()
        with contextlib.suppress(Exception):
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def _monitor(seen: Any) -> AsyncIterator[None]:
    """Everything that is said to BlueZ, as it is said."""

    def on_message(message: Message) -> bool:
        if message.message_type is MessageType.METHOD_CALL:
            seen(message)
        return True  # it is not for us to answer

    async with _stranger() as bus:
        await bus.call(
            Message(
                destination="org.freedesktop.DBus",
                path="/org/freedesktop/DBus",
                interface="org.freedesktop.DBus.Monitoring",
                member="BecomeMonitor",
                signature="asu",
                body=[["type='method_call',destination='org.bluez',member='StartDiscovery'"], 0],
            )
        )
        bus.add_message_handler(on_message)
        yield
