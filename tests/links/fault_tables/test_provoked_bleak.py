"""Each row of what Bleak and Python raise, brought about: in calls of Bleak itself, on a scripted BlueZ and its bus.

Our link keeps several of them from happening; here Bleak is called bare, under the guard that reads its exceptions.
"""

import asyncio
import contextlib
import re
import socket
import stat
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import bleak.backends.bluezdbus.client as bleak_client
import pytest
from bleak import BleakClient, BleakScanner
from bleak.args.bluez import OrPattern
from bleak.assigned_numbers import AdvertisementDataType
from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from bleak.backends.bluezdbus.version import BlueZFeatures
from bleak.backends.device import BLEDevice
from dbus_fast import Message, Variant

from fake_bluez.bus import PrivateBus
from fake_bluez.device import ADAPTER, DEVICE, FakeCharacteristic, FakeDevice
from fake_bluez.fixtures import SERVICE, VALUE
from fake_bluez.stack import HCI0, MANAGER, FakeBluez, Step
from gattkeeper.errors import LinkError
from gattkeeper.links.bleak_guard import Guard
from gattkeeper.links.fault_tables.bluez import StackPhase
from gattkeeper.model.fault import Fault, Ran
from links.fault_tables.rows import UNPROVOKED, FaultRow, all_rows, rows_of

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 10.0
CCCD = "00002902-0000-1000-8000-00805f9b34fb"
UNKNOWN = "org.freedesktop.DBus.Error.UnknownMethod"
GONE = "org.freedesktop.DBus.Error.UnknownObject"
IN_PROGRESS = "org.bluez.Error.InProgress"
PASSIVE: dict[str, Any] = {
    "scanning_mode": "passive",
    "bluez": {"or_patterns": [OrPattern(0, AdvertisementDataType.FLAGS, b"\x06")]},
}


class Stage:
    """Bleak, a scripted BlueZ with a device, and the bus between them."""

    def __init__(
        self, bluez: FakeBluez, device: FakeDevice, folder: Path, monkeypatch: pytest.MonkeyPatch, bus: PrivateBus
    ) -> None:
        self.bluez = bluez
        self.device = device
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.bus = bus
        self._clients: list[BleakClient] = []

    @property
    def path(self) -> str:
        return self.device.path(HCI0)

    def client(self) -> BleakClient:
        self.bluez.know(self.device)
        known = BLEDevice(self.device.address, "Fake", {"path": self.path, "props": {"Adapter": HCI0}})
        self._clients.append(BleakClient(known))
        return self._clients[-1]

    async def connected(self) -> BleakClient:
        client = self.client()
        await client.connect()
        return client

    async def fails(self, call: Coroutine[Any, Any, Any], phase: StackPhase = "operation") -> Fault:
        with pytest.raises(LinkError) as caught:
            async with asyncio.timeout(LIMIT_S):
                await Guard(0.5).run(call, phase=phase)
        return caught.value.fault

    def speak_to(self, address: str) -> None:
        """From now on Bleak looks for its bus there."""
        self.monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)

    async def close(self) -> None:
        for client in self._clients:
            with contextlib.suppress(Exception):
                await client.disconnect()


async def lost_in_discovery(stage: Stage) -> Fault:
    stage.device.lost_in_discovery = True
    return await stage.fails(stage.client().connect(), "connect")


async def not_connected(stage: Stage) -> Fault:
    return await stage.fails(stage.client().start_notify(VALUE, lambda _sender, _payload: None))


async def not_discovered(stage: Stage) -> Fault:
    return await stage.fails(stage.client().read_gatt_char(VALUE))


async def connected_already(stage: Stage) -> Fault:
    return await stage.fails((await stage.connected()).connect())


async def no_such_adapter(stage: Stage) -> Fault:
    return await stage.fails(BleakScanner(bluez={"adapter": "hci7"}).start(), "connect")


async def no_such_device(stage: Stage) -> Fault:
    client = stage.client()
    stage.bluez.remove_device(stage.device)
    return await stage.fails(client.connect(), "connect")


async def no_interface(stage: Stage) -> Fault:
    """BlueZ takes the device's interface away while it pairs, and leaves another one on the same path."""
    client = stage.client()
    stage.bluez.objects[stage.path]["org.bluez.Battery1"] = {}
    manager = await get_global_bluez_manager()
    usual = stage.bluez.usual

    async def pair_and_go(message: Message) -> tuple[str, list[Any]]:
        if message.member != "Pair":
            return await usual(message)
        stage.bluez._signal("/", MANAGER, "InterfacesRemoved", "oas", [stage.path, [DEVICE]])
        while DEVICE in manager._properties[stage.path]:
            await asyncio.sleep(0)
        return "", []

    stage.monkeypatch.setattr(stage.bluez, "usual", pair_and_go)
    return await stage.fails(client._backend.connect(pair=True, timeout=LIMIT_S), "connect")


