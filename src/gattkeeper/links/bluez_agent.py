"""Pairing through BlueZ with an agent of our own, there for one pairing and for no other program's.

Knows AgentManager1, Agent1 and Device1.Pair (src/agent.c and src/device.c of BlueZ). It asks the agent of the bus
connection that calls Pair: so each pairing has a connection of its own, and its agent ends with it, is never the
default agent, and after a restart of bluetoothd there is nothing to register again. What a device begins by itself
goes to the system's default agent, if there is one. The device is not made trusted.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from bleak.exc import BleakDBusError
from dbus_fast import Message, MessageType
from dbus_fast.aio.message_bus import MessageBus

from gattkeeper.errors import LinkError
from gattkeeper.links.bluez_call import ask, own_bus
from gattkeeper.links.bluez_watch import BLUEZ, BUS, DEVICE
from gattkeeper.links.pairing_faults import declined
from gattkeeper.runtime.asking import Asking

AGENT = "org.bluez.Agent1"
PATH = "/gattkeeper/agent"
CANCEL_S = 2.0
"""How long BlueZ may take to forget a pairing that was given up, in seconds."""

MANAGER = "org.bluez.AgentManager1"
_ALREADY = "org.bluez.Error.AlreadyExists"
REJECTED = "org.bluez.Error.Rejected"
_CANCELED = "org.bluez.Error.Canceled"

Reply = tuple[str, list[Any]]
"""Signature and body; `_Refusal` instead of one is an error."""


class _Refusal(Exception):  # noqa: N818 - an answer, which is a D-Bus error
    """Answer with the error of this name."""


async def pair(device_path: str, asking: Asking | None) -> None:
    """Pair with one of BlueZ's devices, and keep the bond; nothing where there is one already.

    Without anybody to ask, only a pairing without a passkey comes about. When cancelled, BlueZ is told so. Raises
    LinkError when it was declined here, and what Bleak's own calls raise.
    """
    async with own_bus() as bus:
        agent = _Agent(bus, await owner(bus), device_path, asking)
        bus.add_message_handler(agent.on_message)
        try:
            await _pair(bus, agent, device_path)
        finally:
            agent.close()


async def _pair(bus: MessageBus, agent: "_Agent", device_path: str) -> None:
    await ask(bus, "/org/bluez", MANAGER, "RegisterAgent", "os", [PATH, agent.capability])
    try:
        await ask(bus, device_path, DEVICE, "Pair")
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CANCEL_S):
                await ask(bus, device_path, DEVICE, "CancelPairing")
        raise
    except BleakDBusError as error:
        if error.dbus_error == _ALREADY:
            return
        if agent.declined:
            raise LinkError(declined()) from error
        raise


class _Agent:
    """Answers BlueZ, and nobody else on the bus, about one device."""

    def __init__(self, bus: MessageBus, bluez: str, device_path: str, asking: Asking | None) -> None:
        self._bus = bus
        self._bluez = bluez
        self._device_path = device_path
        self._asking = asking
        self._shown: int | None = None
        self._questions: set[asyncio.Task[None]] = set()
        self.declined = False

    @property
    def capability(self) -> str:
        """What we can do, as BlueZ calls it."""
        return "NoInputNoOutput" if self._asking is None else "KeyboardDisplay"

    def on_message(self, message: Message) -> bool | None:
        """Take a call of BlueZ's; what it asks a person is answered later."""
        if message.message_type is not MessageType.METHOD_CALL or message.path != PATH:
            return None
        if message.sender != self._bluez or message.interface != AGENT:
            self._send(Message.new_error(message, "org.freedesktop.DBus.Error.AccessDenied", "not for you"))
        elif message.member in ("Cancel", "Release"):
            self.close()
            self._send(Message.new_method_return(message))
        else:
            question = asyncio.ensure_future(self._answer(message))
            self._questions.add(question)
            question.add_done_callback(self._questions.discard)
        return True

    def close(self) -> None:
        """Nobody needs an answer any more."""
        for question in self._questions:
            question.cancel()

    async def _answer(self, message: Message) -> None:
        try:
            signature, body = await self._reply(message)
            answer = Message.new_method_return(message, signature, body)
        except _Refusal as refusal:
            answer = Message.new_error(message, str(refusal), "")
        except asyncio.CancelledError:
            self._send(Message.new_error(message, _CANCELED, ""))
            raise
        self._send(answer)

    async def _reply(self, message: Message) -> Reply:
        """Raises `_Refusal`: also for another device, a PIN of classic Bluetooth, and a service of ours."""
        asking = self._asking
        if asking is None or not message.body or message.body[0] != self._device_path:
            raise _Refusal(REJECTED)
        match message.member, message.body:
            case "RequestPasskey", [_]:
                return "u", [await self._wanted(asking.request_passkey())]
            case "DisplayPasskey", [_, passkey, _]:
                await self._show(asking, passkey)  # comes again with each digit that is typed on the device
            case "RequestConfirmation", [_, passkey]:
                await self._wanted(_yes(asking.confirm_passkey, passkey))
            case "RequestAuthorization", [_]:
                await self._wanted(_yes(asking.confirm))
            case _:
                raise _Refusal(REJECTED)
        return "", []

    async def _wanted(self, question: Awaitable[int | None]) -> int:
        answer = await question
        if answer is None:
            self.declined = True
            raise _Refusal(REJECTED)
        return answer

    async def _show(self, asking: Asking, passkey: int) -> None:
        if passkey != self._shown:
            self._shown = passkey
            showing = asyncio.ensure_future(asking.display_passkey(passkey))
            self._questions.add(showing)
            showing.add_done_callback(self._questions.discard)

    def _send(self, message: Message) -> None:
        if self._bus.connected:
            self._bus.send(message).add_done_callback(lambda sent: sent.exception())


async def _yes(question: Callable[..., Awaitable[bool]], *about: int) -> int | None:
    return 1 if await question(*about) else None


async def owner(bus: MessageBus) -> str:
    """The bus name of bluetoothd: who else calls us is no business of ours."""
    reply = await ask(bus, "/org/freedesktop/DBus", BUS, "GetNameOwner", "s", [BLUEZ], destination=BUS)
    return str(reply.body[0])
