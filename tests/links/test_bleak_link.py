"""The Bleak link on the scripted BlueZ: opening, finding, connecting, and a stack that goes away.

M4 to M11 name situations that were measured with Bleak alone; each test shows what we make of one.
"""

import asyncio
import sys

import pytest

from fake_bluez.bus import PrivateBus
from fake_bluez.device import FakeDevice
from fake_bluez.fixtures import TICKS, VALUE
from fake_bluez.stack import ADAPTER_ADDRESS, HCI0, FakeBluez, Step
from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Read, Write
from gattkeeper.model.outcome import Phase
from gattkeeper.runtime.ports import LinkConnection
from link_contract.bench import AdapterLog, ConnectionLog

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 10.0
READ = Read(target=CharacteristicRef(uuid=VALUE))
WRITE = Write(target=CharacteristicRef(uuid=VALUE), payload=b"x")


def address(device: FakeDevice) -> DeviceAddress:
    return DeviceAddress(value=device.address)


async def up(link: BleakLink, device: FakeDevice) -> tuple[LinkConnection, ConnectionLog]:
    log = ConnectionLog()
    async with asyncio.timeout(LIMIT_S):
        return await link.connect(address(device), log), log


async def refused(link: BleakLink, device: FakeDevice) -> Fault:
    with pytest.raises(LinkError) as caught:
        async with asyncio.timeout(LIMIT_S):
            await link.connect(address(device), ConnectionLog())
    return caught.value.fault


async def said(log: AdapterLog) -> tuple[bool, FaultKind | None]:
    async with asyncio.timeout(LIMIT_S):
        is_up, fault = await log.said.get()
    return is_up, None if fault is None else fault.kind


async def opening(adapter: str = "") -> str:
    """What a link that cannot be opened says."""
    with pytest.raises(SettingsError) as caught:
        await BleakLink(adapter).open(AdapterLog())
    return str(caught.value)


async def test_without_a_bus_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    text = await opening()
    assert "sudo systemctl start dbus" in text
    assert "/var/run/dbus:/var/run/dbus" in text
    assert "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere/bus" in text


async def test_a_bus_address_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "nonsense")
    assert "DBUS_SYSTEM_BUS_ADDRESS=nonsense" in await opening()


async def test_without_bluez_it_says_how_to_start_it(system_bus: PrivateBus) -> None:
    assert "sudo systemctl start bluetooth" in await opening()


