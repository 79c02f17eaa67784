"""A virtual device as a central sees it: attributes, errors, notifications, another table."""

import asyncio

import pytest
from bumble.core import ProtocolError
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.gatt import Property, normal_uuid
from gattkeeper.world import (
    Advertised,
    VirtualCharacteristic,
    VirtualDevice,
    VirtualRadio,
    VirtualService,
    run_virtual,
)
from gattkeeper.world.virtual_blind import (
    BATTERY_LEVEL,
    BLIND_MOTOR,
    BLIND_POSITION,
    BLIND_SERVICE,
    BLIND_TARGET,
)
from world.raw_central import RawCentral, connect, lounge, on_air, power_on

LEVEL = "fe51"
SERVICE_CHANGED = "2a05"


def lamp(*characteristics: VirtualCharacteristic) -> VirtualDevice:
    return VirtualDevice("lamp", "F0:00:00:00:00:07", (VirtualService("fe50", characteristics),))


async def subscribed(central: RawCentral, uuid: str, *, indications: bool = False) -> list[bytes]:
    values: list[bytes] = []
    characteristic = central.characteristic(uuid)
    await characteristic.subscribe(lambda value: values.append(bytes(value)), prefer_notify=not indications)
    return values


def test_it_is_read_and_written_over_the_air():
    async def scenario():
        blind = lounge(position=40)
        central = await on_air(VirtualRadio(), blind.device)
        assert await central.read(BLIND_POSITION) == b"\x28"
        assert await central.read(BATTERY_LEVEL) == b"\x57"
        assert await central.read("2a00") == b"lounge"
        await central.write(BLIND_TARGET, b"\x00")
        assert [(one.characteristic, one.payload) for one in blind.device.applied] == [(BLIND_TARGET, b"\x00")]

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("uuid", "payload", "code"),
    [(BLIND_TARGET, b"\x65", 0x13), (BLIND_TARGET, b"", 0x0D), (BLIND_POSITION, b"x", 3)],
)
def test_its_refusals_are_att_errors(uuid, payload, code):
    async def scenario():
        central = await on_air(VirtualRadio(), lounge().device)
        with pytest.raises(ProtocolError) as refused:
            await central.write(uuid, payload)
        assert refused.value.error_code == code
        with pytest.raises(ProtocolError) as refused:
            await central.read(BLIND_MOTOR)
        assert refused.value.error_code == 0x02

    run_virtual(scenario())


def test_notifications_reach_those_that_subscribed_only():
    async def scenario():
        blind = lounge(position=0)
        central = await on_air(VirtualRadio(), blind.device)
        await central.write(BLIND_TARGET, b"\x02")
        await asyncio.sleep(5)
        positions = await subscribed(central, BLIND_POSITION)
        await central.write(BLIND_TARGET, b"\x06")
        await asyncio.sleep(5)
        assert positions == [b"\x04", b"\x06"]

    run_virtual(scenario())


def test_a_characteristic_that_only_indicates_indicates():
    async def scenario():
        alarm = VirtualCharacteristic(LEVEL, Property.INDICATE)
        device = lamp(alarm)
        central = await on_air(VirtualRadio(), device)
        values = await subscribed(central, LEVEL, indications=True)
        for value in (b"one", b"two"):
            device.notify(alarm, value)
        await asyncio.sleep(1)
        assert values == [b"one", b"two"]

    run_virtual(scenario())


def test_an_encrypted_characteristic_opens_after_pairing():
    async def scenario():
        device = lamp(VirtualCharacteristic(LEVEL, Property.READ | Property.WRITE, b"secret", encrypted=True))
        central = await on_air(VirtualRadio(), device)
        for use in (central.read(LEVEL), central.write(LEVEL, b"x")):
            with pytest.raises(ProtocolError) as refused:
                await use
            assert refused.value.error_code == 0x0F
        await central.connection.pair()
        assert await central.read(LEVEL) == b"secret"
        await central.write(LEVEL, b"x")

    run_virtual(scenario())


def test_another_table_is_indicated_and_found_at_other_handles():
    async def scenario():
        radio, blind = VirtualRadio(), lounge()
        central = await on_air(radio, blind.device)
        changes = await subscribed(central, SERVICE_CHANGED, indications=True)
        before = central.characteristic(BLIND_TARGET).handle
        target = blind.device.characteristic(BLIND_TARGET)
        added = VirtualService("fe50", (VirtualCharacteristic(LEVEL, Property.READ, b"new"),))
        radio.change_services(blind.device, (added, *blind.device.services))
        await asyncio.sleep(1)
        assert changes == [b"\x01\x00\xff\xff"]
        await central.connection.disconnect()
        central = await connect(central.device, blind.device)
        assert await central.read(LEVEL) == b"new"
        assert central.characteristic(BLIND_TARGET).handle == before + 3
        await central.write(BLIND_TARGET, b"\x07")
        assert target.value == b"\x07"

    run_virtual(scenario())


