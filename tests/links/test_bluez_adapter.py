"""Ours is the adapter with our address under any number; another one with the same address never is."""

import asyncio
import logging

import pytest

from fake_bluez.device import FakeDevice
from fake_bluez.fixtures import VALUE
from fake_bluez.stack import ADAPTER_ADDRESS, HCI0, FakeBluez
from gattkeeper.errors import SettingsError
from gattkeeper.links.bleak_link import BleakLink
from gattkeeper.links.bluez_adapter import FollowedAdapter
from gattkeeper.links.bluez_watch import BluezAdapter
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.identity import DeviceAddress
from gattkeeper.model.operation import Pair, Read
from link_contract.bench import AdapterLog, ConnectionLog

HCI1 = "/org/bluez/hci1"
LIMIT_S = 10.0


def at(number: int, address: str = ADAPTER_ADDRESS, *, powered: bool = True) -> BluezAdapter:
    return BluezAdapter(path=f"/org/bluez/hci{number}", address=address, powered=powered)


def test_what_a_number_stands_for_is_said_once(caplog):
    with caplog.at_level(logging.INFO):
        FollowedAdapter("hci0", at(0))
        FollowedAdapter("", at(0))
        FollowedAdapter(ADAPTER_ADDRESS, at(0))
    said = f"adapter hci0 is {ADAPTER_ADDRESS}: it is followed by that address"
    assert [record.getMessage() for record in caplog.records] == [said, said]


def test_it_is_followed_to_another_number_and_its_power_is_current():
    ours = FollowedAdapter("hci0", at(0))
    ours.look((at(0, powered=False),))
    assert ours.present == at(0, powered=False)
    ours.look(())
    assert ours.present is None
    ours.look((at(0, "F4:4E:FC:00:00:99"), at(1)))
    assert ours.present == at(1)
    assert ours.text == f"the adapter {ADAPTER_ADDRESS}"


def test_one_that_shares_its_address_is_refused_once_and_never_taken_for_it(caplog):
    ours = FollowedAdapter("hci0", at(0))
    for _ in range(2):
        ours.look((at(0), at(1)))
    (record,) = caplog.records
    assert record.getMessage().startswith(
        f"adapter hci1 has the address {ADAPTER_ADDRESS} of hci0, which is in use"
    )
    assert ours.present == at(0)
    ours.look((at(1),))
    assert ours.present is None
    assert ours.text == f"the adapter {ADAPTER_ADDRESS} (not hci1, which shares its address)"
    ours.look((at(1), at(2)))
    assert ours.present == at(2), "the one that is new"


def test_where_all_were_away_the_number_it_had_tells_them_apart():
    ours = FollowedAdapter("hci1", at(1))
    ours.look((at(0), at(1)))
    ours.look(())
    ours.look((at(0), at(1)))
    assert ours.present == at(1)


def test_one_that_only_shared_its_address_may_be_ours_once_it_was_plugged_in_anew():
    ours = FollowedAdapter("hci0", at(0))
    ours.look((at(0), at(1)))
    ours.look(())
    ours.look((at(1),))
    assert ours.present == at(1)


@pytest.mark.asyncio
@pytest.mark.system
@pytest.mark.parametrize("wanted", ["", "hci0", ADAPTER_ADDRESS])
async def test_two_with_one_address_are_refused_at_the_start(bluez: FakeBluez, wanted: str) -> None:
    bluez.add_adapter(HCI1, ADAPTER_ADDRESS)
    with pytest.raises(SettingsError, match="hci0 and hci1 have one address .*unplug one") as caught:
        await BleakLink(wanted).open(AdapterLog())
    assert ADAPTER_ADDRESS in str(caught.value)


@pytest.mark.asyncio
@pytest.mark.system
async def test_one_without_an_address_is_refused(bluez: FakeBluez) -> None:
    bluez.remove_adapter()
    bluez.add_adapter(HCI0, "00:00:00:00:00:00")
    with pytest.raises(SettingsError, match="hci0 has no address"):
        await BleakLink("hci0").open(AdapterLog())


@pytest.mark.asyncio
@pytest.mark.system
async def test_f30_one_that_comes_later_with_our_address_is_refused_and_ours_works_on(
    bluez: FakeBluez, device: FakeDevice, caplog: pytest.LogCaptureFixture
) -> None:
    link, log = BleakLink("hci0"), AdapterLog()
    await link.open(log)
    async with asyncio.timeout(LIMIT_S):
        connection = await link.connect(DeviceAddress(value=device.address), ConnectionLog())
        bluez.add_adapter(HCI1, ADAPTER_ADDRESS)
        assert await connection.perform(Read(target=CharacteristicRef(uuid=VALUE))) == b"first"
        bluez.remove_adapter()
        up, fault = await log.said.get()
    assert (up, fault.kind) == (False, FaultKind.ADAPTER_GONE)
    assert "not hci1, which shares its address" in str(fault)
    assert "unplug it, or give it an address of its own" in caplog.text
    await link.close()


@pytest.mark.asyncio
@pytest.mark.system
async def test_a_bond_is_told_from_what_bluez_shows(bluez: FakeBluez, device: FakeDevice) -> None:
    link, address = BleakLink("hci0"), DeviceAddress(value=device.address)
    await link.open(AdapterLog())
    async with asyncio.timeout(LIMIT_S):
        assert not await link.bonded(address), "not known at all"
        connection = await link.connect(address, ConnectionLog())
        assert not await link.bonded(address)
        await connection.perform(Pair())
        device.paired = True
        bluez.remove_device(device)
        bluez.know(device)
        assert await link.bonded(address)
    await link.close()
