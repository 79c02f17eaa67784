"""The Bleak link on the scripted BlueZ takes no device for another one, and no demand that nobody can check."""

import asyncio

import pytest

from fake_bluez.device import FakeDevice
from fake_bluez.stack import FakeBluez
from gattkeeper.errors import LinkError
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.identity import parse_address
from gattkeeper.model.security import NO_DEMAND, Demand, SecurityLevel
from link_contract.bench import ConnectionLog

pytestmark = [pytest.mark.asyncio, pytest.mark.system]

LIMIT_S = 10.0


async def refused(link: BleakLink, address: str, demand: Demand = NO_DEMAND) -> tuple[FaultKind, str]:
    with pytest.raises(LinkError) as caught:
        async with asyncio.timeout(LIMIT_S):
            await link.connect(parse_address(address), ConnectionLog(), demand)
    return caught.value.fault.kind, caught.value.fault.name


@pytest.mark.parametrize("known", [True, False])
async def test_f42_an_object_of_the_other_kind_of_address_is_not_connected(
    bluez: FakeBluez, device: FakeDevice, link: BleakLink, known: bool
) -> None:
    if known:
        bluez.know(device)
    assert await refused(link, f"{device.address}/public") == (FaultKind.AMBIGUOUS, "other_kind")
    async with asyncio.timeout(LIMIT_S):
        connection = await link.connect(parse_address(f"{device.address}/random"), ConnectionLog())
    assert connection.services


async def test_f47_a_demand_is_refused_before_anything_is_connected(device: FakeDevice, link: BleakLink) -> None:
    demand = Demand(level=SecurityLevel.ENCRYPTED)
    assert await refused(link, device.address, demand) == (FaultKind.REJECTED, "unprovable")
