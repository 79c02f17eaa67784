"""The packets of one connection that the adapter still has to send: a sender waits here until they are few.

Knows Bumble's packet queue. An adapter says when packets have left (Number Of Completed Packets; Core
Specification, Vol 4, Part E, 4.1.1); Bumble's own writes without response do not wait for it, and pile up.
"""

import asyncio

from bumble.device import Connection

PACKETS_MAX = 2
"""Packets that may be left when a write without response counts as taken: so much is ahead of the next one.

Few, because an emergency stop is one of those that come next; not none, so that a connection event is not left
empty while the next write is on its way.
"""


class Backlog:
    """The backlog of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._handle = connection.handle
        self._queue = connection.data_packet_queue
        self._moved = asyncio.Event()
        self._over = False
        self._queue.on("flow", self._moved.set)

    @property
    def packets(self) -> int:
        """How many of this connection's packets have not left the adapter; others' do not count."""
        # Bumble counts in public for all connections together only: a stalled one would hold up the rest.
        sent = self._queue._connection_state.get(self._handle)  # noqa: SLF001
        queued: int = sum(handle == self._handle for _, handle in self._queue._packets)  # noqa: SLF001
        return queued + int(sent.in_flight) if sent is not None else queued

    async def until_short(self) -> None:
        """Wait until few are left, or the connection is over."""
        while self.packets > PACKETS_MAX and not self._over:
            self._moved.clear()
            await self._moved.wait()

    def close(self) -> None:
        """The connection is over: nobody waits any more.

        What it had in the adapter's buffers is free then (Vol 4, Part E, 4.1.1). Bumble counts it so, but sends
        what others have waiting only when one of them has more to send.
        """
        self._over = True
        self._queue.remove_listener("flow", self._moved.set)
        self._moved.set()
        asyncio.get_running_loop().call_soon(self._queue._check_queue)  # noqa: SLF001 - after Bumble has counted
