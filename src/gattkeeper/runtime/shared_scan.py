"""One scan of an adapter for everybody who wants to hear it: begun with the first listener, ended with the last.

Knows listeners and the one scan they share. Two scans at once, or a scan across a connection attempt, cancel each
other on many adapters, or hang for ever: so there is one, and it pauses while its owner needs the radio.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from gattkeeper.runtime.ports import Sighting

SCAN_STOP_TIMEOUT_S = 10.0
"""How long a connection waits for a scan to stop: a link bounds that itself; this is the outer guard."""

SCAN_LENGTH_S = 3600.0
"""Longest single scan of a link. Then another one begins, for listeners who hear on."""

EARLY_S = 1.0
"""A scan may end so much before its time and count as whole."""

HEARD_MAX = 1_000
"""Sightings kept for a listener who is slow, later ones are dropped: they come again. Also how many devices are
remembered for listeners who join."""

RECENT_S = 15.0
"""How old the sightings may be that a listener who joins a running scan begins with. A stack that reports changes
only, as BlueZ does, would let it wait for the next one: BlueZ begins its discovery anew every 10.24 s."""

Scan = Callable[[float], AsyncGenerator[Sighting, None]]
"""`ports.Link.scan`: advertisements for so many seconds."""


class _Listener:
    """One who hears: sightings, then None, and what ended it too early."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Sighting | None] = asyncio.Queue(HEARD_MAX)
        self.error: BaseException | None = None

    def hear(self, sighting: Sighting) -> None:
        if not self.heard.full():
            self.heard.put_nowait(sighting)

    def end(self, error: BaseException | None = None) -> None:
        self.error = self.error or error
        if self.heard.full():
            self.heard.get_nowait()
        self.heard.put_nowait(None)


class SharedScan:
    """The scan of one link, shared."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self._listeners: set[_Listener] = set()
        self._recent: dict[str, tuple[float, Sighting]] = {}  # heard since there are listeners, oldest first
        self._running: asyncio.Task[None] | None = None  # the scan that is heard
        self._unfinished: set[asyncio.Task[None]] = set()  # that one, and those that come to their end
        self._one_scan = asyncio.Lock()
        self._pauses = 0

    async def listen(self, duration_s: float | None) -> AsyncGenerator[Sighting, None]:
        """Advertisements as they are heard, for so long from now on; None: until the caller has heard enough.

        Whoever joins a scan that runs begins with what it has heard of each device in the last `RECENT_S`. The
        time goes on in pauses. Raises what the link's scan raises.
        """
        loop = asyncio.get_running_loop()
        listener = _Listener()
        for heard_at, sighting in self._recent.values():
            if loop.time() - heard_at <= RECENT_S:
                listener.hear(sighting)
        self._listeners.add(listener)
        self._begin()
        end = None if duration_s is None else loop.call_later(duration_s, listener.end)
        try:
            while (heard := await listener.heard.get()) is not None:
                yield heard
        finally:
            if end is not None:
                end.cancel()
            await self._leave(listener)
        if listener.error is not None:
            raise listener.error

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """No scan while this block runs; one that was under way goes on afterwards."""
        self._pauses += 1
        self._stop()
        try:
            if self._unfinished:
                await asyncio.wait(self._unfinished, timeout=SCAN_STOP_TIMEOUT_S)
            yield
        finally:
            self._pauses -= 1  # a stop connects beside a mild rung
            self._begin()

    async def _leave(self, listener: _Listener) -> None:
        """The last one ends the scan, and is told if that fails."""
        try:
            if len(self._listeners) == 1:
                self._stop()
                if self._unfinished:
                    await asyncio.wait(self._unfinished)
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                self._recent.clear()
            self._begin()  # somebody may have come meanwhile

    def _begin(self) -> None:
        if self._listeners and not self._pauses and self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())
            self._unfinished.add(self._running)
            self._running.add_done_callback(self._ended)

    def _stop(self) -> None:
        """Once only: it may take a while, and a second cancel would break off what it does to end well."""
        if self._running is not None:
            self._running.cancel()
            self._running = None

    async def _run(self) -> None:
        """Scan after scan. A link that ends one before its time hears no more, and that is told."""
        loop = asyncio.get_running_loop()
        end_at = loop.time()
        async with self._one_scan:
            while loop.time() > end_at - EARLY_S:
                end_at = loop.time() + SCAN_LENGTH_S
                async with aclosing(self._scan(SCAN_LENGTH_S)) as sightings:
                    async for sighting in sightings:
                        self._hear(sighting)

    def _hear(self, sighting: Sighting) -> None:
        address = sighting.address.spelled
        self._recent.pop(address, None)
        self._recent[address] = (asyncio.get_running_loop().time(), sighting)
        if len(self._recent) > HEARD_MAX:
            del self._recent[next(iter(self._recent))]
        for listener in self._listeners:
            listener.hear(sighting)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._unfinished.discard(task)
        if self._running is task:
            self._running = None
        if not task.cancelled():
            for listener in self._listeners:
                listener.end(task.exception())
