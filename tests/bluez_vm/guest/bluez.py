"""The guest's bluetoothd from outside of gattkeeper: its life, and its adapters' power.

Knows processes and D-Bus; what other programs on the machine, and the people at it, can do to BlueZ.
"""

import asyncio
import contextlib
import os
import signal
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant, unpack_variants
from dbus_fast.aio.message_bus import MessageBus

_BLUEZ = "org.bluez"
_ADAPTER = "org.bluez.Adapter1"
_DEVICE = "org.bluez.Device1"
_MANAGER = "org.freedesktop.DBus.ObjectManager"
_AGENT = "/agent"
_PROCESS = Path("/run/bluetoothd.pid")
_POLL_S = 0.05
_TYPE_BLUETOOTH, _CHANGE_ALL = 2, 3


def kill_bluetoothd() -> None:
    """As a crash: SIGKILL, nobody is told."""
    os.kill(int(_PROCESS.read_text()), signal.SIGKILL)


def stop_bluetoothd() -> None:
    """As one that hangs: it is on the bus, and answers nothing."""
    os.kill(int(_PROCESS.read_text()), signal.SIGSTOP)


async def start_bluetoothd() -> None:
    """As its supervisor: start it again, and wait until it is on the bus."""
    await asyncio.create_subprocess_exec("sh", "/run/bluetoothd", stdin=asyncio.subprocess.DEVNULL)
    while not await objects():
        await asyncio.sleep(_POLL_S)


async def objects() -> dict[str, dict[str, dict[str, Any]]]:
    """Every object of BlueZ with its properties; empty while it is away."""
    reply = await _call(Message(destination=_BLUEZ, path="/", interface=_MANAGER, member="GetManagedObjects"))
    if reply.message_type is not MessageType.METHOD_RETURN:
        return {}
    return {
        path: {interface: unpack_variants(values) for interface, values in interfaces.items()}
        for path, interfaces in reply.body[0].items()
    }


async def connected_devices() -> list[str]:
    """Addresses of the devices that BlueZ believes connected."""
    known = [each[_DEVICE] for each in (await objects()).values() if _DEVICE in each]
    return sorted(each["Address"] for each in known if each["Connected"])


async def adapter_path(address: str) -> str:
    """BlueZ's object of the adapter with this address."""
    return next(
        path for path, each in (await objects()).items() if each.get(_ADAPTER, {}).get("Address") == address
    )


async def discovering() -> bool:
    """Whether BlueZ believes that any adapter scans."""
    return any(each[_ADAPTER]["Discovering"] for each in (await objects()).values() if _ADAPTER in each)


async def start_discovery(bus: MessageBus, adapter: str) -> None:
    """Ask for a discovery, for as long as the bus connection lives; returns with BlueZ's answer."""
    await bus.call(Message(destination=_BLUEZ, path=adapter, interface=_ADAPTER, member="StartDiscovery"))


async def forget_devices() -> None:
    """Every device that BlueZ knows, also from its disk: it must be heard before it can be connected."""
    for path, each in (await objects()).items():
        if _DEVICE in each:
            adapter = each[_DEVICE]["Adapter"]
            message = Message(destination=_BLUEZ, path=adapter, interface=_ADAPTER, member="RemoveDevice")
            message.signature, message.body = "o", [path]
            await _call(message)


async def reload_bus() -> None:
    """Let the bus read its policies again."""
    bus = "org.freedesktop.DBus"
    await _call(Message(destination=bus, path="/org/freedesktop/DBus", interface=bus, member="ReloadConfig"))


async def disconnect(address: str) -> None:
    """As `bluetoothctl disconnect`: BlueZ answers when the link is down."""
    path = next(
        path for path, each in (await objects()).items() if each.get(_DEVICE, {}).get("Address") == address
    )
    await _call(Message(destination=_BLUEZ, path=path, interface=_DEVICE, member="Disconnect"))


async def power(on: bool, *, adapter: str = "") -> None:
    """Switch adapters on or off, all or the one with this address, and wait until they are."""
    while True:
        every = {path: each[_ADAPTER] for path, each in (await objects()).items() if _ADAPTER in each}
        meant = {path: each for path, each in every.items() if adapter in ("", each["Address"])}
        if meant and all(each["Powered"] is on for each in meant.values()):
            return
        for path in meant:
            await _set_power(path, on)
        await asyncio.sleep(_POLL_S)


async def power_refusal(adapter: str) -> str:
    """What BlueZ says when an adapter is to be switched on and cannot be: error name and text."""
    reply = await _set_power(await adapter_path(adapter), True)
    return f"{reply.error_name}: {reply.body[0]}" if reply.message_type is MessageType.ERROR else ""


async def _set_power(path: str, on: bool) -> Message:
    message = Message(destination=_BLUEZ, path=path, interface="org.freedesktop.DBus.Properties", member="Set")
    message.signature, message.body = "ssv", [_ADAPTER, "Powered", Variant("b", on)]
    return await _call(message)


def block_radios(blocked: bool) -> None:
    """As `rfkill block bluetooth`, or `unblock`: a `struct rfkill_event` (the kernel's include/uapi/linux/rfkill.h)."""
    with Path("/dev/rfkill").open("wb", buffering=0) as switch:
        switch.write(struct.pack("=IBBBB", 0, _TYPE_BLUETOOTH, _CHANGE_ALL, blocked, 0))


@asynccontextmanager
async def agent() -> AsyncIterator[None]:
    """Somebody who says yes to every pairing, as the default agent of the machine: without one BlueZ refuses them."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    bus.add_message_handler(_yes)
    for member, signature, body in (
        ("RegisterAgent", "os", [_AGENT, "NoInputNoOutput"]),
        ("RequestDefaultAgent", "o", [_AGENT]),
    ):
        await bus.call(
            Message(
                destination=_BLUEZ,
                path="/org/bluez",
                interface="org.bluez.AgentManager1",
                member=member,
                signature=signature,
                body=body,
            )
        )
    try:
        yield
    finally:
        bus.disconnect()


def _yes(message: Message) -> Message | None:
    return Message.new_method_return(message) if message.path == _AGENT else None


async def _call(message: Message) -> Message:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    try:
        return await bus.call(message)
    finally:
        bus.disconnect()
        with contextlib.suppress(Exception):
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
