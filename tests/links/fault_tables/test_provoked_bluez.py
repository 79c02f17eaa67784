"""Each row of D-Bus errors, brought about: a scripted BlueZ answers a call of Bleak with it, over a real bus."""

import asyncio

import pytest

from fake_bluez.device import FakeDevice
from fake_bluez.fixtures import TICKS, VALUE
from fake_bluez.stack import FakeBluez, Step
from gattkeeper.errors import LinkError
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.links.fault_tables import bluez as table
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Operation, Pair, Read, Subscribe, Write
from link_contract.bench import ConnectionLog
from links.fault_tables.rows import FaultRow, rows_of

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 10.0
UNKNOWN_OBJECT = "org.freedesktop.DBus.Error.UnknownObject"
OPERATIONS: dict[str, Operation] = {
    "WriteValue": Write(target=CharacteristicRef(uuid=VALUE), payload=b"x"),
    "ReadValue": Read(target=CharacteristicRef(uuid=VALUE)),
    "StartNotify": Subscribe(target=CharacteristicRef(uuid=TICKS)),
    "Pair": Pair(),
}

READING = ("Failed to send read request",)
NOTIFYING = (
    "Notify acquired",
    "Failed to register notify session",
    "Failed to subscribe",
    "org.bluez.Error.InProgress",  # reads and writes Bleak repeats for ever
    "org.bluez.Error.NotSupported",  # which for reads and writes is an ATT code to Bleak
    "org.bluez.Error.AlreadyExists",  # which for a pairing is as good as done
)
WRITING = (
    "Write acquired",
    "Not paired",
    "Software caused connection abort",
    "Host is down",
    "Connection refused",
    "Connection timed out",
    "Connection reset by peer",
    "Input/output error",
    "Transport endpoint is not connected",
    "Bad address",
    "Not connected",
    "Operation failed",
    "Failed to initiate write",
    "No ATT transport",
    "org.bluez.Error.NotConnected",
    "org.bluez.Error.NotPermitted",
    "org.bluez.Error.InvalidArguments",
)
KEPT = "le-connection-abort-by-local"
"""While connecting, Bleak keeps this one to itself, and tries again: see the tests of the connection."""
ENDS_A_SCAN = "No discovery started"


def call_for(row: FaultRow) -> str:
    """The call that BlueZ answers so, or one that it could; the bus may answer anything so."""
    said = row.text or row.name
    for member, texts in (("ReadValue", READING), ("StartNotify", NOTIFYING), ("WriteValue", WRITING)):
        if said in texts:
            return member
    return "WriteValue" if row.name.startswith("org.freedesktop.") else "Pair"


async def fault_of_operation(link: BleakLink, bluez: FakeBluez, device: FakeDevice, row: FaultRow) -> Fault:
    async with asyncio.timeout(LIMIT_S):
        connection = await link.connect(DeviceAddress(value=device.address), ConnectionLog())
        member = call_for(row)
        bluez.script(member, Step(refuse=row.name, text=row.text))
        with pytest.raises(LinkError) as caught:
            await connection.perform(OPERATIONS[member])
        assert not bluez.scripts[member]
    return caught.value.fault


async def fault_of_connecting(link: BleakLink, bluez: FakeBluez, device: FakeDevice, row: FaultRow) -> Fault:
    """Of a Connect; where Bleak has its own word for that, of the scan that goes before it."""
    if row.text == ENDS_A_SCAN:
        return await _fault_of_scan(link, bluez, "StopDiscovery", row)
    if row.name == UNKNOWN_OBJECT:
        return await _fault_of_scan(link, bluez, "StartDiscovery", row)
    bluez.know(device)
    bluez.script("Connect", Step(refuse=row.name, text=row.text))
    with pytest.raises(LinkError) as caught:
        async with asyncio.timeout(LIMIT_S):
            await link.connect(DeviceAddress(value=device.address), ConnectionLog())
    return caught.value.fault


async def _fault_of_scan(link: BleakLink, bluez: FakeBluez, member: str, row: FaultRow) -> Fault:
    bluez.script(member, Step(refuse=row.name, text=row.text))
    with pytest.raises(LinkError) as caught:
        async with asyncio.timeout(LIMIT_S):
            _ = [sighting async for sighting in link.scan(0.01)]
    return caught.value.fault


def connecting(row: FaultRow) -> FaultKind:
    """What a row means while connecting: the same, unless it has a row of its own for that."""
    for (name, text), (kind, _) in table.CONNECTING.items():
        if row.name == name and row.text.startswith(text):
            return kind
    return row.kind


@pytest.mark.parametrize("row", rows_of("BlueZ"), ids=lambda row: row.said)
async def test_bluez_answers_it(bluez: FakeBluez, device: FakeDevice, link: BleakLink, row: FaultRow) -> None:
    if row.text != KEPT:
        fault = await fault_of_connecting(link, bluez, device, row)
        assert (fault.kind, fault.ran, fault.name) == (connecting(row), Ran.NO, row.name)
    fault = await fault_of_operation(link, bluez, device, row)
    assert (fault.kind, fault.ran) == (row.kind, row.ran)
    assert (fault.stack, fault.name) == ("bluez", row.name)
    assert fault.text.startswith(row.text), "advice may follow"


@pytest.mark.parametrize("row", rows_of("BlueZ, connecting"), ids=lambda row: row.said)
async def test_bluez_answers_a_connection_with_it(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink, row: FaultRow
) -> None:
    fault = await fault_of_connecting(link, bluez, device, row)
    assert (fault.kind, fault.ran) == (row.kind, row.ran)
    assert (fault.stack, fault.name, fault.text) == ("bluez", row.name, row.text)