async def test_a_bluez_that_does_not_answer_is_to_be_restarted(
    bluez: FakeBluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gattkeeper.links.bluez_watch.ANSWER_S", 0.05)
    bluez.script("GetManagedObjects", Step(hang=True))
    assert "sudo systemctl restart bluetooth" in await opening()


async def test_a_user_who_may_not_is_told_the_group(bluez: FakeBluez) -> None:
    bluez.script("GetManagedObjects", Step(refuse="org.freedesktop.DBus.Error.AccessDenied", text="Rejected"))
    assert "group bluetooth" in await opening()


async def test_a_missing_adapter_is_named_with_those_there_are(bluez: FakeBluez) -> None:
    text = await opening("hci7")
    assert "hci7" in text
    assert f"hci0 ({ADAPTER_ADDRESS})" in text
    bluez.remove_adapter()
    assert "no Bluetooth adapter" in await opening()


@pytest.mark.parametrize("adapter", ["", "hci0", ADAPTER_ADDRESS, ADAPTER_ADDRESS.lower()])
async def test_an_adapter_that_is_off_is_to_be_switched_on(bluez: FakeBluez, adapter: str) -> None:
    bluez.power(on=False)
    assert "bluetoothctl power on" in await opening(adapter)


@pytest.mark.parametrize("adapter", ["", "hci0", ADAPTER_ADDRESS, ADAPTER_ADDRESS.lower()])
async def test_the_adapter_is_known_by_its_address(bluez: FakeBluez, adapter: str) -> None:
    link = BleakLink(adapter)
    await link.open(AdapterLog())
    assert link.name == ADAPTER_ADDRESS
    await link.close()


async def test_of_several_adapters_the_first_that_is_on_is_taken(bluez: FakeBluez) -> None:
    bluez.power(on=False)
    bluez.add_adapter("/org/bluez/hci1", "F4:4E:FC:00:00:02")
    link = BleakLink()
    await link.open(AdapterLog())
    assert link.name == "F4:4E:FC:00:00:02"
    await link.close()


async def test_m4_cycles_of_connect_and_loss_leave_no_bus_connection_behind(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, _ = await up(link, device)
    while_up = len(await bluez.bus_names())
    await connection.disconnect()
    for _ in range(4):
        _, log = await up(link, device)
        bluez.drop_link(device)
        await log.until_lost()
    await up(link, device)
    async with asyncio.timeout(LIMIT_S):
        await bluez.until_bus_connections(while_up)


async def test_m6_cancelling_a_connect_takes_it_back_at_bluez(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    bluez.know(device)
    device.in_reach = False
    connecting = asyncio.create_task(link.connect(address(device), ConnectionLog()))
    await bluez.until_called("Connect")
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert bluez.count("Disconnect") == 1
    device.in_reach = True
    connection, _ = await up(link, device)
    assert await connection.perform(READ) == b"first"


async def test_m7_cancelling_ends_even_when_bluez_does_not_answer(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    bluez.know(device)
    bluez.script("Connect", Step(hang=True))
    bluez.script("Disconnect", Step(hang=True))
    connecting = asyncio.create_task(link.connect(address(device), ConnectionLog()))
    await bluez.until_called("Connect")
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(LIMIT_S):
            await connecting
    await up(link, device)


async def test_m8_a_device_has_one_client(bluez: FakeBluez, device: FakeDevice, link: BleakLink) -> None:
    connection, log = await up(link, device)
    fault = await refused(link, device)
    assert (fault.kind, fault.ran) == (FaultKind.BUSY, Ran.NO)
    assert await connection.perform(READ) == b"first"
    assert log.losses == []


async def test_m9_a_service_that_dies_is_noticed_and_its_write_left_open(
    bluez: FakeBluez, device: FakeDevice
) -> None:
    link, adapter_log = BleakLink(), AdapterLog()
    await link.open(adapter_log)
    connection, log = await up(link, device)
    device.silent = True

    async def writing() -> Fault:
        with pytest.raises(LinkError) as caught:
            await connection.perform(WRITE)
        return caught.value.fault

    write = asyncio.create_task(writing())
    await bluez.asked.get()
    await bluez.crash()
    fault = await write
    assert (fault.kind, fault.ran) == (FaultKind.STACK_GONE, Ran.MAYBE)
    assert (await log.until_lost()).kind is FaultKind.STACK_GONE
    assert await said(adapter_log) == (False, FaultKind.STACK_GONE)
    fault = await refused(link, device)
    assert (fault.kind, fault.ran) == (FaultKind.STACK_GONE, Ran.NO)
    await link.close()


async def test_m10_after_a_restart_nothing_of_before_is_believed(bluez: FakeBluez, device: FakeDevice) -> None:
    link, adapter_log = BleakLink(), AdapterLog()
    await link.open(adapter_log)
    old, log = await up(link, device)
    await bluez.crash()
    await log.until_lost()
    await bluez.start()
    assert await said(adapter_log) == (False, FaultKind.STACK_GONE)
    assert await said(adapter_log) == (True, None)
    async with asyncio.timeout(1.0):
        await old.disconnect()
    before = bluez.count("Connect")
    connection, _ = await up(link, device)
    assert bluez.count("Connect") == before + 1
    assert await connection.perform(READ) == b"first"
    await link.close()


async def test_m11_a_pulled_adapter_is_noticed_and_found_again_under_another_number(
    bluez: FakeBluez, device: FakeDevice
) -> None:
    link, adapter_log = BleakLink("hci0"), AdapterLog()
    await link.open(adapter_log)
    _, log = await up(link, device)
    bluez.remove_adapter()
    assert (await log.until_lost()).kind is FaultKind.ADAPTER_GONE
    assert await said(adapter_log) == (False, FaultKind.ADAPTER_GONE)
    bluez.home = "/org/bluez/hci1"
    bluez.add_adapter(HCI0, "F4:4E:FC:00:00:99")  # another one took the number
    bluez.add_adapter("/org/bluez/hci1", ADAPTER_ADDRESS)
    assert await said(adapter_log) == (True, None)
    connection, _ = await up(link, device)
    assert await connection.perform(READ) == b"first"
    assert ("StartDiscovery", "/org/bluez/hci1") in bluez.calls
    await link.close()


async def test_m11_a_removed_device_object_is_a_lost_link(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    _, log = await up(link, device)
    bluez.remove_device(device)
    assert (await log.until_lost()).kind is FaultKind.LINK_LOST
    await up(link, device)


async def test_an_adapter_switched_off_and_on_is_followed(bluez: FakeBluez, device: FakeDevice) -> None:
    link, adapter_log = BleakLink(), AdapterLog()
    await link.open(adapter_log)
    _, log = await up(link, device)
    bluez.power(on=False)
    assert (await log.until_lost()).kind is FaultKind.ADAPTER_GONE
    assert await said(adapter_log) == (False, FaultKind.ADAPTER_GONE)
    bluez.power(on=True)
    assert await said(adapter_log) == (True, None)
    await up(link, device)
    await link.close()


async def test_another_adapter_is_none_of_its_business(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    bluez.add_adapter("/org/bluez/hci1", "F4:4E:FC:00:00:02")
    connection, log = await up(link, device)
    bluez.power(on=False, path="/org/bluez/hci1")
    bluez.remove_adapter("/org/bluez/hci1")
    assert await connection.perform(READ) == b"first"
    assert log.losses == []


async def test_a_stack_that_dies_while_connecting_fails_the_connect(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    bluez.know(device)
    device.in_reach = False
    connecting = asyncio.create_task(refused(link, device))
    await bluez.until_called("Connect")
    await bluez.crash()
    fault = await connecting
    assert (fault.kind, fault.ran) == (FaultKind.STACK_GONE, Ran.NO)


async def test_a_device_with_an_object_is_connected_without_a_scan(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    bluez.know(device)
    _, log = await up(link, device)
    assert log.phases == [Phase.CONNECTED, Phase.DISCOVERED]
    assert bluez.count("StartDiscovery") == 0


async def test_a_device_without_one_is_scanned_for_and_the_scan_is_over_before_connecting(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    _, log = await up(link, device)
    assert log.phases == [Phase.SCAN, Phase.CONNECTED, Phase.DISCOVERED]
    members = [member for member, _ in bluez.calls]
    assert members.index("StartDiscovery") < members.index("StopDiscovery") < members.index("Connect")


async def test_a_link_that_another_program_left_behind_is_adopted(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    bluez.link_up(device)
    connection, log = await up(link, device)
    assert await connection.perform(READ) == b"first"
    assert bluez.count("StartDiscovery") == bluez.count("Connect") == 0
    assert log.phases == [Phase.CONNECTED, Phase.DISCOVERED]
    await connection.disconnect()
    assert not device.connected


async def test_the_link_up_is_told_before_its_services_are_known(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    device.delay_s = LIMIT_S * 10
    log = ConnectionLog()
    connecting = asyncio.create_task(link.connect(address(device), log))
    async with asyncio.timeout(LIMIT_S):
        while Phase.CONNECTED not in log.phases:
            await asyncio.sleep(0)
    assert log.phases == [Phase.SCAN, Phase.CONNECTED]
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting


async def test_another_device_is_connected_and_used_while_services_are_being_resolved(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    assert link.traits.discovers_beside
    device.delay_s = LIMIT_S * 10
    log = ConnectionLog()
    connecting = asyncio.create_task(link.connect(address(device), log))
    async with asyncio.timeout(LIMIT_S):
        while Phase.CONNECTED not in log.phases:
            await asyncio.sleep(0)
    other = FakeDevice("F0:00:00:00:00:02", {uuid: list(each) for uuid, each in device.layout.items()})
    bluez.devices.append(other)
    connection, other_log = await up(link, other)
    assert await connection.perform(READ) == b"first"
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert other_log.losses == []
    assert await connection.perform(READ) == b"first"


async def test_what_is_subscribed_on_one_device_is_not_heard_on_another(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    other = FakeDevice("F0:00:00:00:00:02", {uuid: list(each) for uuid, each in device.layout.items()})
    bluez.devices.append(other)
    _, log = await up(link, device)
    _, other_log = await up(link, other)
    bluez.notify(other, TICKS, b"unheard")
    await bluez.bus_names()  # a round trip later
    assert log.notifications.empty()
    assert other_log.notifications.empty()


async def test_closing_twice_is_closing_once(device: FakeDevice, link: BleakLink) -> None:
    await up(link, device)
    await link.close()
    await link.close()
    assert not device.connected
    assert (await refused(link, device)).kind is FaultKind.ADAPTER_GONE


async def test_importing_the_package_does_not_load_bleak() -> None:
    code = "import sys, gattkeeper, gattkeeper.errors; sys.exit('bleak' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == 0
