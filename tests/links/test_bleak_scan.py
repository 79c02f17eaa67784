"""Scanning through Bleak on the scripted BlueZ: it ends, and it leaves nothing running."""

import asyncio

import pytest

from fake_bluez.device import FakeDevice
from fake_bluez.fixtures import SERVICE
from fake_bluez.stack import HCI0, FakeBluez, Step
from gattkeeper.errors import LinkError
from gattkeeper.links import bleak_scan
from gattkeeper.links.bleak_guard import Guard
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.links.bleak_scan import Scanner
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.runtime.ports import Sighting
from link_contract.bench import ConnectionLog

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

BUSY = Step(refuse="org.bluez.Error.InProgress", text="Operation already in progress")
LIMIT_S = 10.0


@pytest.fixture
def short_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bleak_scan, "SCAN_CALL_S", 0.3)


async def scanned(link: BleakLink) -> list[Sighting]:
    async with asyncio.timeout(LIMIT_S):
        return [sighting async for sighting in link.scan(0.05)]


async def fault_of_scan(link: BleakLink) -> tuple[FaultKind, Ran]:
    with pytest.raises(LinkError) as caught:
        await scanned(link)
    return caught.value.fault.kind, caught.value.fault.ran


async def test_a_sighting_has_what_was_advertised(device: FakeDevice, link: BleakLink) -> None:
    (sighting,) = await scanned(link)
    assert sighting.address == DeviceAddress(value=device.address)
    assert (sighting.name, sighting.rssi_dbm, sighting.services) == ("Fake", -60, (SERVICE,))
    assert (sighting.manufacturer_data, sighting.service_data, sighting.tx_power_dbm) == ({}, {}, None)


async def test_a_sighting_has_the_data_of_makers_and_services(device: FakeDevice, link: BleakLink) -> None:
    device.manufacturer_data = {76: b"\x02\x15"}
    device.service_data = {SERVICE: b"open"}
    device.tx_power = -4
    (sighting,) = await scanned(link)
    assert sighting.manufacturer_data == {76: b"\x02\x15"}
    assert sighting.service_data == {SERVICE: b"open"}
    assert sighting.tx_power_dbm == -4


async def test_a_scan_left_early_is_stopped_at_bluez(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    scan = link.scan(60.0)
    async with asyncio.timeout(LIMIT_S):
        assert (await anext(scan)).address.value == device.address
        await scan.aclose()
    assert bluez.count("StopDiscovery") == 1


async def test_a_cancelled_search_is_stopped_at_bluez(bluez: FakeBluez, link: BleakLink) -> None:
    searching = asyncio.create_task(link.connect(DeviceAddress(value="F0:00:00:00:00:09"), ConnectionLog()))
    await bluez.until_called("StartDiscovery")
    searching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await searching
    await bluez.until_called("StopDiscovery")
    assert await scanned(link) == []


async def test_m19_a_scan_that_never_starts_is_given_up_and_nobody_waits_behind_it(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink, short_calls: None
) -> None:
    bluez.script("StartDiscovery", Step(hang=True))
    assert await fault_of_scan(link) == (FaultKind.BUSY, Ran.NO)
    async with asyncio.timeout(LIMIT_S):
        await link.connect(DeviceAddress(value=device.address), ConnectionLog())


async def test_a_scan_granted_after_it_was_given_up_is_ended(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink, short_calls: None
) -> None:
    bluez.script("StartDiscovery", Step(granted_unanswered=True))
    assert await fault_of_scan(link) == (FaultKind.BUSY, Ran.NO)
    assert [sighting.address.value for sighting in await scanned(link)] == [device.address]


async def test_a_refused_start_is_someone_elses_scan(bluez: FakeBluez, link: BleakLink) -> None:
    bluez.script("StartDiscovery", BUSY)
    assert await fault_of_scan(link) == (FaultKind.BUSY, Ran.NO)


async def test_a_stop_that_hangs_is_given_up(bluez: FakeBluez, link: BleakLink, short_calls: None) -> None:
    bluez.script("StopDiscovery", Step(hang=True))
    assert await fault_of_scan(link) == (FaultKind.BUSY, Ran.NO)


async def test_a_stop_refused_once_is_bleaks_to_repair(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    bluez.script("StopDiscovery", Step(refuse=BUSY.refuse, text=BUSY.text, ends_discovery=True))
    assert len(await scanned(link)) == 1
    assert bluez.count("StartDiscovery") == bluez.count("StopDiscovery") == 2


async def test_a_stop_refused_twice_is_an_adapter_that_hears_nothing_any_more(
    bluez: FakeBluez, link: BleakLink
) -> None:
    bluez.script("StopDiscovery", Step(refuse=BUSY.refuse, text=BUSY.text, ends_discovery=True), BUSY)
    assert await fault_of_scan(link) == (FaultKind.WEDGED, Ran.NO)


async def test_a_slow_reader_loses_the_oldest_sightings(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bleak_scan, "SIGHTINGS_MAX", 2)
    scan = Scanner(Guard(0.1), HCI0).heard(None)
    await anext(scan)
    for number in range(4):
        bluez.advertise(device, rssi_dbm=-90 + number)
    await bluez.bus_names()  # a round trip later all of them are here
    assert [(await anext(scan))[1].rssi for _ in range(2)] == [-88, -87]
    await scan.aclose()
