"""The listening side of the Unix socket: who may come in, and how many at a time.

Knows peers and connections. What a connection says is `connection`'s business.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from gattkeeper.fronts.answers import error_answer
from gattkeeper.fronts.denials import Denials
from gattkeeper.fronts.service import Service, Submissions
from gattkeeper.fronts.socket.connection import LINE_BYTES_MAX, Connection
from gattkeeper.fronts.socket.output import Output
from gattkeeper.fronts.socket.place import Peer, identity_of, listen, peer_of, remove
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.telemetry.timeline import Timeline

CONNECTIONS_MAX = 64
"""Clients at a time."""

STOP_CONNECTIONS_MAX = 8
"""Clients beyond that which are served a stop and nothing else: a stop has a reserved place."""


def monotonic_us() -> int:
    """The clock of the machine that the keeper's moments are on."""
    return time.monotonic_ns() // 1000


class SocketFront:
    """Serves the keeper on a Unix socket at `path`.

    The user it runs as and root are served, and the users of `allowed_uids`. While others are
    allowed the socket is open to all (mode 0666) and the kernel's word on the peer decides.
    """

    def __init__(
        self,
        keeper: Keeper,
        path: Path,
        *,
        timeline: Timeline,
        allowed_uids: Iterable[int] = (),
        now_us: Callable[[], int] = monotonic_us,
    ) -> None:
        self._path = path
        self._submissions = Submissions(keeper)
        self._service = Service(keeper=keeper, submissions=self._submissions, timeline=timeline, now_us=now_us)
        self._denials = Denials(keeper.note, now_us)
        own = {0, os.geteuid()}
        self._allowed = frozenset({*own, *allowed_uids})
        self._shared = self._allowed != own
        self._served: dict[asyncio.Task[None], bool] = {}  # whether it takes one of the ordinary places
        self._server: asyncio.Server | None = None
        self._identity = (0, 0)

    async def start(self) -> None:
        """Make the socket and listen. Raises SettingsError with what is in the way."""
        listening = listen(self._path, shared=self._shared)
        self._identity = identity_of(self._path)
        self._server = await asyncio.start_unix_server(self._came, sock=listening, limit=LINE_BYTES_MAX)

    async def close(self) -> None:
        """Stop listening and send everybody away; what they submitted goes on."""
        if self._server is None:
            return
        self._server.close()
        served = list(self._served)
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)
        await self._submissions.drain()
        remove(self._path, self._identity)
        self._server = None

    def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client connected: start serving it, or say why not."""
        peer = peer_of(writer.get_extra_info("socket"))
        if peer.uid not in self._allowed:
            message = f"user {peer.name} is not served here: ask the daemon's owner to list uid {peer.uid}"
            _send_away(writer, "not_allowed", message)
            self._denials.add(peer.origin(), "not among the users who are served on the socket")
            return
        ordinary = sum(self._served.values())
        has_place = ordinary < CONNECTIONS_MAX
        if not has_place and len(self._served) - ordinary >= STOP_CONNECTIONS_MAX:
            _send_away(writer, "too_many_connections", _CROWDED)
            return
        task = asyncio.get_running_loop().create_task(self._serve(peer, reader, writer, has_place=has_place))
        self._served[task] = has_place
        task.add_done_callback(self._served.pop)

    async def _serve(
        self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, has_place: bool
    ) -> None:
        connection = Connection(
            self._service,
            peer.origin(),
            reader,
            writer,
            output=Output(writer.transport),
            only_stop="" if has_place else _CROWDED,
        )
        await connection.serve()


_CROWDED = f"{CONNECTIONS_MAX} clients are connected, which is the limit: try again later"


def _send_away(writer: asyncio.StreamWriter, code: str, message: str) -> None:
    """One error without a request, then the end."""
    writer.write(msgspec.json.encode({"id": None, **error_answer(code, message)}) + b"\n")
    writer.close()
