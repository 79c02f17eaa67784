"""The watch on the scripted BlueZ: what it says within the event, and what it finds again by itself."""

import asyncio
from pathlib import Path

import pytest

from fake_bluez.bad_bus import BadBus
from fake_bluez.bus import PrivateBus
from fake_bluez.device import FakeDevice
from fake_bluez.stack import ADAPTER_ADDRESS, HCI0, FakeBluez, Step
from gattkeeper.errors import SettingsError
from gattkeeper.links import bluez_watch
from gattkeeper.links.bluez_look import look
from gattkeeper.links.bluez_watch import BluezAdapter, BluezWatch, chosen_adapter

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 10.0


class WatchLog:
    """What a watch says."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def bluez_changed(self) -> None:
        self.said.put_nowait(("changed", ""))

    def device_connected(self, path: str) -> None:
        self.said.put_nowait(("connected", path))

    def device_disconnected(self, path: str) -> None:
        self.said.put_nowait(("disconnected", path))

    def device_removed(self, path: str) -> None:
        self.said.put_nowait(("removed", path))

    def service_removed(self, path: str) -> None:
        self.said.put_nowait(("service removed", path))

    async def next(self) -> tuple[str, str]:
        async with asyncio.timeout(LIMIT_S):
            return await self.said.get()


async def test_it_sees_adapters_come_go_and_change(bluez: FakeBluez) -> None:
    log = WatchLog()
    watch = BluezWatch(log)
    await watch.open()
    first = BluezAdapter(path=HCI0, address=ADAPTER_ADDRESS, powered=True)
    assert (watch.up, watch.adapters) == (True, (first,))
    bluez.power(on=False)
    await log.next()
    assert not watch.adapters[0].powered
    bluez.add_adapter("/org/bluez/hci1", "F4:4E:FC:00:00:02")
    await log.next()
    assert [adapter.hci for adapter in watch.adapters] == ["hci0", "hci1"]
    bluez.remove_adapter()
    await log.next()
    assert [adapter.hci for adapter in watch.adapters] == ["hci1"]
    await watch.close()


async def test_it_sees_links_come_up_and_go_down_and_objects_go(bluez: FakeBluez, device: FakeDevice) -> None:
    log = WatchLog()
    watch = BluezWatch(log)
    await watch.open()
    bluez.link_up(device)
    assert await log.next() == ("connected", device.path(HCI0))
    bluez.drop_link(device)
    assert await log.next() == ("disconnected", device.path(HCI0))
    assert await log.next() == ("service removed", f"{device.path(HCI0)}/service0010")
    bluez.link_up(device)
    assert await log.next() == ("connected", device.path(HCI0))
    bluez.remove_device(device)
    assert await log.next() == ("removed", device.path(HCI0))
    assert await log.next() == ("service removed", f"{device.path(HCI0)}/service0010")
    await watch.close()


async def test_it_finds_the_object_of_a_device(bluez: FakeBluez, device: FakeDevice) -> None:
    watch = BluezWatch(WatchLog())
    await watch.open()
    assert await watch.device(HCI0, device.address) is None
    bluez.know(device)
    found = await watch.device(HCI0, device.address)
    assert found is not None
    assert (found[0], found[1]["Alias"]) == (device.path(HCI0), "Fake")
    assert await watch.device("/org/bluez/hci1", device.address) is None
    bluez.script("GetManagedObjects", Step(refuse="org.freedesktop.DBus.Error.ServiceUnknown"))
    assert await watch.device(HCI0, device.address) is None
    await watch.close()
    with pytest.raises(ConnectionResetError):
        await watch.device(HCI0, device.address)


async def test_it_sees_the_service_die_and_return(bluez: FakeBluez) -> None:
    log = WatchLog()
    watch = BluezWatch(log)
    await watch.open()
    await bluez.crash()
    await log.next()
    assert (watch.up, watch.adapters) == (False, ())
    await bluez.start()
    await log.next()
    assert watch.up
    assert len(watch.adapters) == 1
    await watch.close()


async def test_it_asks_again_a_service_that_came_back_and_takes_long_to_answer(
    bluez: FakeBluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow machine: bluetoothd has its name, and is not ready to say what it has."""
    log = WatchLog()
    watch = BluezWatch(log)
    await watch.open()
    await bluez.crash()
    await log.next()
    bluez.script("GetManagedObjects", Step(hang=True), Step(hang=True))
    monkeypatch.setattr(bluez_watch, "ANSWER_S", 0.05)
    await bluez.start()
    await log.next()
    assert watch.up
    assert bluez.count("GetManagedObjects") == 4
    await watch.close()


