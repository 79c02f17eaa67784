"""A Bleak connection on the scripted BlueZ: what it does where Bleak alone hangs, lies or raises oddly.

M1 to M18 name situations that were measured with Bleak alone; each test shows what we make of one.
"""

import asyncio

import pytest

from fake_bluez.device import FakeDevice
from fake_bluez.fixtures import NAMED, SECOND, TICKS, VALUE
from fake_bluez.stack import HCI0, FakeBluez, Step
from gattkeeper.errors import LinkError
from gattkeeper.links.bleak_connection import BleakConnection
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef, normal_uuid
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import (
    Operation,
    Pair,
    Read,
    ReadDescriptor,
    RequestMtu,
    Subscribe,
    SubscriptionKind,
    Unpair,
    Write,
    WriteDescriptor,
    WriteMode,
)
from gattkeeper.model.outcome import Phase
from link_contract.bench import ConnectionLog

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

BLUEZ = "org.bluez.Error."
LIMIT_S = 10.0


def at(uuid: str) -> CharacteristicRef:
    return CharacteristicRef(uuid=uuid)


def write(payload: bytes, uuid: str = VALUE, mode: WriteMode = WriteMode.WITH_RESPONSE) -> Write:
    return Write(target=at(uuid), payload=payload, mode=mode)


async def up(link: BleakLink, device: FakeDevice) -> tuple[BleakConnection, ConnectionLog]:
    log = ConnectionLog()
    async with asyncio.timeout(LIMIT_S):
        connection = await link.connect(DeviceAddress(value=device.address), log)
    assert isinstance(connection, BleakConnection)
    return connection, log


async def refusal(connection: BleakConnection, operation: Operation) -> Fault:
    with pytest.raises(LinkError) as caught:
        async with asyncio.timeout(LIMIT_S):
            await connection.perform(operation)
    return caught.value.fault


async def test_m1_after_a_given_up_write_nothing_waits_behind_it(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, _ = await up(link, device)
    device.silent = True
    writing = asyncio.create_task(connection.perform(write(b"ONE")))
    await bluez.asked.get()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    fault = await refusal(connection, write(b"TWO"))
    assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.NO)
    assert bluez.count("WriteValue") == 1
    assert device.applied == [(VALUE, b"ONE")]


