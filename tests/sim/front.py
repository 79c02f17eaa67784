"""The socket front in a simulation: its real connections, each over a pair of sockets in this process.

Knows callers and what they read. Nothing listens, for the kernel's word on who calls (a process id) is another one
each time; everything after that is the front's own. Data on such a pair is there at once, so virtual time is safe.
"""

import asyncio
import json
import socket
from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import replace

from gattkeeper.fronts.service import Service, Submissions
from gattkeeper.fronts.socket.connection import LINE_BYTES_MAX, Connection
from gattkeeper.fronts.socket.output import Output
from gattkeeper.model.command import Command, Origin
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.telemetry.timeline import Timeline

HISTORY_MAX = 100

NOT_THE_CALLERS = ("id", "origin", "stop", "may_bypass", "fanout")
"""What a caller may not say of its command."""


class Caller:
    """One client on its connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def say(self, line: bytes) -> None:
        """Send bytes, a whole line or less."""
        if not self._writer.is_closing():
            self._writer.write(line)

    async def hear(self) -> dict[str, Any] | None:
        """The next answer; None when the front has gone away."""
        with suppress(ConnectionError):
            line = await self._reader.readline()
            return json.loads(line) if line else None
        return None

    def hang_up(self) -> None:
        """Say nothing more, and read the answers, as `socat` does."""
        with suppress(OSError):
            self._writer.write_eof()

    def crash(self) -> None:
        """Be gone from one moment to the next."""
        self._writer.transport.abort()


class Front:
    """A front before one keeper."""

    def __init__(self, keeper: Keeper, timeline: Timeline) -> None:
        self.service = Service(
            keeper=keeper,
            submissions=Submissions(keeper),
            timeline=timeline,
            now_us=lambda: int(asyncio.get_running_loop().time() * 1_000_000),
        )
        self._served: dict[asyncio.Task[None], None] = {}  # in their order, as sets have none
        self._callers: dict[Caller, None] = {}
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, who: Origin) -> Caller:
        """Somebody comes in."""
        here, there = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=here, limit=LINE_BYTES_MAX)
        self._writers = [*(one for one in self._writers if not one.is_closing()), writer]
        origin = replace(who, front="socket")
        serving = Connection(self.service, origin, reader, writer, output=Output(writer.transport)).serve()
        task = asyncio.get_running_loop().create_task(serving)
        self._served[task] = None
        task.add_done_callback(self._served.pop)
        caller = Caller(*await asyncio.open_connection(sock=there, limit=2**24))
        self._callers[caller] = None
        return caller

    def leave(self, caller: Caller) -> None:
        """A caller is gone."""
        caller.crash()
        self._callers.pop(caller, None)

    def die(self) -> int:
        """The front ends in the middle of everything, and is back at once; how many it sent away."""
        served = list(self._served)
        for task in served:
            task.cancel()
        return len(served)

    async def close(self) -> None:
        """Nobody is there any more, on either side."""
        self.die()
        await asyncio.gather(*self._served, return_exceptions=True)
        for caller in list(self._callers):
            self.leave(caller)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)  # transports let go of their sockets a moment later


def submit_line(command: Command, *, wait: bool) -> bytes:
    """A request for a command as the model spells it."""
    said = {key: value for key, value in msgspec.to_builtins(command).items() if key not in NOT_THE_CALLERS}
    return line({"verb": "submit", "command": said, "wait": wait})


def line(request: dict[str, Any]) -> bytes:
    """A request as it goes over the wire."""
    return json.dumps(request | {"id": 1}).encode() + b"\n"
