"""A connection that carries lines both ways, on an event loop: each is given on as soon as it is whole.

Knows bytes and where a line ends. No task stands between the socket and whoever waits for an answer.
"""

import asyncio
from collections.abc import Callable

LINE_BYTES_MAX = 16 * 1024 * 1024
"""Longest line that is read: sixteen times what the daemon holds for a client."""


class Lines(asyncio.Protocol):
    """`take` gets each line without its end, and raises ValueError for what is none. `over` hears of the end.

    After one that is none, or is too long, the connection is over.
    """

    def __init__(self, take: Callable[[bytes], None], over: Callable[[], None]) -> None:
        self._take = take
        self._over = over
        self._begun = bytearray()  # of a line that is not whole yet
        self._room = asyncio.Event()
        self._room.set()
        self._ended = asyncio.Event()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a stream socket
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = bytes(self._begun) + lines[0]
            self._begun.clear()
        self._begun += rest
        try:
            for line in lines:
                self._take(line)
            fits = len(self._begun) <= LINE_BYTES_MAX
        except ValueError:
            fits = False
        if not fits:
            self._transport.abort()

    def pause_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._room.clear()

    def resume_writing(self) -> None:
        """See `asyncio.BaseProtocol`."""
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever it was, it is over
        """See `asyncio.BaseProtocol`."""
        self._ended.set()
        self._room.set()
        self._over()

    def write(self, line: bytes) -> None:
        """Send a line, or hold it for later. A connection that is over swallows it."""
        self._transport.write(line + b"\n")

    async def room(self) -> None:
        """Wait until what is held has mostly gone out, or nothing will any more."""
        await self._room.wait()

    async def close(self) -> None:
        """Read nothing more, send what is held, and wait until that is so; more than once is the same as once."""
        self._transport.close()
        await self._ended.wait()
