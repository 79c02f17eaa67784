"""The way out of one connection, with a bound: who does not read is dropped, and nobody else notices.

Knows bytes and time. What they say is not its business.
"""

import asyncio

OUTPUT_BYTES_MAX = 1024 * 1024
"""Most bytes held for a client that is slow to read."""

STALL_S_MAX = 10.0
"""Longest time in which a client with something to read may read nothing."""


class Output:
    """Writes without waiting; aborts the connection when its bounds are passed."""

    def __init__(
        self,
        transport: asyncio.WriteTransport,
        *,
        bytes_max: int = OUTPUT_BYTES_MAX,
        stall_s_max: float = STALL_S_MAX,
    ) -> None:
        self._transport = transport
        self._bytes_max = bytes_max
        self._stall_s_max = stall_s_max
        self._written = 0
        self._timer: asyncio.TimerHandle | None = None

    def write(self, chunk: bytes) -> None:
        """Send, or hold for later. A closed connection swallows it."""
        if self._transport.is_closing():
            return
        self._transport.write(chunk)
        self._written += len(chunk)
        held = self._transport.get_write_buffer_size()
        if held > self._bytes_max:
            self.cut()
        elif held and self._timer is None:
            self._watch(self._written - held)

    def cut(self) -> None:
        """Take the connection down; what is held is lost."""
        self.release()
        self._transport.abort()

    def release(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self, read_so_far: int) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._stall_s_max, self._check, read_so_far)

    def _check(self, read_before: int) -> None:
        self._timer = None
        held = self._transport.get_write_buffer_size()
        read_so_far = self._written - held
        if held and read_so_far == read_before:
            self.cut()
        elif held:
            self._watch(read_so_far)
