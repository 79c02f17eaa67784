"""A device is found under a new address if a bond tells that it is its; an address of two kinds is refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import Property, characteristic_ref
from gattkeeper.model.identity import AddressKind, DeviceAddress
from gattkeeper.model.operation import Pair, Write
from gattkeeper.world import VirtualCharacteristic, VirtualDevice, VirtualRadio, VirtualService
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import AdapterLog, ConnectionLog

ADAPTER = "C0:00:00:00:00:07"
ADDRESS = "F0:00:00:00:00:07"
WRITE = Write(target=characteristic_ref("fe52"), payload=b"x")


def tag(name: str, kind: AddressKind = AddressKind.RANDOM, address: str = ADDRESS) -> VirtualDevice:
    level = VirtualCharacteristic("fe52", Property.WRITE)
    return VirtualDevice(name, address, (VirtualService("fe51", (level,)),), kind=kind, local_name="tag")


@asynccontextmanager
async def on_air(*devices: VirtualDevice) -> AsyncIterator[tuple[VirtualRadio, BumbleLink]]:
    radio = VirtualRadio()
    for device in devices:
        await radio.add(device)
    link = BumbleLink(radio.adapter(ADAPTER), name="virtual")
    await link.open(AdapterLog())
    yield radio, link
    await link.close()
    await radio.close()


async def use(link: BumbleLink, address: DeviceAddress, *, pair: bool = False) -> None:
    connection = await link.connect(address, ConnectionLog())
    if pair:
        await connection.perform(Pair())
    await connection.perform(WRITE)
    await connection.disconnect()


def any_kind(device: VirtualDevice) -> DeviceAddress:
    return replace(device.address, kind=AddressKind.ANY)


@pytest.mark.parametrize("kind", [AddressKind.ANY, AddressKind.RANDOM])
def test_f41_with_a_bond_a_device_is_the_same_under_every_new_address(kind):
    async def main():
        device = tag("hiding")
        address = replace(device.address, kind=kind)
        async with on_air(device) as (radio, link):
            await use(link, address, pair=True)
            for _ in range(3):
                radio.rotate(device)
                await use(link, address)
            assert len(device.applied) == 4

    run_virtual(main())


@pytest.mark.parametrize("kind", [AddressKind.ANY, AddressKind.RANDOM])
def test_f41_without_a_bond_nobody_is_taken_for_a_device_that_changed_its_address(kind):
    async def main():
        device, other = tag("hiding"), tag("namesake", address="F0:00:00:00:00:08")
        async with on_air(device, other) as (radio, link):
            await use(link, replace(device.address, kind=AddressKind.RANDOM))
            radio.rotate(device)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(use(link, replace(device.address, kind=kind)), 10)
            assert (len(device.applied), len(other.applied)) == (1, 0)
            await use(link, other.address)

    run_virtual(main())


def test_f41_one_who_hides_with_a_key_that_nobody_knows_is_a_stranger():
    async def main():
        device, other = tag("hiding"), tag("stranger", address="F0:00:00:00:00:08")
        async with on_air(device, other) as (radio, link):
            await use(link, device.address, pair=True)
            radio.take_away(device)
            radio.rotate(other)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(use(link, device.address), 10)
            assert other.connections == 0
            radio.bring_back(device)
            radio.rotate(device)
            await use(link, device.address)

    run_virtual(main())


def test_an_attempt_that_listens_for_a_hidden_device_ends_at_once_when_it_is_given_up():
    async def main():
        device = tag("hiding")
        async with on_air(device) as (radio, link):
            await use(link, device.address, pair=True)
            radio.take_away(device)
            attempt = asyncio.create_task(use(link, device.address))
            await asyncio.sleep(5)
            attempt.cancel()
            before = asyncio.get_running_loop().time()
            await asyncio.wait((attempt,))
            assert asyncio.get_running_loop().time() - before < 0.5
            radio.bring_back(device)
            await use(link, device.address)

    run_virtual(main())


def test_f42_an_address_that_two_devices_have_is_refused_until_its_kind_is_said():
    async def main():
        one, other = tag("random"), tag("public", AddressKind.PUBLIC)
        async with on_air(one, other) as (_, link):
            with pytest.raises(LinkError) as raised:
                await use(link, any_kind(one))
            fault = raised.value.fault
            assert (fault.kind, fault.ran) == (FaultKind.AMBIGUOUS, Ran.NO)
            assert f"{ADDRESS}/public or {ADDRESS}/random" in fault.text
            assert one.connections == other.connections == 0
            await use(link, one.address)
            assert (len(one.applied), len(other.applied)) == (1, 0)
            await use(link, other.address)
            assert (len(one.applied), len(other.applied)) == (1, 1)

    run_virtual(main())


def test_f42_one_that_comes_later_is_noticed_by_whoever_listens():
    async def main():
        one, other = tag("random"), tag("public", AddressKind.PUBLIC)
        async with on_air(one) as (radio, link):
            await use(link, any_kind(one))
            await radio.add(other)
            await use(link, any_kind(one))  # known already, and nobody has listened since
            assert [sighting.name async for sighting in link.scan(1)]
            with pytest.raises(LinkError):
                await use(link, any_kind(one))
            radio.take_away(other)
            await use(link, any_kind(one))
            assert (len(one.applied), len(other.applied)) == (3, 0)

    run_virtual(main())


def test_f42_a_bond_says_which_of_two_kinds_is_meant():
    async def main():
        one, other = tag("random"), tag("public", AddressKind.PUBLIC)
        async with on_air(one, other) as (_, link):
            await use(link, one.address, pair=True)
            await use(link, any_kind(one))
            assert (len(one.applied), len(other.applied)) == (2, 0)
            await use(link, other.address, pair=True)
            with pytest.raises(LinkError):
                await use(link, any_kind(one))

    run_virtual(main())


def test_f42_a_namesake_is_never_taken_for_the_device():
    async def main():
        one, other = tag("one"), tag("other", address="F0:00:00:00:00:08")
        async with on_air(one, other) as (_, link):
            heard = {sighting.address.value: sighting.name async for sighting in link.scan(1)}
            assert set(heard.values()) == {"tag"}
            await use(link, any_kind(other))
            assert (len(one.applied), len(other.applied)) == (0, 1)

    run_virtual(main())


def test_the_kinds_of_few_addresses_are_remembered(monkeypatch):
    async def main():
        monkeypatch.setattr("gattkeeper.links.bumble_seeking.KINDS_KNOWN_MAX", 1)
        one, other = tag("one"), tag("other", address="F0:00:00:00:00:08")
        async with on_air(one, other) as (_, link):
            for device in (one, other, one):
                await use(link, any_kind(device))
            assert list(link._adapter._seeker._kinds) == [one.address.value]

    run_virtual(main())
