"""What we do inside Bleak, shown by what Bleak would do without it."""

import asyncio
import stat
from pathlib import Path

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.bluezdbus.version import BlueZFeatures
from bleak.backends.device import BLEDevice

from fake_bluez.device import FakeDevice
from fake_bluez.fixtures import TICKS
from fake_bluez.stack import HCI0, FakeBluez, Step
from gattkeeper.errors import SettingsError
from gattkeeper.links import bleak_inside, bluez_version

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 10.0


async def up(bluez: FakeBluez, device: FakeDevice) -> BleakClient:
    bluez.know(device)
    details = {"path": device.path(HCI0), "props": {"Adapter": HCI0}}
    client = BleakClient(BLEDevice(device.address, device.name, details))
    await client.connect()
    return client


async def test_bleak_alone_believes_in_a_link_that_died_with_bluez(bluez: FakeBluez, device: FakeDevice) -> None:
    client = await up(bluez, device)
    await bluez.crash()
    assert client.is_connected
    await bleak_inside.forget_bluez()
    assert not client.is_connected
    await client.disconnect()


async def test_forgetting_makes_the_next_connect_a_real_one(bluez: FakeBluez, device: FakeDevice) -> None:
    client = await up(bluez, device)
    await bluez.crash()
    await bleak_inside.forget_bluez()
    await client.disconnect()
    await bluez.start()
    calls = bluez.count("Connect")
    client = await up(bluez, device)
    assert bluez.count("Connect") == calls + 1
    await client.disconnect()


async def test_bleak_alone_misses_what_is_shown_after_services_are_resolved(
    bluez: FakeBluez, device: FakeDevice
) -> None:
    device.resolved_early = True
    client = await up(bluez, device)
    assert client.services.get_characteristic(TICKS) is None
    assert (await bleak_inside.whole_services(client)).get_characteristic(TICKS) is not None
    assert client.services.get_characteristic(TICKS) is not None
    await client.disconnect()


async def test_forgetting_where_nothing_is_known_does_nothing(bluez: FakeBluez) -> None:
    await bleak_inside.forget_bluez()
    await bleak_inside.end_discovery(HCI0)
    assert bluez.count("StopDiscovery") == 0


async def test_a_discovery_that_bleak_lost_is_ended(bluez: FakeBluez, device: FakeDevice) -> None:
    bluez.script("StartDiscovery", Step(granted_unanswered=True))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await BleakScanner().start()
    await bleak_inside.end_discovery(HCI0)
    scanner = BleakScanner()
    await scanner.start()
    await scanner.stop()


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in which Bleak has not yet asked for BlueZ's version."""
    monkeypatch.setattr(BlueZFeatures, "checked_bluez_version", False)
    monkeypatch.setattr(BlueZFeatures, "supported_version", True)
    monkeypatch.setattr(BlueZFeatures, "_check_bluez_event", None)


@pytest.fixture
def bluetoothctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bluetoothctl of our own, the only one there is."""
    program = tmp_path / "bin" / "bluetoothctl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'bluetoothctl: 5.66'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(bluez_version, "PROGRAMS", (str(program),))
    return program


async def test_the_version_is_asked_for_once(unchecked: None, bluetoothctl: Path) -> None:
    await bleak_inside.check_version()
    assert BlueZFeatures.checked_bluez_version
    assert BlueZFeatures.supported_version
    bluetoothctl.write_text("#!/bin/sh\necho 'bluetoothctl: 4.10'\n")
    await bleak_inside.check_version()
    assert BlueZFeatures.supported_version


async def test_a_bluez_that_is_too_old_is_known_as_such(unchecked: None, bluetoothctl: Path) -> None:
    bluetoothctl.write_text("#!/bin/sh\necho 'bluetoothctl: 5.50'\n")
    for _ in range(2):
        with pytest.raises(SettingsError, match=r"BlueZ 5\.50 is too old: .* 5\.55 .*; update the package bluez"):
            await bleak_inside.check_version()
    assert not BlueZFeatures.supported_version


async def test_a_bluez_that_was_updated_meanwhile_is_taken(unchecked: None, bluetoothctl: Path) -> None:
    newer = bluetoothctl.read_text()
    bluetoothctl.write_text("#!/bin/sh\necho 'bluetoothctl: 5.54'\n")
    with pytest.raises(SettingsError):
        await bleak_inside.check_version()
    bluetoothctl.write_text(newer)
    await bleak_inside.check_version()
    assert BlueZFeatures.supported_version


async def test_a_version_that_nobody_tells_is_taken_for_good(unchecked: None, bluetoothctl: Path) -> None:
    bluetoothctl.unlink()
    await bleak_inside.check_version()
    assert BlueZFeatures.checked_bluez_version
    assert BlueZFeatures.supported_version


async def test_a_cancelled_check_leaves_the_next_one_free(
    unchecked: None, bluetoothctl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bluez_version, "ANSWER_S", LIMIT_S * 6)
    checking = asyncio.create_task(bleak_inside.check_version())
    await asyncio.sleep(0)
    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking
    async with asyncio.timeout(LIMIT_S):
        await bleak_inside.check_version()
    assert BlueZFeatures.checked_bluez_version
