"""A stand-in for systemd, which the guest does not have: its name on the bus, and RestartUnit for one service.

Knows that one call. What happens to bluetoothd is what systemd would do to one that hangs, at once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dbus_fast import BusType, Message
from dbus_fast.aio.message_bus import MessageBus

from bluez_vm.guest import bluez


@asynccontextmanager
async def supervisor() -> AsyncIterator[None]:
    """It is on the bus; afterwards it is gone."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    restarts: list[asyncio.Task[None]] = []

    async def restart() -> None:
        bluez.kill_bluetoothd()
        await bluez.start_bluetoothd()
        await bluez.power(True)

    def on_message(message: Message) -> Message | None:
        if message.member != "RestartUnit" or message.body != ["bluetooth.service", "replace"]:
            return None
        restarts.append(asyncio.ensure_future(restart()))
        return Message.new_method_return(message, "o", ["/org/freedesktop/systemd1/job/1"])

    bus.add_message_handler(on_message)
    await bus.request_name("org.freedesktop.systemd1")
    try:
        yield
    finally:
        bus.disconnect()
        for each in restarts:
            await each
