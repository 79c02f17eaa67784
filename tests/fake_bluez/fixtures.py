"""Fixtures with the scripted BlueZ; test modules import what they need from here.

Knows what must be gone after a test: the bus, the fake, and Bleak's own view on both.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fake_bluez.bus import PrivateBus, private_bus
from fake_bluez.device import FakeCharacteristic, FakeDevice
from fake_bluez.stack import FakeBluez
from gattkeeper.links import bleak_inside
from gattkeeper.links.bleak_link import BleakLink


@pytest_asyncio.fixture
async def system_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PrivateBus]:
    """A bus without anything on it, which Bleak and we take for the system's."""
    async with private_bus(tmp_path) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        yield bus
        await bleak_inside.forget_bluez()


@pytest_asyncio.fixture
async def bluez(system_bus: PrivateBus) -> AsyncIterator[FakeBluez]:
    """A scripted BlueZ with one adapter and no device."""
    fake = FakeBluez()
    await fake.start()
    yield fake
    await fake.crash()


VALUE = "f0c0b001-8f2b-4b5e-9d3c-6a1e5d2c7b00"
SECOND = "f0c0b002-8f2b-4b5e-9d3c-6a1e5d2c7b00"
TICKS = "f0c0b003-8f2b-4b5e-9d3c-6a1e5d2c7b00"
SERVICE = "f0c0b000-8f2b-4b5e-9d3c-6a1e5d2c7b00"
NAMED = "00002901-0000-1000-8000-00805f9b34fb"


@pytest.fixture
def device(bluez: FakeBluez) -> FakeDevice:
    """A device in reach: two characteristics to read and write, and one that notifies."""
    both_ways = ["read", "write", "write-without-response"]
    device = FakeDevice(
        "F0:00:00:00:00:01",
        {
            SERVICE: [
                FakeCharacteristic(VALUE, both_ways, b"first", descriptors={NAMED: b"value"}),
                FakeCharacteristic(SECOND, both_ways, b"second"),
                FakeCharacteristic(TICKS, ["read", "notify"]),
            ]
        },
    )
    bluez.devices.append(device)
    return device


@pytest_asyncio.fixture
async def link(bluez: FakeBluez) -> AsyncIterator[BleakLink]:
    """An open link on the only adapter, impatient with calls that survive a cancel."""
    link = BleakLink(cancel_grace_s=0.5)
    await link.open(lambda _up, _fault: None)
    yield link
    await link.close()
