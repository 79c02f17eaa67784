"""The questions of a pairing as JSON, to the client that asked for the pairing and to no other.

Knows their form: {"question": "request_passkey"} and the like, answered by an `answer` with the same id.
"""

import asyncio
from collections.abc import Callable

from gattkeeper.errors import InvalidCommandError, UsageError
from gattkeeper.fronts.answers import Answer
from gattkeeper.fronts.socket import requests


class WireAgent:
    """Implements `runtime.asking.PairingAgent` for one request."""

    def __init__(self, send: Callable[[Answer], None]) -> None:
        self._send = send
        self._open: asyncio.Future[requests.Answer] | None = None
        self._wants_passkey = False

    async def display_passkey(self, device: str, passkey: int) -> None:
        """Needs no answer."""
        self._send({"question": "display_passkey", "device": device, "passkey": f"{passkey:06}"})

    async def request_passkey(self, device: str) -> int | None:
        """Answered by a passkey of six digits, null to give up."""
        answer = await self._ask({"question": "request_passkey", "device": device}, wants_passkey=True)
        return None if answer.passkey is None else int(answer.passkey)

    async def confirm_passkey(self, device: str, passkey: int) -> bool:
        """Answered by yes: true or false."""
        return await self._yes({"question": "confirm_passkey", "device": device, "passkey": f"{passkey:06}"})

    async def confirm(self, device: str) -> bool:
        """Answered by yes: true or false."""
        return await self._yes({"question": "confirm", "device": device})

    def take(self, answer: requests.Answer) -> None:
        """The client's answer. Raises UsageError: nothing was asked, or this is no answer to it."""
        if self._open is None or self._open.done():
            raise UsageError("nothing is asked at the moment")
        passkey = answer.passkey
        if self._wants_passkey == (answer.yes is not None) or (not self._wants_passkey and passkey is not None):
            wanted = "`passkey`: six digits or null" if self._wants_passkey else "`yes`: true or false"
            raise InvalidCommandError(f"this question is answered by {wanted}")
        if passkey is not None and not (passkey.isascii() and passkey.isdigit() and len(passkey) == 6):
            raise InvalidCommandError("a passkey has six digits")
        self._open.set_result(answer)

    async def _yes(self, question: Answer) -> bool:
        return bool((await self._ask(question, wants_passkey=False)).yes)

    async def _ask(self, question: Answer, *, wants_passkey: bool) -> requests.Answer:
        self._open = asyncio.get_running_loop().create_future()
        self._wants_passkey = wants_passkey
        try:
            self._send(question)
            return await self._open
        finally:
            self._open = None
