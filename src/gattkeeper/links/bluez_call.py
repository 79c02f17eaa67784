"""Calls on the system bus over a connection of their own, which ends with them.

Knows how to ask and how a refusal is raised. What is asked for stands in `bluez_recovery`,
`bluez_agent` and, where more than one asks, here.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bleak.exc import BleakDBusError
from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio.message_bus import MessageBus

from gattkeeper.links.bluez_watch import ADAPTER, BLUEZ, end_of, joined


@asynccontextmanager
async def own_bus() -> AsyncIterator[MessageBus]:
    """A connection for one purpose. Raises what the bus does."""
    bus = await joined()
    try:
        yield bus
    finally:
        bus.disconnect()
        await end_of(bus)


async def ask(
    bus: MessageBus,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    body: Sequence[Any] = (),
    *,
    destination: str = BLUEZ,
) -> Message:
    """The answer, of a service that runs already. Raises BleakDBusError with the name and text of a refusal."""
    reply = await bus.call(
        Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
            flags=MessageFlag.NO_AUTOSTART,
        )
    )
    if reply.message_type is MessageType.ERROR:
        raise BleakDBusError(str(reply.error_name), reply.body)
    return reply


async def remove_device(adapter: str, device: str) -> None:
    """Have an adapter forget a device, its keys too; both by path. Raises as `ask` does."""
    async with own_bus() as bus:
        await ask(bus, adapter, ADAPTER, "RemoveDevice", "o", [device])
