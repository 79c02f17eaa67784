"""Scanning and connecting take turns on an adapter: a running scan pauses while a connection is made.

Knows a link that keeps this order. Two scans at once, or a scan across a connection attempt, cancel each
other on many adapters, or hang for ever.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial

from gattkeeper.errors import LinkError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.runtime.ports import ConnectionEvents, Link, LinkConnection, LinkTraits, Sighting

SCAN_STOP_TIMEOUT_S = 10.0
"""How long a connection waits for a scan to stop: a link bounds that itself; this is the outer guard."""

HEARD_MAX = 1_000
"""Sightings kept for a reader who is slow; later ones are dropped, they come again."""


class TurnTakingLink:
    """A `ports.Link` on which one scan runs at a time, and none while it connects."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._listening: asyncio.Task[None] | None = None
        self._pauses = 0
        self._may_scan = asyncio.Event()
        self._may_scan.set()
        self._one_scan = asyncio.Lock()

    @property
    def name(self) -> str:
        """See `ports.Link`."""
        return self._link.name

    @property
    def traits(self) -> LinkTraits:
        """See `ports.Link`."""
        return self._link.traits

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None:
        """See `ports.Link`."""
        await self._link.open(on_adapter)

    async def bonded(self, device: DeviceAddress) -> bool:
        """See `ports.Link`."""
        return await self._link.bonded(device)

    async def forget(self, device: DeviceAddress) -> None:
        """See `ports.Link`."""
        await self._link.forget(device)

    async def close(self) -> None:
        """See `ports.Link`."""
        await self._link.close()

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> LinkConnection:
        """See `ports.Link`; a scan that runs goes on afterwards."""
        async with self._no_scan():
            return await self._link.connect(device, events, demand)

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:
        """See `ports.Link`; a scan that runs goes on afterwards."""
        async with self._no_scan():
            await self._link.recover(rung, device)

    @asynccontextmanager
    async def _no_scan(self) -> AsyncIterator[None]:
        self._pauses += 1
        self._may_scan.clear()
        try:
            if self._listening is not None:
                self._listening.cancel()
                await asyncio.wait({self._listening}, timeout=SCAN_STOP_TIMEOUT_S)
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:  # a stop connects beside a mild rung
                self._may_scan.set()

    async def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """See `ports.Link`; the time counts from its turn among scans, and goes on while a connection is made."""
        loop = asyncio.get_running_loop()
        async with self._one_scan:
            end_at = loop.time() + duration_s
            while (rest_s := end_at - loop.time()) > 0:
                try:
                    async with asyncio.timeout(rest_s):
                        await self._may_scan.wait()
                except TimeoutError:
                    return
                heard: asyncio.Queue[Sighting | None] = asyncio.Queue(HEARD_MAX)
                self._listening = loop.create_task(self._listen(end_at - loop.time(), heard))
                self._listening.add_done_callback(partial(_say_over, heard))
                try:
                    while (sighting := await heard.get()) is not None:
                        yield sighting
                finally:
                    await _ended(self._listening)
                if not self._listening.cancelled():
                    _raise_fault(self._listening)
                    return  # it is over; one that was cancelled made room for a connection, and goes on

    async def _listen(self, duration_s: float, heard: "asyncio.Queue[Sighting | None]") -> None:
        """Fill the queue until the time is over or a connection takes its turn."""
        async with aclosing(self._link.scan(duration_s)) as sightings:
            async for sighting in sightings:
                if not heard.full():
                    heard.put_nowait(sighting)


def _say_over(heard: "asyncio.Queue[Sighting | None]", _task: "asyncio.Task[None]") -> None:
    """None says that the scan is over: also of one that was cancelled before its first step."""
    if heard.full():
        heard.get_nowait()
    heard.put_nowait(None)


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait({task})


def _raise_fault(task: "asyncio.Task[None]") -> None:
    """Raise the LinkError that ended a scan, if one did."""
    error = task.exception()
    if isinstance(error, LinkError):
        raise error
