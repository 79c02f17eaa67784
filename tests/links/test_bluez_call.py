"""A connection of its own for one purpose, on a real bus, with BlueZ scripted."""

import asyncio
from pathlib import Path

import pytest
from bleak.exc import BleakDBusError

from fake_bluez.bad_bus import BadBus
from fake_bluez.device import FakeDevice
from fake_bluez.stack import HCI0, FakeBluez
from gattkeeper.links import bluez_watch
from gattkeeper.links.bluez_call import ask, own_bus, remove_device
from gattkeeper.links.bluez_watch import ADAPTER, BUS

pytestmark = [pytest.mark.system, pytest.mark.asyncio]


async def test_an_answer_comes_back_with_its_body(bluez: FakeBluez) -> None:
    async with own_bus() as bus:
        reply = await ask(bus, "/org/freedesktop/DBus", BUS, "GetNameOwner", "s", ["org.bluez"], destination=BUS)
        assert str(reply.body[0]).startswith(":")
    assert not bus.connected


async def test_a_refusal_is_raised_with_its_name(bluez: FakeBluez) -> None:
    async with own_bus() as bus:
        with pytest.raises(BleakDBusError) as caught:
            await ask(bus, "/org/bluez/none", ADAPTER, "StartDiscovery")
    assert caught.value.dbus_error.startswith("org.")


async def test_a_device_is_removed_from_its_adapter(bluez: FakeBluez, device: FakeDevice) -> None:
    path = device.path(HCI0)
    bluez.know(device)
    assert path in bluez.objects
    await remove_device(HCI0, path)
    assert path not in bluez.objects
    with pytest.raises(BleakDBusError):
        await remove_device(HCI0, path)


async def test_a_service_that_does_not_run_is_not_started(bluez: FakeBluez) -> None:
    async with own_bus() as bus:
        with pytest.raises(BleakDBusError, match="ServiceUnknown|NameHasNoOwner"):
            await ask(bus, "/", BUS, "Ping", destination="org.example.nobody")


@pytest.mark.parametrize("hangs_up", [False, True], ids=["silent", "hangs up"])
async def test_a_bus_that_answers_nothing_is_left_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, hangs_up: bool
) -> None:
    address = f"unix:path={tmp_path}/bus"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    monkeypatch.setattr(bluez_watch, "ANSWER_S", 0.1)
    async with BadBus(address, hangs_up=hangs_up), asyncio.timeout(10):
        with pytest.raises(bluez_watch.BUS_FAILURES):
            async with own_bus():
                pass
