"""A link to one device that is in BlueZ's books alone, at a keeper over the scripted BlueZ: it is let go of.

The adapter is not switched off for it, and the other device is served all the time.
"""

import asyncio

import pytest

from fake_bluez.house import BluezHouse, bluez_house
from fake_bluez.stack import FakeBluez
from gattkeeper.core.limits import Limits
from gattkeeper.links import bleak_connection
from gattkeeper.model.adapter import Rung
from gattkeeper.model.outcome import Outcome, Verdict
from gattkeeper.model.record import Recovery
from sim.memory_journal import MemoryJournal

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 30.0
SOON = Limits(attempt_timeout_us=200_000, late_answer_grace_us=50_000, breaker_failures_max=100)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disconnect that BlueZ answers and does not do is waited for, in vain, for long."""
    monkeypatch.setattr(bleak_connection, "DISCONNECT_S", 0.2)


async def ended(house: BluezHouse, payload: bytes, device: str = "lamp") -> Outcome:
    return await (await house.write(payload, device)).wait()


def rungs(journal: MemoryJournal) -> list[tuple[Rung, str]]:
    records = [row.record for row in journal.rows]
    return [(each.rung, each.device) for each in records if isinstance(each, Recovery)]


async def tapped(house: BluezHouse) -> list[Verdict]:
    """Somebody taps until it works; somebody else uses the other device meanwhile."""
    taps: list[Verdict] = []
    async with asyncio.timeout(LIMIT_S):
        while Verdict.DELIVERED not in taps:
            tap = asyncio.ensure_future(ended(house, b"tap %d" % len(taps)))
            assert (await ended(house, b"other", "door")).verdict is Verdict.DELIVERED
            taps.append((await tap).verdict)
    return taps


async def test_a_link_that_no_disconnect_ends_goes_with_its_object_and_the_adapter_stays_on(
    bluez: FakeBluez,
) -> None:
    journal = MemoryJournal()
    async with bluez_house(bluez, limits=SOON, journal=journal) as house:
        bluez.link_up(house.lamp)
        house.lamp.phantom = True
        taps = await tapped(house)
        assert set(taps[:-1]) == {Verdict.UNKNOWN}, "each was handed to BlueZ, and nobody can tell"
        assert rungs(journal) == [(Rung.DISCONNECT_DEVICE, "lamp"), (Rung.FORGET_DEVICE, "lamp")]
        assert [payload for _, payload in house.lamp.applied] == [b"tap %d" % (len(taps) - 1)]
        assert bluez.count("RemoveDevice") == 1
        assert bluez.count("Set") == 0, "nobody switched the adapter off"


async def test_of_a_paired_device_the_object_and_its_keys_are_kept(bluez: FakeBluez) -> None:
    journal = MemoryJournal()
    async with bluez_house(bluez, limits=SOON, journal=journal) as house:
        house.lamp.paired = True
        bluez.link_up(house.lamp)
        house.lamp.phantom = True
        async with asyncio.timeout(LIMIT_S):
            for number in range(6):
                assert (await ended(house, b"tap %d" % number)).verdict is Verdict.UNKNOWN
        assert rungs(journal) == [(Rung.DISCONNECT_DEVICE, "lamp")]
        assert bluez.count("RemoveDevice") == 0
        assert house.lamp.paired


async def test_of_a_device_that_is_only_away_nothing_is_taken(bluez: FakeBluez) -> None:
    limits = Limits(connect_timeout_us=200_000, breaker_failures_max=100)
    journal = MemoryJournal()
    async with bluez_house(bluez, limits=limits, journal=journal) as house:
        house.lamp.in_reach = False
        bluez.know(house.lamp)
        async with asyncio.timeout(LIMIT_S):
            for number in range(6):
                assert (await ended(house, b"tap %d" % number)).verdict is Verdict.NOT_DELIVERED
        assert rungs(journal) == []
        assert bluez.count("RemoveDevice") == 0