async def test_it_sees_the_whole_bus_die_and_return(
    bluez: FakeBluez, system_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bluez_watch, "RECONNECT_S", 0.02)
    log = WatchLog()
    watch = BluezWatch(log)
    await watch.open()
    await system_bus.stop()
    await log.next()
    assert not watch.up
    await bluez.crash()
    await system_bus.start()
    await bluez.start()
    await log.next()
    assert watch.up
    assert len(watch.adapters) == 1
    await watch.close()


@pytest.mark.parametrize("hangs_up", [False, True], ids=["silent", "hangs up"])
async def test_a_bus_that_answers_nothing_is_told_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, hangs_up: bool
) -> None:
    address = f"unix:path={tmp_path}/bus"
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    monkeypatch.setattr(bluez_watch, "ANSWER_S", 0.1)
    async with BadBus(address, hangs_up=hangs_up), asyncio.timeout(LIMIT_S):
        with pytest.raises(SettingsError, match="no system D-Bus"):
            await BluezWatch(WatchLog()).open()
        with pytest.raises(SettingsError, match="no system D-Bus"):
            await look()


@pytest.mark.parametrize("hangs_up", [False, True], ids=["silent", "hangs up"])
async def test_a_bus_that_was_bad_meanwhile_is_found_when_it_is_good_again(
    bluez: FakeBluez, system_bus: PrivateBus, monkeypatch: pytest.MonkeyPatch, *, hangs_up: bool
) -> None:
    monkeypatch.setattr(bluez_watch, "RECONNECT_S", 0.02)
    log = WatchLog()
    watch = BluezWatch(log)
    await watch.open()
    await system_bus.stop()
    await log.next()
    await bluez.crash()
    monkeypatch.setattr(bluez_watch, "ANSWER_S", 0.1)
    async with BadBus(system_bus.address, hangs_up=hangs_up) as bad, asyncio.timeout(LIMIT_S):
        await bad.visits.get()
        await bad.visits.get()
    monkeypatch.setattr(bluez_watch, "ANSWER_S", LIMIT_S)
    await system_bus.start()
    await bluez.start()
    await log.next()
    assert watch.up
    await watch.close()


async def test_it_never_starts_a_service_that_is_gone(bluez: FakeBluez) -> None:
    log = WatchLog()
    watch = BluezWatch(log)
    await watch.open()
    await bluez.crash()
    await log.next()
    assert await watch.device(HCI0, "F0:00:00:00:00:01") is None
    assert not watch.up
    await watch.close()


async def test_a_watch_that_could_not_open_leaves_no_connection(bluez: FakeBluez) -> None:
    before = len(await bluez.bus_names())
    bluez.script("GetManagedObjects", Step(refuse="org.freedesktop.DBus.Error.ServiceUnknown", text="gone"))
    with pytest.raises(SettingsError):
        await BluezWatch(WatchLog()).open()
    async with asyncio.timeout(LIMIT_S):
        await bluez.until_bus_connections(before)


async def test_an_adapter_is_chosen_by_address_by_number_or_as_the_first_that_is_on() -> None:
    off = BluezAdapter(path="/org/bluez/hci0", address="F4:4E:FC:00:00:01", powered=False)
    on = BluezAdapter(path="/org/bluez/hci1", address="F4:4E:FC:00:00:02", powered=True)
    assert chosen_adapter("", (off, on)) is on
    assert chosen_adapter("hci1", (off, on)) is on
    assert chosen_adapter("f4-4e-fc-00-00-02", (off, on)) is on
    for wanted in ("hci0", "F4:4E:FC:00:00:01"):
        with pytest.raises(SettingsError, match="powered off"):
            chosen_adapter(wanted, (off, on))
    with pytest.raises(SettingsError, match="hci2; BlueZ has hci0"):
        chosen_adapter("hci2", (off, on))