def test_a_stale_handle_means_something_else_after_the_change():
    async def scenario():
        radio = VirtualRadio()
        level = VirtualCharacteristic(LEVEL, Property.READ | Property.NOTIFY, b"old")
        device = lamp(level)
        central = await on_air(radio, device)
        values = await subscribed(central, LEVEL)
        assert await central.read(LEVEL) == b"old"
        radio.change_services(device, ())
        device.notify(level, b"nobody hears this")
        with pytest.raises(ProtocolError) as refused:
            await central.read(LEVEL)
        assert refused.value.error_code in (0x01, 0x0A)
        assert values == []

    run_virtual(scenario())


def test_it_advertises_its_name_and_as_much_else_as_fits():
    async def scenario():
        radio = VirtualRadio()
        await radio.add(lamp())
        await radio.add(lounge().device)
        await radio.add(VirtualDevice("n" * 27, "F0:00:00:00:00:08", ()))
        central = await power_on(radio)
        heard = {}
        central.on("advertisement", lambda one: heard.setdefault(str(one.address), bytes(one.data)))
        await central.start_scanning()
        await asyncio.sleep(1)
        assert heard["F0:00:00:00:00:07"] == bytes.fromhex("020106 0509") + b"lamp" + bytes.fromhex("0303 50fe")
        assert heard["F0:00:00:00:00:01"].startswith(bytes.fromhex("020106 0709") + b"lounge")
        assert heard["F0:00:00:00:00:08"] == bytes.fromhex("020106")

    run_virtual(scenario())


def test_what_it_advertises_is_heard_as_far_as_there_is_room():
    async def scenario():
        advertised = Advertised(
            manufacturer_data={0x0969: b"\xc1\xc2\xc3\xc4"},
            service_data={BLIND_SERVICE: b"moves", normal_uuid("fd3d"): b"T\x00d"},
            tx_power_dbm=-4,
        )
        radio = VirtualRadio()
        await radio.add(VirtualDevice("lamp", "F0:00:00:00:00:07", (), advertised=advertised))
        link = BumbleLink(radio.adapter("C0:00:00:00:00:01"), name="virtual")
        await link.open(lambda _up, _fault: None)
        told = await anext(link.scan(0.5))
        assert told.name == "lamp"
        assert told.manufacturer_data == advertised.manufacturer_data
        assert told.service_data == {normal_uuid("fd3d"): b"T\x00d"}  # there is no room for the other one
        assert told.tx_power_dbm == -4
        await link.close()
        await radio.close()

    run_virtual(scenario())


def test_it_knows_when_its_connection_ends():
    async def scenario():
        radio, ends = VirtualRadio(), []
        device = VirtualDevice(
            "lamp", "F0:00:00:00:00:07", (), on_disconnected=lambda: ends.append(device.connections)
        )
        central = await on_air(radio, device)
        radio.break_link(device)
        await asyncio.sleep(1)
        assert ends == [1]
        assert central.lost == [0x08]

    run_virtual(scenario())


@pytest.mark.parametrize("database_hash", [True, False])
def test_a_database_hash_is_there_when_it_is_wanted(database_hash: bool):
    async def scenario():
        device = VirtualDevice("lamp", "F0:00:00:00:00:07", (), database_hash=database_hash)
        central = await on_air(VirtualRadio(), device)
        uuids = [one.uuid.to_hex_str() for service in central.peer.services for one in service.characteristics]
        assert ("2B2A" in uuids) is database_hash
        assert "2A05" in uuids

    run_virtual(scenario())


def test_the_database_hash_is_that_of_the_specification():
    """Vol 3, Part G, 7.3.1: AES-CMAC with a key of zeros over the declarations, in the order of their handles."""

    async def scenario():
        radio = VirtualRadio()
        device = lamp(VirtualCharacteristic(LEVEL, Property.READ | Property.NOTIFY, b"value"))
        central = await on_air(radio, device)
        hashed = await central.read("2b2a")
        declarations = (
            "0100 0028 0018"  # GAP
            "0200 0328 02 0300 002a  0400 0328 02 0500 012a"
            "0600 0028 0118"  # GATT
            "0700 0328 20 0800 052a  0900 0229"  # Service Changed with its CCCD
            "0a00 0328 0a 0b00 292b  0c00 0328 02 0d00 2a2b"  # supported features, and the hash itself
            "0e00 0028 50fe"
            "0f00 0328 12 1000 51fe  1100 0229"
        )
        cmac = CMAC(AES(bytes(16)))
        cmac.update(bytes.fromhex(declarations))
        assert hashed == cmac.finalize()[::-1]
        radio.change_services(device, ())
        await central.connection.disconnect()
        assert await (await connect(central.device, device)).read("2b2a") != hashed

    run_virtual(scenario())
