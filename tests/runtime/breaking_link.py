"""A link that breaks the promises of its port: what a bad day of a real stack looks like from above.

Knows the port. Named methods misbehave; everything else is the simulated link's.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable

from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Service
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Operation
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.model.security import NO_DEMAND, Demand
from gattkeeper.runtime.ports import ConnectionEvents, LinkConnection, LinkTraits, Sighting
from gattkeeper.world import SimulatedLink


async def ignore_cancels(seconds: float) -> None:
    """Go on for so long, whoever says stop."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while (left := until - loop.time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue


class StubbornLink:
    """Implements `ports.Link`. Each length is for how many seconds a call ignores everything."""

    def __init__(
        self,
        link: SimulatedLink,
        *,
        connect_s: float = 0,
        perform_s: float = 0,
        disconnect_s: float = 0,
        close_s: float = 0,
    ) -> None:
        self._link = link
        self._connect_s = connect_s
        self._perform_s = perform_s
        self._disconnect_s = disconnect_s
        self._close_s = close_s

    @property
    def name(self) -> str:
        return self._link.name

    @property
    def traits(self) -> LinkTraits:
        return self._link.traits

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None:
        await self._link.open(on_adapter)

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> LinkConnection:
        seconds, self._connect_s = self._connect_s, 0  # the first time only
        await ignore_cancels(seconds)
        connection = await self._link.connect(device, events, demand)
        return StubbornConnection(connection, perform_s=self._perform_s, disconnect_s=self._disconnect_s)

    def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        return self._link.scan(duration_s)

    async def close(self) -> None:
        await ignore_cancels(self._close_s)
        await self._link.close()


class StubbornConnection:
    """Implements `ports.LinkConnection`."""

    def __init__(self, connection: LinkConnection, *, perform_s: float, disconnect_s: float) -> None:
        self._connection = connection
        self._perform_s = perform_s
        self._disconnect_s = disconnect_s

    @property
    def att_mtu(self) -> int:
        return self._connection.att_mtu

    @property
    def services(self) -> tuple[Service, ...]:
        return self._connection.services

    async def perform(self, operation: Operation) -> AnswerValue:
        await ignore_cancels(self._perform_s)
        return await self._connection.perform(operation)

    async def disconnect(self, *, quick: bool = False) -> str:
        await ignore_cancels(self._disconnect_s)
        return await self._connection.disconnect(quick=quick)