async def no_property(stage: Stage) -> Fault:
    client = stage.client()
    del stage.bluez.objects[stage.path][DEVICE]["ServicesResolved"]
    stage.device.delay_s = LIMIT_S
    return await stage.fails(client.connect(), "connect")


async def no_value(stage: Stage) -> Fault:
    return await stage.fails((await stage.connected()).read_gatt_char(VALUE, use_cached=True))


async def two_of_one_uuid(stage: Stage) -> Fault:
    stage.device.layout = {SERVICE: [FakeCharacteristic(VALUE, ["read"]) for _ in range(2)]}
    return await stage.fails((await stage.connected()).read_gatt_char(VALUE))


async def too_old(stage: Stage) -> Fault:
    program = stage.folder / "bluetoothctl"
    program.write_text("#!/bin/sh\necho 'bluetoothctl: 5.50'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    stage.monkeypatch.setenv("PATH", str(stage.folder), prepend=":")
    for name, value in (
        ("checked_bluez_version", False),
        ("supported_version", True),
        ("_check_bluez_event", None),
    ):
        stage.monkeypatch.setattr(BlueZFeatures, name, value)
    return await stage.fails(stage.client().connect(), "connect")


async def no_passive_scan(stage: Stage) -> Fault:
    stage.bluez.script("RegisterMonitor", Step(refuse=UNKNOWN, text="no such method"))
    return await stage.fails(BleakScanner(**PASSIVE).start(), "connect")


async def unheard_of(stage: Stage) -> Fault:
    return await stage.fails((await stage.connected()).read_gatt_descriptor(999))


async def device_not_found(stage: Stage) -> Fault:
    stage.bluez.script("Connect", Step(refuse=GONE, text="gone"))
    return await stage.fails(stage.client().connect(), "connect")


async def characteristic_not_found(stage: Stage) -> Fault:
    return await stage.fails((await stage.connected()).read_gatt_char("00001234-0000-1000-8000-00805f9b34fb"))


async def roles_missing(stage: Stage) -> Fault:
    """An adapter that BlueZ shows without its roles, as an old one does."""
    del stage.bluez.objects[HCI0][ADAPTER]["Roles"]
    return await stage.fails(BleakScanner().start(), "connect")


async def torn_down_while_polling(stage: Stage) -> Fault:
    client = await stage.connected()
    stage.bluez.always["WriteValue"] = Step(refuse=IN_PROGRESS, text="In Progress")
    writing = asyncio.ensure_future(stage.fails(client.write_gatt_char(VALUE, b"x", response=True)))
    await stage.bluez.until_called("WriteValue", times=2)
    await client.disconnect()
    return await writing


async def torn_down_while_waiting(stage: Stage) -> Fault:
    client = await stage.connected()
    stage.device.silent = True
    writing = asyncio.ensure_future(stage.fails(client.write_gatt_char(VALUE, b"x", response=True)))
    await stage.bluez.asked.get()
    await client.disconnect()
    return await writing


async def cancelled_by_another(stage: Stage) -> Fault:
    """Two wait for the end of one bus connection; cancelling the one cancels the future of both."""
    client = await stage.connected()
    other = asyncio.ensure_future(client._backend._bus.wait_for_disconnect())
    stage.bluez.script("Disconnect", Step(hang=True))
    leaving = asyncio.ensure_future(stage.fails(client.disconnect()))
    await stage.bluez.until_called("Disconnect")
    other.cancel()
    await asyncio.wait({other})
    stage.bluez.drop_link(stage.device)
    client._backend._bus.disconnect()
    return await leaving


async def no_socket(stage: Stage) -> Fault:
    stage.speak_to(f"unix:path={stage.folder}/nothing")
    return await stage.fails(BleakScanner().start(), "connect")


async def nobody_at_the_socket(stage: Stage) -> Fault:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(stage.folder / "silent"))
        stage.speak_to(f"unix:path={stage.folder}/silent")
        return await stage.fails(BleakScanner().start(), "connect")


async def no_end_to_a_disconnect(stage: Stage) -> Fault:
    """BlueZ answers, and never says that the link is down; Bleak's 10 s are cut short here."""
    client = await stage.connected()
    stage.device.phantom = True
    stage.monkeypatch.setattr(bleak_client, "async_timeout", lambda _seconds: asyncio.timeout(0.05))
    return await stage.fails(client.disconnect())


