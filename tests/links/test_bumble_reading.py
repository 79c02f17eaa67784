"""Values, advertisements and addresses are read as they are meant, also when somebody sends nonsense."""

import asyncio

import pytest
from bumble.core import AdvertisingData
from bumble.device import Advertisement
from bumble.hci import Address

from gattkeeper.links.bumble_reading import bumble_address, device_address, sighting_of
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.gatt import normal_uuid
from gattkeeper.model.identity import AddressKind, DeviceAddress
from gattkeeper.model.operation import Read, Write
from gattkeeper.world import AnswerError, AttOpcode, Match, Moment, Replace, Rule, run_virtual
from link_contract.bench import CONSTANT, VALUE, connected
from link_contract.bumble_bench import bumble_bench
from link_contract.checks_operation import at, refusal

RANDOM = Address("F0:00:00:00:00:01", Address.RANDOM_DEVICE_ADDRESS)
COMPLETE_NAME, SHORT_NAME, SERVICES_16, SERVICES_128, MANUFACTURER = 0x09, 0x08, 0x03, 0x07, 0xFF
SERVICE_DATA_16, SERVICE_DATA_32, SERVICE_DATA_128, TX_POWER = 0x16, 0x20, 0x21, 0x0A


def heard(*fields, rssi=-60):
    data = b"".join(bytes([len(value) + 1, kind]) + value for kind, value in fields)
    return sighting_of(Advertisement(address=RANDOM, rssi=rssi, data_bytes=data))


def test_an_advertisement_is_read_whole():
    long_uuid = "f0c0a000-8f2b-4b5e-9d3c-6a1e5d2c7b00"
    sighting = heard(
        (COMPLETE_NAME, b"Lounge"),
        (SERVICES_16, bytes.fromhex("0f180a18")),
        (SERVICES_128, bytes.fromhex(long_uuid.replace("-", ""))[::-1]),
        (MANUFACTURER, b"\x4c\x00\x01\x02"),
    )
    assert sighting.address == DeviceAddress(value="F0:00:00:00:00:01", kind=AddressKind.RANDOM)
    assert (sighting.name, sighting.rssi_dbm) == ("Lounge", -60)
    assert sighting.services == (normal_uuid("180f"), normal_uuid("180a"), long_uuid)
    assert sighting.manufacturer_data == {0x004C: b"\x01\x02"}


def test_service_data_and_the_power_are_read():
    long_uuid = "f0c0a000-8f2b-4b5e-9d3c-6a1e5d2c7b00"
    sighting = heard(
        (SERVICE_DATA_16, b"\x3d\xfdswitch"),
        (SERVICE_DATA_32, b"\x01\x00\x02\x00"),
        (SERVICE_DATA_128, bytes.fromhex(long_uuid.replace("-", ""))[::-1] + b"long"),
        (TX_POWER, b"\xf4"),
    )
    assert sighting.service_data == {
        normal_uuid("fd3d"): b"switch",
        "00020001-0000-1000-8000-00805f9b34fb": b"",
        long_uuid: b"long",
    }
    assert sighting.tx_power_dbm == -12
    assert heard((TX_POWER, b"\x04")).tx_power_dbm == 4


def test_the_complete_name_goes_before_the_short_one():
    assert heard((SHORT_NAME, b"Lou"), (COMPLETE_NAME, b"Lounge")).name == "Lounge"
    assert heard((SHORT_NAME, b"Lou")).name == "Lou"


def test_an_unknown_signal_strength_is_none():
    assert heard(rssi=127).rssi_dbm is None


def test_nonsense_is_left_out():
    sighting = heard(
        (COMPLETE_NAME, b"\xff\xfe"),
        (SERVICES_16, b"\x0f\x18\x0a"),
        (MANUFACTURER, b"\x4c"),
        (SERVICE_DATA_16, b"\x0f"),
        (TX_POWER, b"\x01\x02"),
    )
    assert sighting.name == "\ufffd\ufffd"
    assert sighting.services == (normal_uuid("180f"),)
    assert sighting.manufacturer_data == {}
    assert (sighting.service_data, sighting.tx_power_dbm) == ({}, None)


def test_a_cut_off_advertisement_is_read_as_far_as_it_goes():
    advertisement = Advertisement(address=RANDOM, rssi=-60, data_bytes=bytes([3, COMPLETE_NAME, 0x4C]))
    assert sighting_of(advertisement).address.value == "F0:00:00:00:00:01"


def test_the_service_lists_are_those_of_the_assigned_numbers():
    assert AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS == SERVICES_16
    assert AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS == SERVICES_128


@pytest.mark.parametrize("kind", [AddressKind.PUBLIC, AddressKind.RANDOM])
def test_an_address_keeps_its_kind_both_ways(kind):
    address = DeviceAddress(value="F0:00:00:00:00:01", kind=kind)
    assert device_address(bumble_address(address)) == address


