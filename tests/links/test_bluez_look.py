"""One look at the scripted BlueZ: what is there, who is on the bus, what a discovery hears."""

import asyncio
import os

import pytest

from fake_bluez.bus import PrivateBus
from fake_bluez.device import FakeDevice
from fake_bluez.stack import HCI0, FakeBluez, Step
from gattkeeper.errors import SettingsError
from gattkeeper.links import bluez_look
from gattkeeper.links.bluez_look import look
from gattkeeper.links.bluez_watch import ADAPTER

pytestmark = [pytest.mark.asyncio, pytest.mark.system]


async def test_it_sees_objects_and_processes_and_leaves_nothing_behind(bluez: FakeBluez) -> None:
    before = await bluez.bus_names()
    view = await look()
    assert view.objects[HCI0][ADAPTER]["Powered"] is True
    assert view.pids == (os.getpid(),)
    assert view.heard == {}
    await bluez.until_bus_connections(len(before))


async def test_it_counts_what_a_running_discovery_hears(bluez: FakeBluez, device: FakeDevice) -> None:
    bluez.objects[HCI0][ADAPTER]["Discovering"].value = True
    looking = asyncio.ensure_future(look(0.3))
    await bluez.until_called("GetManagedObjects")
    while not looking.done():
        bluez.advertise(device)
        await asyncio.sleep(0.01)
    assert (await looking).heard[HCI0] > 1


async def test_a_discovery_that_hears_nothing_has_no_count(bluez: FakeBluez) -> None:
    bluez.objects[HCI0][ADAPTER]["Discovering"].value = True
    assert (await look(0.05)).heard == {}


async def test_a_bus_without_bluez_says_how_to_start_it(system_bus: PrivateBus) -> None:
    with pytest.raises(SettingsError, match="does not run .*systemctl start bluetooth"):
        await look()


async def test_no_bus_says_where_it_was_looked_for(system_bus: PrivateBus) -> None:
    await system_bus.stop()
    with pytest.raises(SettingsError, match="no system D-Bus at DBUS_SYSTEM_BUS_ADDRESS="):
        await look()


async def test_a_bluez_that_is_silent_is_told_apart(bluez: FakeBluez, monkeypatch) -> None:
    monkeypatch.setattr(bluez_look, "ANSWER_S", 0.1)
    bluez.script("GetManagedObjects", Step(hang=True))
    with pytest.raises(SettingsError, match="does not answer within 0 s; restart it"):
        await look()
