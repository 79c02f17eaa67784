"""The scripted BlueZ's agents: who registered one, and what a pairing asks of it.

Knows AgentManager1 and Agent1 as BlueZ plays them: the agent of the bus connection that calls Pair is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dbus_fast import Message, MessageType

from fake_bluez.device import FakeDevice, Question
from fake_bluez.refusals import BLUEZ_ERROR, Refused

AGENT = "org.bluez.Agent1"
MANAGER = "org.bluez.AgentManager1"


class Agents:
    """`registered` has each agent's path and capability by the bus name of its owner."""

    def __init__(self, ask: Callable[[Message], Awaitable[Message]]) -> None:
        self.registered: dict[str, tuple[str, str]] = {}
        self.capabilities: list[str] = []  # of every agent there ever was
        self.answers: list[Message] = []
        self._ask = ask
        self._pairing: dict[str, asyncio.Future[None]] = {}  # by the device's path

    def manage(self, message: Message) -> None:
        """A call of AgentManager1."""
        assert message.member == "RegisterAgent", "no other agent is to be asked instead of ours"
        self.registered[message.sender] = (message.body[0], message.body[1])
        self.capabilities.append(message.body[1])

    async def pair(self, device: FakeDevice, message: Message) -> None:
        """A call of Pair: ask what the device wants to know. Raises Refused."""
        if device.paired:
            raise Refused(f"{BLUEZ_ERROR}AlreadyExists", "Already Exists")
        if device.pairing_refused:
            raise Refused(f"{BLUEZ_ERROR}AuthenticationFailed", "Authentication Failed")
        path, sender = message.path, message.sender
        cancelled = self._pairing[path] = asyncio.get_running_loop().create_future()
        asking = asyncio.ensure_future(self._ask_all(sender, path, device.questions))
        try:
            await asyncio.wait((asking, cancelled), return_when=asyncio.FIRST_COMPLETED)
            if cancelled.done():
                asking.cancel()
                await self._call(sender, "Cancel", "", [])
                raise Refused(f"{BLUEZ_ERROR}AuthenticationCanceled", "Authentication Canceled")
            asking.result()
        finally:
            asking.cancel()
            del self._pairing[path]
        device.paired = True

    def cancel(self, message: Message) -> None:
        """A call of CancelPairing. Raises Refused."""
        pending = self._pairing.get(message.path)
        if pending is None:
            raise Refused(f"{BLUEZ_ERROR}DoesNotExist", "Does Not Exist")
        pending.set_result(None)

    async def ask(self, sender: str, question: Question, path: str) -> Message:
        """Ask the agent of that bus connection about a device."""
        return await self._call(sender, question.member, "o" + question.signature, [path, *question.body])

    async def _ask_all(self, sender: str, path: str, questions: tuple[Question, ...]) -> None:
        for question in questions:
            if self.registered[sender][1] == "NoInputNoOutput":
                raise Refused(f"{BLUEZ_ERROR}AuthenticationFailed", "Authentication Failed")
            answer = await self.ask(sender, question, path)
            if answer.message_type is MessageType.ERROR:
                raise Refused(f"{BLUEZ_ERROR}AuthenticationRejected", "Authentication Rejected")
            if answer.body != question.answer:
                raise Refused(f"{BLUEZ_ERROR}AuthenticationFailed", "Authentication Failed")

    async def _call(self, sender: str, member: str, signature: str, body: list[Any]) -> Message:
        path, _ = self.registered[sender]
        call = Message(
            destination=sender, path=path, interface=AGENT, member=member, signature=signature, body=body
        )
        self.answers.append(await self._ask(call))
        return self.answers[-1]