def on_a_connection(story, *rules: Rule, att_mtu: int = 23) -> None:
    """Run a story on a connection to the bench's device; the rules hold from before it is made."""

    async def run() -> None:
        async with bumble_bench(att_mtu) as bench:
            bench.radio.rules.extend(rules)
            connection, _ = await connected(bench)
            await story(bench, connection)

    run_virtual(run())


def answered(opcode: int, pdu: bytes) -> Rule:
    return Rule(Match(moment=Moment.FROM_DEVICE, opcode=opcode), Replace(pdu=pdu))


@pytest.mark.parametrize("att_mtu", [0, 1, 5, 22])
def test_an_att_mtu_that_no_device_may_have_is_the_least_that_all_have(att_mtu):
    async def story(_bench, connection):
        assert connection.att_mtu == 23
        for length in (20, 21, 100):
            await connection.perform(Write(target=at(VALUE), payload=bytes(range(length))))
            assert await connection.perform(Read(target=at(VALUE))) == bytes(range(length))

    on_a_connection(story, answered(AttOpcode.EXCHANGE_MTU_RESPONSE, b"\x03" + att_mtu.to_bytes(2, "little")))


@pytest.mark.parametrize("length", [0, 1, 21, 22, 23, 44, 45, 505, 506, 507, 511, 512])
def test_a_value_is_read_whole_however_many_requests_it_takes(length):
    async def story(bench, connection):
        bench.device.characteristic(VALUE).value = bytes(each % 251 for each in range(length))
        assert await connection.perform(Read(target=at(VALUE))) == bench.device.characteristic(VALUE).value

    on_a_connection(story)


def test_a_value_without_an_end_is_given_up_where_every_value_ends():
    async def story(bench, connection):
        bench.device.characteristic(VALUE).value = bytes(512)
        endless = [answered(AttOpcode.READ_RESPONSE, b"\x0b" + bytes(22)), answered(0x0D, b"\x0d" + bytes(22))]
        bench.radio.rules.extend(endless)
        fault = await refusal(connection, Read(target=at(VALUE)))
        assert (fault.kind, fault.name) == (FaultKind.REJECTED, "malformed_value")
        assert fault.text == "the device has a value longer than 512 bytes"
        bench.radio.rules.clear()
        assert await connection.perform(Read(target=at(CONSTANT))) == b"constant"

    on_a_connection(story)


def test_a_part_that_is_refused_fails_the_read_with_the_devices_code():
    async def story(bench, connection):
        bench.device.characteristic(VALUE).value = bytes(100)
        match = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.READ_BLOB_REQUEST)
        bench.radio.rules.append(Rule(match, AnswerError(code=0x05)))
        assert (await refusal(connection, Read(target=at(VALUE)))).code == 0x05

    on_a_connection(story)


def report(address_type: int, data: bytes, said_length: int | None = None) -> bytes:
    """An LE Advertising Report as a controller sends it (Core Specification, Vol 4, Part E, 7.7.65.2)."""
    address = bytes.fromhex("99 00 00 00 00 f0")
    length = len(data) if said_length is None else said_length
    body = b"\x02\x01\x00" + bytes([address_type]) + address + bytes([length]) + data + b"\xc4"
    return b"\x04\x3e" + bytes([len(body)]) + body


ODD_REPORTS = {
    "an address of no known type": report(0x07, b"\x02\x01\x06"),
    "a name that is no UTF-8": report(0x01, b"\x04\x09\xff\xfe\x41"),
    "a field longer than what is there": report(0x01, b"\x1f\x09\x41"),
    "fields of length 0": report(0x01, bytes(31)),
    "a service list cut short": report(0x01, b"\x04\x03\x0f\x18\x0a"),
    "a report longer than its event": report(0x01, b"\x02\x01\x06", said_length=31),
    "a report without anything": b"\x04\x3e\x02\x02\x01",
}


@pytest.mark.parametrize("case", ODD_REPORTS)
def test_an_odd_advertisement_harms_no_scan_and_hides_nobody(case):
    async def run() -> None:
        async with bumble_bench() as bench:
            host = bench.link._adapter._device.host
            disturbed, heard = [], {}
            asyncio.get_running_loop().set_exception_handler(lambda _loop, context: disturbed.append(context))
            asyncio.get_running_loop().call_later(0.01, host.on_packet, ODD_REPORTS[case])
            async for each in bench.link.scan(0.5):
                heard[each.address.value] = each
            assert disturbed == []
            assert "F0:00:00:00:00:01" in heard
            odd = heard.get("F0:00:00:00:00:99")
            assert odd is None or odd.name in ("", "\ufffd\ufffdA")

    run_virtual(run())