async def no_end_to_a_connect(stage: Stage) -> Fault:
    stage.device.in_reach = False
    return await stage.fails(stage.client().connect(timeout=0.05), "connect")


async def no_socket_can_be_there(stage: Stage) -> Fault:
    stage.speak_to(f"unix:path={stage.folder}/{'x' * 200}")
    return await stage.fails(BleakScanner().start(), "connect")


async def no_address(stage: Stage) -> Fault:
    stage.speak_to("nonsense")
    return await stage.fails(BleakScanner().start(), "connect")


async def subscribed_by_hand(stage: Stage) -> Fault:
    stage.device.layout = {SERVICE: [FakeCharacteristic(VALUE, ["notify"], descriptors={CCCD: b""})]}
    client = await stage.connected()
    (handle,) = client.services.descriptors
    return await stage.fails(client.write_gatt_descriptor(handle, b"\x01\x00"))


async def no_bluetooth(stage: Stage) -> Fault:
    stage.bluez.remove_adapter()
    return await stage.fails(BleakScanner().start(), "connect")


async def no_central(stage: Stage) -> Fault:
    stage.bluez.objects[HCI0][ADAPTER]["Roles"] = Variant("as", ["peripheral"])
    return await stage.fails(BleakScanner().start(), "connect")


async def powered_off(stage: Stage) -> Fault:
    stage.bluez.power(on=False)
    return await stage.fails(BleakScanner().start(), "connect")


async def another_user(stage: Stage) -> Fault:
    """The bus does not believe who Bleak says that it is, as in a container with other user ids."""
    stage.monkeypatch.setenv("BLEAK_DBUS_AUTH_UID", "54321")
    return await stage.fails(BleakScanner().start(), "connect")


PROVOCATIONS: dict[str, Callable[[Stage], Awaitable[Fault]]] = {
    "failed to discover services, device disconnected": lost_in_discovery,
    "Not connected": not_connected,
    "Service Discovery has not been performed yet": not_discovered,
    "Client is already connected": connected_already,
    "adapter '.*' not found": no_such_adapter,
    "device '.*' not found": no_such_device,
    "Interface .* not found for device": no_interface,
    "Property .* not found for": no_property,
    "(characteristic|descriptor) at .* not found, device may be disconnected": no_value,
    "Multiple Characteristics with this UUID": two_of_one_uuid,
    "Bleak requires BlueZ": too_old,
    "passive scanning on Linux requires": no_passive_scan,
    "any other": unheard_of,
    "BleakDeviceNotFoundError": device_not_found,
    "BleakCharacteristicNotFoundError": characteristic_not_found,
    "KeyError": roles_missing,
    "AssertionError": torn_down_while_polling,
    "EOFError": torn_down_while_waiting,
    "CancelledError": cancelled_by_another,
    "FileNotFoundError": no_socket,
    "ConnectionRefusedError": nobody_at_the_socket,
    "TimeoutError": no_end_to_a_disconnect,
    "TimeoutError, connecting": no_end_to_a_connect,
    "OSError": no_socket_can_be_there,
    "DBusFastError": no_address,
    "ValueError": subscribed_by_hand,
    "no bluetooth": no_bluetooth,
    "no ble central role": no_central,
    "powered off": powered_off,
    "denied by system": another_user,
}
"""What a row says: how it comes about."""

RAISED_AS = {"TimeoutError, connecting": "TimeoutError", "DBusFastError": "InvalidAddressError"}
"""Rows that stand for others than the class that they name: for its children, or for one phase."""

RAISED = [row for table in ("Bleak's texts", "exceptions", "no Bluetooth") for row in rows_of(table)]


@pytest.fixture
def stage(
    bluez: FakeBluez, device: FakeDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system_bus: PrivateBus
) -> Stage:
    return Stage(bluez, device, tmp_path, monkeypatch, system_bus)


@pytest.mark.parametrize("row", RAISED, ids=lambda row: row.said)
async def test_bleak_raises_it(stage: Stage, row: FaultRow) -> None:
    fault = await PROVOCATIONS[row.said](stage)
    await stage.close()
    assert (fault.kind, fault.ran) in ((row.kind, row.ran), (row.kind, Ran.NO)), fault  # NO where it connects
    assert re.match(row.text, fault.text)
    assert row.table != "exceptions" or fault.name == RAISED_AS.get(row.name, row.name)
    assert row.table != "no Bluetooth" or row.name.upper().replace(" ", "_") in fault.text


async def test_nothing_is_called_unprovoked_that_is_no_row() -> None:
    assert set(UNPROVOKED) <= {row.id for row in all_rows()}


async def test_no_two_rows_are_the_same() -> None:
    ids = [row.id for row in all_rows()]
    assert len(ids) == len(set(ids))
