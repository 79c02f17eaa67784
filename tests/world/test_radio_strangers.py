"""Devices on the virtual radio that change their address, have a twin, or are impersonated; as a scan hears them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.identity import AddressKind
from gattkeeper.world import VirtualDevice, VirtualRadio, run_virtual
from link_contract.bench import AdapterLog

ADDRESS = "F0:00:00:00:00:01"


@asynccontextmanager
async def radio_with(*devices: VirtualDevice) -> AsyncIterator[tuple[VirtualRadio, BumbleLink]]:
    radio = VirtualRadio()
    for device in devices:
        await radio.add(device)
    link = BumbleLink(radio.adapter("C0:00:00:00:00:01"), name="virtual")
    await link.open(AdapterLog())
    yield radio, link
    await link.close()
    await radio.close()


async def heard(link: BumbleLink) -> set[tuple[str, str]]:
    return {(one.address.spelled, one.name) async for one in link.scan(0.5)}


def test_a_device_that_rotates_goes_by_a_resolvable_address_until_it_shows_itself() -> None:
    async def main() -> None:
        tag = VirtualDevice("tag", ADDRESS, ())
        async with radio_with(tag) as (radio, link):
            addresses = set()
            for _ in range(3):
                radio.rotate(tag)
                ((address, name),) = await heard(link)
                assert name == "tag"
                assert int(address[:2], 16) >> 6 == 1
                addresses.add(address)
            assert len(addresses) == 3
            radio.show(tag)
            assert await heard(link) == {(f"{ADDRESS}/random", "tag")}

    run_virtual(main())


def test_a_public_address_may_have_the_digits_of_a_random_one() -> None:
    async def main() -> None:
        tag = VirtualDevice("tag", ADDRESS, ())
        twin = VirtualDevice("twin", ADDRESS, (), kind=AddressKind.PUBLIC, local_name="tag")
        async with radio_with(tag, twin) as (radio, link):
            assert await heard(link) == {(f"{ADDRESS}/random", "tag"), (f"{ADDRESS}/public", "tag")}
            await radio.remove(twin)
            assert await heard(link) == {(f"{ADDRESS}/random", "tag")}
            await radio.add(twin)
            assert len(await heard(link)) == 2

    run_virtual(main())


def test_an_impostor_is_heard_as_the_device_is_and_only_one_of_the_two() -> None:
    async def main() -> None:
        tag = VirtualDevice("tag", ADDRESS, ())
        async with radio_with(tag) as (radio, link):
            before = await heard(link)
            impostor = await radio.impersonate(tag)
            assert await heard(link) == before
            radio.take_away(impostor)
            assert await heard(link) == set()
            await radio.unmask(impostor, tag)
            assert await heard(link) == before

    run_virtual(main())
