"""One look at BlueZ over D-Bus: its objects, who is on the bus, and whether a discovery hears anything.

Knows D-Bus names. Starts no service, asks for no discovery, and changes nothing; each question has its time.
"""

import asyncio
from collections import Counter

from dbus_fast import Message, MessageFlag, MessageType, unpack_variants
from dbus_fast.aio.message_bus import MessageBus
from msgspec import Struct

from gattkeeper.errors import SettingsError
from gattkeeper.links.bluez_watch import (
    ADAPTER,
    ANSWER_S,
    BLUEZ,
    BUS,
    BUS_FAILURES,
    MANAGER,
    Objects,
    connected_bus,
    end_of,
    no_bus,
    no_service,
)

LISTEN_S = 3.0
"""How long a running discovery is listened to, in seconds: busy devices advertise several times in one."""


class BluezView(Struct, frozen=True, kw_only=True):
    """BlueZ and its bus at one moment."""

    objects: Objects
    pids: tuple[int, ...]  # processes on the bus, as far as the bus tells
    heard: dict[str, int]  # advertisements in LISTEN_S, by the adapter's path; empty when none scans


async def look(listen_s: float = LISTEN_S) -> BluezView:
    """Look once. Raises SettingsError with what to do when bus or service are not there or do not answer."""
    heard: Counter[str] = Counter()
    try:
        bus = await connected_bus(lambda message: _count(message, heard))
    except BUS_FAILURES as error:
        raise SettingsError(no_bus(error)) from error
    try:
        objects = await _objects(bus)
        heard.clear()
        if any(interfaces.get(ADAPTER, {}).get("Discovering") for interfaces in objects.values()):
            await asyncio.sleep(listen_s)
        return BluezView(objects=objects, pids=await _pids(bus), heard=dict(heard))
    finally:
        bus.disconnect()
        await end_of(bus)


async def _objects(bus: MessageBus) -> Objects:
    message = Message(
        destination=BLUEZ, path="/", interface=MANAGER, member="GetManagedObjects", flags=MessageFlag.NO_AUTOSTART
    )
    try:
        async with asyncio.timeout(ANSWER_S):
            reply = await bus.call(message)
    except TimeoutError as error:
        text = f"the Bluetooth service does not answer within {ANSWER_S:.0f} s"
        raise SettingsError(f"{text}; restart it: sudo systemctl restart bluetooth") from error
    if reply.message_type is MessageType.ERROR:
        raise SettingsError(no_service(str(reply.error_name), str(reply.body[0]) if reply.body else ""))
    return {
        path: {interface: unpack_variants(values) for interface, values in interfaces.items()}
        for path, interfaces in reply.body[0].items()
    }


async def _pids(bus: MessageBus) -> tuple[int, ...]:
    """The processes behind the names on the bus. A name that went away meanwhile is left out."""
    async with asyncio.timeout(ANSWER_S):
        names = await bus.call(_question("ListNames"))
        unique = [name for name in names.body[0] if name.startswith(":")]
        answers = await asyncio.gather(
            *(bus.call(_question("GetConnectionUnixProcessID", name)) for name in unique)
        )
    return tuple(sorted({each.body[0] for each in answers if each.message_type is MessageType.METHOD_RETURN}))


def _question(member: str, *body: str) -> Message:
    return Message(
        destination=BUS,
        path="/org/freedesktop/DBus",
        interface=BUS,
        member=member,
        signature="s" * len(body),
        body=list(body),
    )


def _count(message: Message, heard: "Counter[str]") -> None:
    """An advertisement is a new device object, or a new RSSI of a known one."""
    match message.member, message.body:
        case "InterfacesAdded", [path, _]:
            heard[path.rpartition("/")[0]] += 1
        case "PropertiesChanged", [_, changed, _] if "RSSI" in changed or "ManufacturerData" in changed:
            heard[str(message.path).rpartition("/")[0]] += 1
