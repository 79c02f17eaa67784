"""Devices that are hard on a stack, over the scripted BlueZ: each is told in words, and the others are served."""

import asyncio

import pytest

from fake_bluez.device import FakeCharacteristic, FakeDevice
from fake_bluez.fixtures import SECOND, SERVICE, VALUE
from fake_bluez.stack import FakeBluez
from gattkeeper.errors import LinkError
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Read
from gattkeeper.runtime.ports import LinkConnection
from link_contract.bench import ConnectionLog

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 10.0
OTHER_SERVICE = "f0c0b100-8f2b-4b5e-9d3c-6a1e5d2c7b00"
NUMBERED = "f0c0{:04x}-8f2b-4b5e-9d3c-6a1e5d2c7b00"


async def up(link: BleakLink, device: FakeDevice) -> LinkConnection:
    async with asyncio.timeout(LIMIT_S):
        return await link.connect(DeviceAddress(value=device.address), ConnectionLog())


def odd(bluez: FakeBluez, layout: dict[str, list[FakeCharacteristic]]) -> FakeDevice:
    """A second device, with this layout."""
    device = FakeDevice("F0:00:00:00:00:02", layout)
    bluez.devices.append(device)
    return device


def readable(uuid: str, value: bytes) -> FakeCharacteristic:
    return FakeCharacteristic(uuid, ["read"], value)


async def test_a_device_whose_services_are_never_resolved_is_given_up_and_the_others_are_served(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink
) -> None:
    endless = odd(bluez, {SERVICE: [readable(VALUE, b"never")]})
    endless.delay_s = 3600.0
    served = await up(link, device)
    connecting = asyncio.create_task(up(link, endless))
    while not endless.connected:
        await asyncio.sleep(0.01)
    assert await served.perform(Read(target=CharacteristicRef(uuid=SECOND))) == b"second"
    connecting.cancel()
    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(connecting, return_exceptions=True)
    assert connecting.cancelled()
    assert not endless.connected
    assert await served.perform(Read(target=CharacteristicRef(uuid=VALUE))) == b"first"
    endless.delay_s = 0.0
    again = await up(link, endless)
    assert await again.perform(Read(target=CharacteristicRef(uuid=VALUE))) == b"never"


async def test_three_hundred_characteristics_are_all_found(bluez: FakeBluez, link: BleakLink) -> None:
    uuids = [NUMBERED.format(number) for number in range(0x3000, 0x312C)]
    layout = {
        SERVICE: [readable(uuid, uuid.encode()) for uuid in uuids[:150]],
        OTHER_SERVICE: [readable(uuid, uuid.encode()) for uuid in uuids[150:]],
    }
    connection = await up(link, odd(bluez, layout))
    assert [each.uuid for service in connection.services for each in service.characteristics] == uuids
    for number in (0, 149, 150, 299):
        assert (
            await connection.perform(Read(target=CharacteristicRef(uuid=uuids[number]))) == uuids[number].encode()
        )


async def test_a_uuid_that_is_there_several_times_is_refused_with_its_handles_and_read_by_one(
    bluez: FakeBluez, link: BleakLink
) -> None:
    values = [b"one", b"two", b"three"]
    first, second, third = (readable(VALUE, each) for each in values)
    connection = await up(link, odd(bluez, {SERVICE: [first, second], OTHER_SERVICE: [third]}))
    with pytest.raises(LinkError) as refused:
        await connection.perform(Read(target=CharacteristicRef(uuid=VALUE)))
    fault = refused.value.fault
    assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "ambiguous")
    handles = [each.handle for service in connection.services for each in service.characteristics]
    assert all(f"(handle {handle:#06x})" in fault.text for handle in handles)
    assert [await connection.perform(Read(target=CharacteristicRef(handle=each))) for each in handles] == values
    in_one_service = CharacteristicRef(uuid=VALUE, service=OTHER_SERVICE)
    assert await connection.perform(Read(target=in_one_service)) == b"three"
