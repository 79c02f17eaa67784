"""Says yes to a pairing that BlueZ begins by itself, because a device answers nothing of ours until it is paired.

Knows Agent1, and that BlueZ asks about such a pairing whoever registered an agent first, or asked to be the
default. When nobody did, it refuses, and the operation that needed it is never answered (BlueZ 5.66 on Linux 6.1).
So this agent stands as long as the link is open, never asks to be the default one, and answers for devices that we
wait for, without a passkey; which these are, its owner says. A pairing that somebody asks for has an agent of its
own (`bluez_agent`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio.message_bus import MessageBus

from gattkeeper.links.bluez_agent import AGENT, MANAGER, REJECTED, owner
from gattkeeper.links.bluez_call import ask
from gattkeeper.links.bluez_watch import end_of, joined

_log = logging.getLogger(__name__)

PATH = "/gattkeeper/consent"
REGISTER_S = 10.0
"""How long BlueZ may take to register it, in seconds."""


class Consent:
    """`asked` says whether a device may be paired, by its object path."""

    def __init__(self, asked: Callable[[str], Awaitable[bool]]) -> None:
        self._asked = asked
        self._bus: MessageBus | None = None
        self._bluez = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def stand(self) -> None:
        """Register with the BlueZ of now; nothing where it knows us. Never raises: the link works without it."""
        try:
            async with asyncio.timeout(REGISTER_S):
                bus = await self._connected()
                self._bluez = await owner(bus)
                await ask(bus, "/org/bluez", MANAGER, "RegisterAgent", "os", [PATH, "NoInputNoOutput"])
        except Exception as error:  # noqa: BLE001 - a bus or a BlueZ that is gone is others' business
            _log.debug("no agent was registered with BlueZ: %s", error)

    def stand_again(self) -> None:
        """BlueZ was away, and may be another one: register soon."""
        self._spawn(self.stand())

    async def close(self) -> None:
        """BlueZ forgets it with its bus connection."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.disconnect()
            await end_of(bus)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connected(self) -> MessageBus:
        if self._bus is None or not self._bus.connected:
            self._bus = await joined()
            self._bus.add_message_handler(self._on_message)
        return self._bus

    def _on_message(self, message: Message) -> bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path != PATH:
            return None
        if message.sender != self._bluez or message.interface != AGENT:
            self._refuse(message, "org.freedesktop.DBus.Error.AccessDenied")
        elif message.member in ("Cancel", "Release"):
            self._send(Message.new_method_return(message))
        elif message.member != "RequestAuthorization" or message.signature != "o":
            self._refuse(message, REJECTED)  # a passkey, or another program's matter
        else:
            self._spawn(self._answer(message))
        return True

    async def _answer(self, message: Message) -> None:
        if await self._asked(message.body[0]):
            self._send(Message.new_method_return(message))
        else:
            self._refuse(message, REJECTED)

    def _refuse(self, message: Message, name: str) -> None:
        self._send(Message.new_error(message, name, ""))

    def _send(self, message: Message) -> None:
        if self._bus is not None and self._bus.connected:
            self._bus.send(message).add_done_callback(lambda sent: sent.exception())
