"""A simulated link that behaves as another platform's stack does.

    link = PersonalLink(SimulatedLink([lamp]), Android(Overlap.DROPPED, statuses))

Knows where a platform differs: how an attempt fails, what a loss is called, what becomes of operations. The
habits stand in `android` and `core_bluetooth`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from gattkeeper.errors import LinkError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Characteristic
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.outcome import Phase
from gattkeeper.model.security import NO_DEMAND, Demand, Proof
from gattkeeper.runtime.asking import Asking
from gattkeeper.runtime.ports import ConnectionEvents, LinkConnection, LinkTraits, Sighting
from gattkeeper.world.simulated_connection import SimulatedConnection
from gattkeeper.world.simulated_link import SimulatedLink

AGAIN_S = 1.0
"""Pause before the device is looked for again by a platform whose attempts do not fail, in seconds."""


class PersonalConnection(LinkConnection, Protocol):
    """A connection with a platform's habits."""

    def claims(self, characteristic: Characteristic, payload: bytes) -> bool:
        """Whether the platform takes what was pushed for something else than a notification."""

    def ended(self, fault: Fault) -> None:
        """The connection is down: what still waits for an answer gets none."""


class Personality(Protocol):
    """A platform's habits."""

    def take(self, connection: SimulatedConnection) -> PersonalConnection:
        """The connection as the platform shows it."""

    def connect_fault(self, fault: Fault) -> Fault | None:
        """What the platform makes of an attempt that failed; None: it never says so, and goes on trying."""

    def lost_fault(self, fault: Fault) -> Fault:
        """What it says of a connection that is down."""


class PersonalLink:
    """Implements `ports.Link` over a simulated link, with a platform's habits. Rules and log are that link's."""

    def __init__(self, link: SimulatedLink, personality: Personality) -> None:
        self._link = link
        self._personality = personality

    @property
    def name(self) -> str:
        """The adapter's name."""
        return self._link.name

    @property
    def traits(self) -> LinkTraits:
        """What it can do."""
        return self._link.traits

    async def open(self, on_adapter: Callable[[bool, Fault | None], None]) -> None:
        """See `ports.Link`."""
        await self._link.open(on_adapter)

    async def connect(
        self, device: DeviceAddress, events: ConnectionEvents, demand: Demand = NO_DEMAND
    ) -> PersonalConnection:
        """Connect once. Raises LinkError, if the platform ever does."""
        ears = _Ears(events, self._personality)
        while True:
            try:
                ears.connection = self._personality.take(await self._link.connect(device, ears, demand))
            except LinkError as error:
                fault = self._personality.connect_fault(error.fault)
                if fault is not None:
                    raise LinkError(fault) from error
                await asyncio.sleep(AGAIN_S)
            else:
                return ears.connection

    def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        """See `ports.Link`."""
        return self._link.scan(duration_s)

    async def recover(self, rung: Rung, device: DeviceAddress) -> None:
        """See `ports.Link`."""
        await self._link.recover(rung, device)

    async def bonded(self, device: DeviceAddress) -> bool:
        """See `ports.Link`."""
        return await self._link.bonded(device)

    async def forget(self, device: DeviceAddress) -> None:
        """See `ports.Link`."""
        await self._link.forget(device)

    async def close(self) -> None:
        """See `ports.Link`."""
        await self._link.close()


class _Ears:
    """Implements `ports.ConnectionEvents`: hears the simulated connection, and tells as the platform would."""

    def __init__(self, events: ConnectionEvents, personality: Personality) -> None:
        self.connection: PersonalConnection | None = None
        self._events = events
        self._personality = personality

    def progress(self, phase: Phase) -> None:
        self._events.progress(phase)

    def sighted(self, sighting: Sighting) -> None:
        self._events.sighted(sighting)

    def notification(self, characteristic: Characteristic, payload: bytes) -> None:
        if self.connection is None or not self.connection.claims(characteristic, payload):
            self._events.notification(characteristic, payload)

    def updated(self, *, att_mtu: int | None = None, table: str | None = None) -> None:
        self._events.updated(att_mtu=att_mtu, table=table)

    def pairing(self, *, under_way: bool) -> None:
        self._events.pairing(under_way=under_way)

    def proved(self, proof: Proof) -> None:
        self._events.proved(proof)

    def asking(self) -> Asking | None:
        return self._events.asking()

    def lost(self, fault: Fault) -> None:
        named = self._personality.lost_fault(fault)
        if self.connection is not None:
            self.connection.ended(named)
        self._events.lost(named)
