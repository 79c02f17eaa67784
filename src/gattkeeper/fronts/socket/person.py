"""The person at the other end of a command line: questions out, typed lines back.

Knows two kinds of lines. What is asked stands in `fronts.cli.pairing`.
"""

import asyncio
from collections.abc import Callable
from itertools import count

import msgspec

from gattkeeper.fronts.cli import frames


class TypingPerson:
    """Implements `fronts.cli.pairing.Person` on a connection that nobody else reads."""

    def __init__(self, reader: asyncio.StreamReader, write: Callable[[bytes], None]) -> None:
        self._reader = reader
        self._write = write
        self._numbers = count(1)

    def say(self, text: str) -> None:
        """Show a line."""
        self._write(frames.err(text))

    async def ask(self, text: str) -> str | None:
        """Show a question; what is typed. None: end of input, the client is gone, or it makes no sense."""
        number = next(self._numbers)
        self._write(frames.question(number, text))
        while True:
            try:
                line = await self._reader.readline()
                to, typed = msgspec.json.decode(line, type=tuple[int, str | None])
            except (ConnectionError, ValueError, msgspec.MsgspecError):
                return None
            if to == number:  # an answer may cross the end of its question
                return typed
