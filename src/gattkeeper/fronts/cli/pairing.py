"""The questions of a pairing, as lines for the person at the terminal who asked for it.

Knows words and what is typed. Passkeys go to that terminal alone. How lines travel is `socket`'s business.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import nullcontext
from typing import Protocol

from gattkeeper.fronts.cli import frames
from gattkeeper.fronts.cli.style import clean
from gattkeeper.fronts.service import Service
from gattkeeper.model.command import Command
from gattkeeper.runtime.handle import Handle

YES = ("y", "yes")

Frames = AsyncGenerator[bytes, None]

_PROGRESS = frames.PROGRESS.encode()  # it would overwrite the question
_NO_PASSKEY = "that is no passkey: six digits are shown on the device"


class Person(Protocol):
    """Somebody at a terminal."""

    def say(self, text: str) -> None:
        """Show a line."""

    async def ask(self, text: str) -> str | None:
        """Show a question; what is typed, or None when nobody is there any more."""


class TerminalAgent:
    """Implements `runtime.asking.PairingAgent` by asking a person."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self.is_asking = False  # the question has the last line of the terminal

    async def display_passkey(self, device: str, passkey: int) -> None:
        """Passkey entry, on the device."""
        self._person.say(f"Type {passkey:06} on {clean(device)}.")

    async def request_passkey(self, device: str) -> int | None:
        """Passkey entry, here. What is no passkey is asked for again; an empty line gives up."""
        question = f"The passkey that {clean(device)} shows (nothing: do not pair):"
        while typed := await self._ask(question):
            if typed.isascii() and typed.isdigit() and len(typed) == 6:
                return int(typed)
            self._person.say(_NO_PASSKEY)
        return None

    async def confirm_passkey(self, device: str, passkey: int) -> bool:
        """Numeric comparison."""
        return await self._yes(f"Does {clean(device)} show {passkey:06}? [y/N]")

    async def confirm(self, device: str) -> bool:
        """Without a passkey."""
        return await self._yes(f"Pair without a passkey? Nothing proves then that this is {clean(device)}. [y/N]")

    async def _yes(self, question: str) -> bool:
        return (await self._ask(question)).lower() in YES

    async def _ask(self, question: str) -> str:
        self.is_asking = True
        try:
            return (await self._person.ask(question) or "").strip()
        finally:
            self.is_asking = False


async def paired(
    service: Service, command: Command, person: Person | None, until_outcome: Callable[[Handle], Frames]
) -> Frames:
    """Pair. Only the person who asked for it is asked; when that person goes away, so does the pairing."""
    keeper = service.keeper
    agent = None if person is None else TerminalAgent(person)
    with nullcontext() if agent is None else keeper.agents.on_behalf(keeper.book.name_of(command.device), agent):
        handle = await service.submissions.submit(command)
        try:
            yield frames.accepted(handle.id)
            async for frame in until_outcome(handle):
                if agent is None or not agent.is_asking or not frame.startswith(_PROGRESS):
                    yield frame
        finally:
            keeper.cancel(handle.id, origin=command.origin)