async def test_m2_a_write_that_bluez_calls_busy_for_ever_ends_with_its_callers_patience(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, _ = await up(link, device)
    bluez.always["WriteValue"] = Step(refuse=f"{BLUEZ}InProgress", text="In Progress")
    writing = asyncio.create_task(connection.perform(write(b"x")))
    await bluez.until_called("WriteValue", times=3)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await bluez.bus_names()  # a round trip later the last poll has arrived
    polls = bluez.count("WriteValue")
    bluez.always.clear()
    await connection.disconnect()
    assert bluez.count("WriteValue") == polls
    assert device.applied == []


async def test_m3_a_second_operation_on_a_busy_characteristic_is_refused_not_polled(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, _ = await up(link, device)
    device.silent = True
    first = asyncio.create_task(refusal(connection, write(b"first")))
    await bluez.asked.get()
    fault = await refusal(connection, write(b"second", mode=WriteMode.WITHOUT_RESPONSE))
    assert (fault.kind, fault.ran) == (FaultKind.BUSY, Ran.NO)
    assert bluez.count("WriteValue") == 1
    await connection.disconnect()
    assert (await first).ran is Ran.MAYBE


async def test_m5_a_link_lost_in_discovery_fails_connecting_and_tells_no_loss(
    device: FakeDevice, link: BleakLink
) -> None:
    device.lost_in_discovery = True
    log = ConnectionLog()
    with pytest.raises(LinkError) as caught:
        await link.connect(DeviceAddress(value=device.address), log)
    assert (caught.value.fault.kind, caught.value.fault.ran) == (FaultKind.TRANSIENT, Ran.NO)
    assert log.losses == []
    assert Phase.DISCOVERED not in log.phases


async def test_m12_disconnecting_while_bleak_polls_ends_the_write_as_lost(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, log = await up(link, device)
    bluez.always["WriteValue"] = Step(refuse=f"{BLUEZ}InProgress", text="In Progress")
    writing = asyncio.create_task(refusal(connection, write(b"x")))
    await bluez.until_called("WriteValue", times=3)
    await connection.disconnect()
    fault = await writing
    assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.MAYBE)
    assert len(log.losses) == 1


async def test_m13_disconnecting_while_a_write_waits_ends_the_write_as_lost(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, _ = await up(link, device)
    device.silent = True
    writing = asyncio.create_task(refusal(connection, write(b"x")))
    await bluez.asked.get()
    await connection.disconnect()
    fault = await writing
    assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.MAYBE)
    assert not device.connected


async def test_m14_a_lost_link_ends_a_write_that_bluez_never_answers(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, log = await up(link, device)
    device.silent = True
    writing = asyncio.create_task(refusal(connection, write(b"x")))
    await bluez.asked.get()
    bluez.drop_link(device)
    fault = await writing
    assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.MAYBE)
    assert fault.text == "the device is no longer connected"  # told at once, not found out while letting go
    assert [loss.kind for loss in log.losses] == [FaultKind.LINK_LOST]


async def test_m15_an_operation_after_the_loss_says_lost_and_asks_nothing(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, log = await up(link, device)
    bluez.drop_link(device)
    await log.until_lost()
    fault = await refusal(connection, write(b"x"))
    assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.NO)
    assert bluez.count("WriteValue") == 0


async def test_the_table_is_whole_even_where_bluez_shows_its_end_late(device: FakeDevice, link: BleakLink) -> None:
    device.resolved_early = True
    connection, _ = await up(link, device)
    shown = {each.uuid for service in connection.services for each in service.characteristics}
    assert shown == {VALUE, SECOND, TICKS}


@pytest.mark.parametrize(("said", "att_mtu"), [(None, 23), (23, 23), (247, 247), (517, 517)])
async def test_m18_the_mtu_is_the_characteristics_own(
    device: FakeDevice, link: BleakLink, said: int | None, att_mtu: int
) -> None:
    for characteristics in device.layout.values():
        for characteristic in characteristics:
            characteristic.att_mtu = said
    connection, _ = await up(link, device)
    assert connection.att_mtu == att_mtu
    assert await connection.perform(RequestMtu()) == att_mtu
    too_long = write(b"x" * (att_mtu - 2), mode=WriteMode.WITHOUT_RESPONSE)
    assert (await refusal(connection, too_long)).name == "payload"


async def test_the_error_that_bluez_makes_of_a_loss_is_read_as_loss(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, _ = await up(link, device)
    device.drops_when_asked = True
    fault = await refusal(connection, write(b"x"))
    assert (fault.kind, fault.ran, fault.code) == (FaultKind.LINK_LOST, Ran.MAYBE, 0x0E)
    await bluez.until_link(device, up=False)


async def test_the_same_error_on_a_living_link_is_the_devices(device: FakeDevice, link: BleakLink) -> None:
    connection, log = await up(link, device)
    device.att_error = 0x0E
    fault = await refusal(connection, write(b"x"))
    assert (fault.kind, fault.ran, fault.code) == (FaultKind.BUSY, Ran.MAYBE, 0x0E)
    assert log.losses == []


async def test_bleaks_own_loop_of_connects_is_cut(bluez: FakeBluez, device: FakeDevice, link: BleakLink) -> None:
    bluez.know(device)
    device.breaks_at_connect = True
    with pytest.raises(LinkError) as caught:
        async with asyncio.timeout(LIMIT_S):
            await link.connect(DeviceAddress(value=device.address), ConnectionLog())
    assert (caught.value.fault.kind, caught.value.fault.ran) == (FaultKind.TRANSIENT, Ran.NO)
    assert bluez.count("Connect") <= 2
    await bluez.until_link(device, up=False)


async def test_only_a_write_without_response_elsewhere_goes_after_a_given_up_one(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, _ = await up(link, device)
    device.silent = True
    writing = asyncio.create_task(connection.perform(write(b"moving")))
    await bluez.asked.get()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    stop = write(b"stop", mode=WriteMode.WITHOUT_RESPONSE)
    assert (await refusal(connection, stop)).ran is Ran.NO
    assert (await refusal(connection, Read(target=at(SECOND)))).ran is Ran.NO
    await connection.perform(write(b"stop", uuid=SECOND, mode=WriteMode.WITHOUT_RESPONSE))
    assert device.applied == [(VALUE, b"moving"), (SECOND, b"stop")]


async def test_descriptors_are_read_and_written(device: FakeDevice, link: BleakLink) -> None:
    connection, _ = await up(link, device)
    assert await connection.perform(ReadDescriptor(target=at(VALUE), descriptor=normal_uuid("2901"))) == b"value"
    await connection.perform(WriteDescriptor(target=at(VALUE), descriptor=NAMED, payload=b"new"))
    assert await connection.perform(ReadDescriptor(target=at(VALUE), descriptor=NAMED)) == b"new"
    fault = await refusal(connection, ReadDescriptor(target=at(SECOND), descriptor=NAMED))
    assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "no_such_descriptor")


async def test_pairing_is_asked_of_bluez(device: FakeDevice, link: BleakLink) -> None:
    connection, _ = await up(link, device)
    await connection.perform(Pair())
    assert device.paired


async def test_unpairing_removes_the_device_from_bluez(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, log = await up(link, device)
    await connection.perform(Pair())
    await connection.perform(Unpair())
    assert not device.paired
    assert device.path("/org/bluez/hci0") not in bluez.objects
    assert (await log.until_lost()).text == "unpaired"
    await up(link, device)  # found by a scan
    assert len(log.losses) == 1


async def test_a_refused_unpairing_is_told_and_ends_the_connection(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, log = await up(link, device)
    bluez.script("RemoveDevice", Step(refuse=f"{BLUEZ}NotAuthorized", text="no"))
    assert (await refusal(connection, Unpair())).kind is FaultKind.REJECTED
    await log.until_lost()
    await connection.disconnect()
    assert len(log.losses) == 1


async def test_an_adapter_that_goes_away_ends_an_unpairing_at_once(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, log = await up(link, device)
    bluez.script("RemoveDevice", Step(hang=True))
    unpairing = asyncio.create_task(refusal(connection, Unpair()))
    await bluez.until_called("RemoveDevice")
    bluez.remove_adapter()
    fault = await unpairing
    assert (fault.kind, fault.ran) == (FaultKind.ADAPTER_GONE, Ran.MAYBE)
    assert len(log.losses) == 1


async def test_where_bluez_chooses_the_kind_nobody_else_may(device: FakeDevice, link: BleakLink) -> None:
    (layout,) = device.layout.values()
    next(each for each in layout if each.uuid == TICKS).flags.append("indicate")
    connection, _ = await up(link, device)
    for kind in (SubscriptionKind.NOTIFY, SubscriptionKind.INDICATE):
        fault = await refusal(connection, Subscribe(target=at(TICKS), kind=kind))
        assert (fault.kind, fault.ran) == (FaultKind.UNSUPPORTED, Ran.NO)
        assert "subscribe to either" in fault.text
    await connection.perform(Subscribe(target=at(TICKS)))


async def test_missing_keys_are_told_from_a_refusal(device: FakeDevice, link: BleakLink) -> None:
    connection, _ = await up(link, device)
    device.att_error = 0x05
    fault = await refusal(connection, write(b"x"))
    assert (fault.kind, fault.ran, fault.text) == (FaultKind.NEEDS_PAIRING, Ran.REFUSED, "Not paired")


async def test_nothing_is_heard_after_the_end(bluez: FakeBluez, device: FakeDevice, link: BleakLink) -> None:
    connection, log = await up(link, device)
    await connection.perform(Subscribe(target=at(TICKS)))
    bluez.notify(device, TICKS, b"1")
    assert await log.next_notification() == (TICKS, b"1")
    await connection.disconnect()
    second, later = await up(link, device)
    await second.perform(Subscribe(target=at(TICKS)))
    bluez.notify(device, TICKS, b"2")
    assert await later.next_notification() == (TICKS, b"2")
    assert log.notifications.empty()


async def test_a_disconnect_that_bluez_never_answers_is_given_up(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gattkeeper.links.bleak_connection.DISCONNECT_S", 0.1)
    connection, log = await up(link, device)
    bluez.script("Disconnect", Step(hang=True))
    async with asyncio.timeout(LIMIT_S):
        await connection.disconnect()
    assert len(log.losses) == 1


async def test_the_loss_is_told_when_the_link_is_down_not_when_it_is_asked_for(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, log = await up(link, device)
    bluez.script("Disconnect", Step(after_s=0.05, then_usual=True))
    ending = asyncio.create_task(connection.disconnect())
    await bluez.until_called("Disconnect")
    assert log.losses == []
    await ending
    assert not device.connected
    assert len(log.losses) == 1


async def test_a_table_that_changes_is_not_written_to_by_the_paths_of_before(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    connection, log = await up(link, device)
    ((service, characteristics), *others) = device.layout.items()
    bluez.change_attributes(device, {service: characteristics[::-1], **dict(others)})
    await link._watch.device(HCI0, device.address)  # a round trip later the news has arrived
    for mode in WriteMode:
        fault = await refusal(connection, write(b"x", mode=mode))
        assert (fault.kind, fault.ran) == (FaultKind.STALE, Ran.NO)
    assert await connection.perform(RequestMtu()) == 517
    await connection.disconnect()
    again, _ = await up(link, device)
    await again.perform(write(b"x"))
    assert device.applied == [(VALUE, b"x")]
    assert len(log.losses) == 1
