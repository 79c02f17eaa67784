"""Scanning and connecting take turns on an adapter: a running scan pauses while a connection is made.

Knows a link that keeps this order. Who hears the scan is the business of `shared_scan`.
"""

from collections.abc import AsyncGenerator, Callable

from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.runtime.ports import ConnectionEvents, Link, LinkConnection, LinkTraits, Sighting
from gattkeeper.runtime.shared_scan import SharedScan


class TurnTakingLink:
    """A `ports.Link` on which one scan runs at a time, for all who listen, and none while it connects."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._scan = SharedScan(link.scan)

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
        async with self._scan.paused():
            return await self._link.connect(device, events, demand)

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:
        """See `ports.Link`; a scan that runs goes on afterwards."""
        async with self._scan.paused():
            await self._link.recover(rung, device)

    def scan(self, duration_s: float | None) -> AsyncGenerator[Sighting, None]:
        """See `ports.Link`; all who listen hear the same scan. None: until the caller has heard enough."""
        return self._scan.listen(duration_s)
