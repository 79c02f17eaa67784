"""What the link contract asks of a bench: one link, one device of a known layout, and ways to hurt both.

Knows no stack. A bench joins a link to whatever plays its device; the checks see only this file.
"""

import asyncio
from collections.abc import Mapping
from enum import Enum
from typing import Protocol

import pytest
from msgspec import Struct

from gattkeeper.model.fault import Fault
from gattkeeper.model.gatt import Characteristic, Property
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.outcome import Phase
from gattkeeper.runtime.asking import Asking, PairingAgent
from gattkeeper.runtime.ports import Link, LinkConnection, Sighting

SERVICE = "f0c0a000-8f2b-4b5e-9d3c-6a1e5d2c7b00"
VALUE = "f0c0a001-8f2b-4b5e-9d3c-6a1e5d2c7b00"
SECOND = "f0c0a002-8f2b-4b5e-9d3c-6a1e5d2c7b00"
CONSTANT = "f0c0a003-8f2b-4b5e-9d3c-6a1e5d2c7b00"
TICKS = "f0c0a004-8f2b-4b5e-9d3c-6a1e5d2c7b00"
ALARM = "f0c0a005-8f2b-4b5e-9d3c-6a1e5d2c7b00"
TWIN = "f0c0a006-8f2b-4b5e-9d3c-6a1e5d2c7b00"
OTHER_SERVICE = "f0c0a100-8f2b-4b5e-9d3c-6a1e5d2c7b00"
MISSING = "f0c0afff-8f2b-4b5e-9d3c-6a1e5d2c7b00"

_READ_WRITE = Property.READ | Property.WRITE | Property.WRITE_WITHOUT_RESPONSE


class LaidOut(Struct, frozen=True):
    """One characteristic of the device under test."""

    uuid: str
    properties: Property
    value: bytes


LAYOUT: Mapping[str, tuple[LaidOut, ...]] = {
    SERVICE: (
        LaidOut(VALUE, _READ_WRITE, b"first"),
        LaidOut(SECOND, _READ_WRITE, b"second"),
        LaidOut(CONSTANT, Property.READ, b"constant"),
        LaidOut(TICKS, Property.READ | Property.NOTIFY, b""),
        LaidOut(ALARM, Property.READ | Property.INDICATE, b""),
        LaidOut(TWIN, Property.READ, b"twin of the first service"),
    ),
    OTHER_SERVICE: (LaidOut(TWIN, Property.READ, b"twin of the other service"),),
}
"""The device's services by UUID. TWIN is in both of them; MISSING is in none."""

PASSKEY = 12_034
"""What the device shows when it is paired."""


class Panel(Enum):
    """What the device has for people."""

    SHOWS = "shows"  # a display
    TYPES = "types"  # keys
    COMPARES = "compares"  # a display, and a key for yes


LIMIT_S = 20.0
"""Within this time everything that must happen has happened: longer than a polite disconnect on any stack."""


class LinkBench(Protocol):
    """One open link and its device. Provocations last until `heal`, or until the bench is closed.

    A provocation that the bench has no means for is named in `cannot`, with the reason; the checks that need
    it are skipped. Nothing is ever pretended.
    """

    link: Link
    adapter_log: "AdapterLog"  # what the link was opened with
    address: DeviceAddress  # of the device; it has LAYOUT, and it advertises
    patience_s: float  # for so long something that must not happen is waited for
    cannot: Mapping[str, str]  # name of a provocation -> why this bench cannot do it

    def applied(self) -> list[tuple[str, bytes]]:
        """The device's own log: (characteristic UUID, payload) of every write it carried out, in order."""

    async def until_applied(self, count: int) -> None:
        """Wait until that log has so many entries."""

    async def until_asked(self) -> None:
        """Wait until a request is with the device, unanswered. Only while silenced or delayed."""

    async def until_connected(self) -> None:
        """Wait until the device has a connection."""

    async def until_disconnected(self) -> None:
        """Wait until the device has no connection."""

    async def notify(self, uuid: str, payload: bytes) -> None:
        """The device sends a notification or an indication, to whoever subscribed."""

    async def silence_responses(self) -> None:
        """Provoke: the device carries requests out and never answers."""

    async def delay_responses(self, delay_s: float) -> None:
        """Provoke: the device answers requests so much later."""

    async def att_error(self, code: int) -> None:
        """Provoke: the device refuses every request with this ATT error."""

    async def lose_link(self) -> None:
        """Provoke: the connection breaks down (supervision time-out)."""

    async def lose_link_in_discovery(self) -> None:
        """Provoke: the next connection comes up and breaks down before its services are discovered."""

    async def stop_advertising(self) -> None:
        """Provoke: the device is out of reach."""

    async def vanish_adapter(self) -> None:
        """Provoke: the adapter is gone, with everything on it."""

    async def return_adapter(self) -> None:
        """Undo `vanish_adapter`."""

    async def panel(self, panel: "Panel", typed: asyncio.Future[int]) -> None:
        """Provoke: the device pairs with PASSKEY only; `typed` is what a person types on it, where one does."""

    async def heal(self) -> None:
        """Undo silence, delay, errors and missing advertisements."""


class AdapterLog:
    """What a link says about its adapter."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[tuple[bool, Fault | None]] = asyncio.Queue()

    def __call__(self, up: bool, fault: Fault | None) -> None:
        self.said.put_nowait((up, fault))


class ConnectionLog:
    """What a connection says about itself."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []
        self.notifications: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.losses: list[Fault] = []
        self.news: asyncio.Queue[tuple[int | None, str | None]] = asyncio.Queue()
        self.pairings: list[bool] = []
        self.agent: PairingAgent | None = None
        self.sightings: list[Sighting] = []
        self._down = asyncio.Event()

    def progress(self, phase: Phase) -> None:
        self.phases.append(phase)

    def sighted(self, sighting: Sighting) -> None:
        self.sightings.append(sighting)

    def notification(self, characteristic: Characteristic, payload: bytes) -> None:
        self.notifications.put_nowait((characteristic.uuid, payload))

    def updated(self, *, att_mtu: int | None = None, table: str | None = None) -> None:
        self.news.put_nowait((att_mtu, table))

    def pairing(self, *, under_way: bool) -> None:
        self.pairings.append(under_way)

    def asking(self) -> Asking | None:
        return None if self.agent is None else Asking(self.agent, "device")

    def lost(self, fault: Fault) -> None:
        self.losses.append(fault)
        self._down.set()

    async def until_lost(self) -> Fault:
        async with asyncio.timeout(LIMIT_S):
            await self._down.wait()
        return self.losses[0]

    async def next_notification(self) -> tuple[str, bytes]:
        async with asyncio.timeout(LIMIT_S):
            return await self.notifications.get()


def need(bench: LinkBench, *provocations: str) -> None:
    """Skip the check, by name and reason, when the bench cannot do one of these."""
    for provocation in provocations:
        if provocation in bench.cannot:
            pytest.skip(f"{provocation}: {bench.cannot[provocation]}")


async def connected(bench: LinkBench) -> tuple[LinkConnection, ConnectionLog]:
    """A connection to the bench's device, and what it says."""
    log = ConnectionLog()
    async with asyncio.timeout(LIMIT_S):
        return await bench.link.connect(bench.address, log), log
