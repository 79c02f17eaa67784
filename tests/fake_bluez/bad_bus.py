"""A system bus that lets everybody in and is of no use then."""

import asyncio
import contextlib
from pathlib import Path
from typing import Self


class BadBus:
    """Lets everybody in, and then says nothing, or hangs up."""

    def __init__(self, path: str, *, hangs_up: bool) -> None:
        self._path = path.removeprefix("unix:path=")
        self._hangs_up = hangs_up
        self.visits: asyncio.Queue[None] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()
        Path(self._path).unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            while (line := await reader.readline()) and not line.startswith(b"BEGIN"):
                granted = b"OK 0123456789abcdef0123456789abcdef" if b"AUTH" in line else b"AGREE_UNIX_FD"
                writer.write(granted + b"\r\n")
            self.visits.put_nowait(None)
            while not self._hangs_up and await reader.read(4096):
                pass
