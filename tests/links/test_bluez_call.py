"""A connection of its own for one purpose, on a real bus, with BlueZ scripted."""

import pytest
from bleak.exc import BleakDBusError

from fake_bluez.device import FakeDevice
from fake_bluez.stack import HCI0, FakeBluez
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
