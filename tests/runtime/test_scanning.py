"""Scans and connections take turns on one adapter."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.runtime.ports import Sighting
from gattkeeper.runtime.scanning import TurnTakingLink
from gattkeeper.runtime.shared_scan import HEARD_MAX
from gattkeeper.world.virtual_blind import VirtualBlind
from gattkeeper.world.virtual_time import run_virtual


class Radio:
    """A link that notes what it is busy with; connecting takes 2 s, stopping a scan 0.5 s."""

    name = "radio"
    traits = None

    def __init__(self) -> None:
        self.history: list[tuple[str, float]] = []
        self.fault: Fault | None = None
        self.flood = 1

    def note(self, what: str) -> None:
        self.history.append((what, round(asyncio.get_running_loop().time(), 3)))

    async def scan(self, duration_s: float) -> AsyncGenerator[Sighting, None]:
        self.note("scan on")
        if self.fault is not None:
            raise LinkError(self.fault)
        try:
            async with asyncio.timeout(duration_s):
                while True:
                    for _ in range(self.flood):
                        yield Sighting(address=BLIND.address)
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pass
        finally:
            await asyncio.sleep(0.5)
            self.note("scan off")

    async def connect(self, _device, _events, _demand=None):
        self.note("connect on")
        try:
            await asyncio.sleep(2)
        finally:
            self.note("connect off")

    async def recover(self, rung, _device):
        self.note(f"{rung} on")
        try:
            await asyncio.sleep(3)
        finally:
            self.note(f"{rung} off")

    async def open(self, _on_adapter):
        self.note("open")

    async def close(self):
        self.note("close")


BLIND = VirtualBlind("lounge", "F0:00:00:00:00:01").device


async def count(link: TurnTakingLink, duration_s: float) -> int:
    return len([sighting async for sighting in link.scan(duration_s)])


def test_a_scan_pauses_while_a_connection_is_made_and_then_goes_on():
    async def story():
        radio = Radio()
        link = TurnTakingLink(radio)
        scanning = asyncio.create_task(count(link, 10))
        await asyncio.sleep(1)
        await link.connect(BLIND.address, None)
        heard = await scanning
        return heard, radio.history

    heard, history = run_virtual(story())
    assert history == [
        ("scan on", 0.0),
        ("scan off", 1.5),
        ("connect on", 1.5),
        ("connect off", 3.5),
        ("scan on", 3.5),
        ("scan off", 10.5),
    ]
    assert heard > 60


def test_a_scan_pauses_until_neither_a_rung_nor_a_connection_beside_it_is_under_way():
    async def story():
        radio = Radio()
        link = TurnTakingLink(radio)
        scanning = asyncio.create_task(count(link, 10))
        await asyncio.sleep(1)
        await asyncio.gather(link.recover(Rung.STOP_DISCOVERY, BLIND.address), link.connect(BLIND.address, None))
        assert await scanning
        said = [what for what, _ in radio.history]
        assert said[0] == "scan on"
        assert said[-2:] == ["scan on", "scan off"]
        assert said.index("stop_discovery off") > said.index("connect off")
        assert said.count("scan on") == 2

    run_virtual(story())


def test_a_scan_that_gives_way_before_its_first_step_goes_on_afterwards():
    async def story():
        link = TurnTakingLink(Radio())
        scanning = asyncio.create_task(count(link, 10))
        connecting = asyncio.create_task(link.connect(BLIND.address, None))  # in the same turn of the loop
        heard = await asyncio.wait_for(scanning, 20)
        await connecting
        return heard

    assert run_virtual(story()) > 60


def test_a_scan_asked_for_while_connecting_waits_and_keeps_its_end():
    async def story():
        radio = Radio()
        link = TurnTakingLink(radio)
        connecting = asyncio.create_task(link.connect(BLIND.address, None))
        await asyncio.sleep(0)
        none = await count(link, 1)  # over before its turn comes
        some = await count(link, 4)
        await connecting
        return none, some, radio.history[2][1]

    none, some, began = run_virtual(story())
    assert (none, began) == (0, 2.0)
    assert 25 <= some <= 31


def test_two_who_scan_at_once_share_one_scan():
    async def story():
        radio = Radio()
        link = TurnTakingLink(radio)
        heard = await asyncio.gather(count(link, 1), count(link, 2))
        return heard, [what for what, _ in radio.history]

    heard, history = run_virtual(story())
    assert heard == [10, 20]
    assert history == ["scan on", "scan off"]


def test_a_connection_given_up_lets_scans_go_on():
    async def story():
        link = TurnTakingLink(Radio())
        connecting = asyncio.create_task(link.connect(BLIND.address, None))
        await asyncio.sleep(0.5)
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await connecting
        return await count(link, 1)

    assert run_virtual(story()) == 10


def test_what_ends_a_scan_is_told():
    async def story():
        radio = Radio()
        radio.fault = Fault(kind=FaultKind.ADAPTER_GONE, ran=Ran.NO, stack="test")
        with pytest.raises(LinkError, match="adapter_gone"):
            await count(TurnTakingLink(radio), 1)

    run_virtual(story())


def test_a_reader_that_stops_reading_ends_the_scan():
    async def story():
        radio = Radio()
        radio.flood = 3 * HEARD_MAX  # more than is kept for a slow reader
        sightings = TurnTakingLink(radio).scan(60)
        first = await anext(sightings)
        await sightings.aclose()
        return first.address, radio.history

    address, history = run_virtual(story())
    assert address == BLIND.address
    assert history == [("scan on", 0.0), ("scan off", 0.5)]


def test_everything_else_is_passed_on():
    async def story():
        radio = Radio()
        link = TurnTakingLink(radio)
        await link.open(lambda _up, _fault: None)
        await link.close()
        return radio.history, link.name, link.traits

    assert run_virtual(story()) == ([("open", 0.0), ("close", 0.0)], "radio", None)
