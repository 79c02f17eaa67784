"""How strongly a device was heard, with its age; and that it is never taken for a connection's strength."""

import asyncio

from msgspec.structs import replace

from gattkeeper.model.identity import DeviceAddress, parse_address
from gattkeeper.model.status import AdvertisedRssi, DeviceStatus, KeeperStatus
from gattkeeper.runtime.hearing import DEVICES_MAX, Hearing, connected_by
from gattkeeper.runtime.ports import Sighting
from gattkeeper.world.virtual_time import run_virtual
from runtime.house import House, live


def heard(address: str, rssi_dbm: int | None) -> Sighting:
    return Sighting(address=parse_address(address), rssi_dbm=rssi_dbm)


def test_the_last_advertisement_counts_and_has_an_age():
    async def main():
        hearing, address = Hearing(), parse_address("F0:00:00:00:00:01")
        assert hearing.of(address) is None
        hearing.note(heard("F0:00:00:00:00:01", -61))
        await asyncio.sleep(2)
        hearing.note(heard("F0:00:00:00:00:01", -48))
        await asyncio.sleep(12)
        hearing.note(heard("F0:00:00:00:00:01", None))
        assert hearing.of(address) == AdvertisedRssi(rssi_dbm=-48, age_us=12_000_000)

    run_virtual(main())


def test_what_was_heard_longest_ago_is_forgotten_first():
    async def main():
        hearing = Hearing()
        numbers = [DeviceAddress(value=f"{number}") for number in range(DEVICES_MAX + 1)]
        for address in (*numbers[:2], numbers[0], *numbers[2:]):
            hearing.note(Sighting(address=address, rssi_dbm=-50))
        assert hearing.of(numbers[0]) is not None
        assert hearing.of(numbers[1]) is None

    run_virtual(main())


def test_what_an_advertisement_leaves_out_stays_as_it_was_told_before():
    async def main():
        hearing, address = Hearing(), parse_address("F0:00:00:00:00:01")
        assert hearing.remembered(address) == Sighting(address=address, connected=True)
        first = Sighting(
            address=address,
            name="lamp",
            rssi_dbm=-60,
            services=("a",),
            manufacturer_data={1: b"1"},
            service_data={"a": b"2"},
            tx_power_dbm=4,
        )
        hearing.note(first)
        hearing.note(Sighting(address=address))
        assert hearing.remembered(address) == replace(first, connected=True)
        other = Sighting(address=address, name="lamp 2", rssi_dbm=-70, services=("b",), tx_power_dbm=0)
        hearing.note(other)
        hearing.note(Sighting(address=address, name="an echo", connected=True))
        known = replace(other, connected=True, manufacturer_data={1: b"1"}, service_data={"a": b"2"})
        assert hearing.remembered(address) == known

    run_virtual(main())


def test_a_scan_begins_with_what_is_connected_however_long_ago_it_was_heard():
    async def story(house: House):
        keeper, lamp = house.keeper, house.lamp.address
        async with await keeper.lease("lamp", holder="program"):
            await asyncio.sleep(100)
            found = [each async for each in keeper.scan(0.001) if each.address == lamp]
            assert found == [Sighting(address=lamp, connected=True)]
            keeper._pump._sessions["lamp"].sighted(Sighting(address=lamp, name="lamp", rssi_dbm=-70))
            await asyncio.sleep(1000)
            found = [each async for each in keeper.scan(0.001, adapter="adapter") if each.address == lamp]
            assert found == [Sighting(address=lamp, name="lamp", rssi_dbm=-70, connected=True)]
            heard = keeper.device("lamp").advertised_rssi
            assert heard is not None
            assert heard.age_us > 1_000_000_000
        await keeper.device("lamp").disconnect()
        assert not any(each.connected for each in [each async for each in keeper.scan(0.001)])

    live(story)


def test_a_scan_by_a_named_adapter_begins_with_those_that_are_connected_by_it():
    connected = [DeviceStatus(name=name, connection="connected", waiting=0, adapter=name) for name in "ab"]
    lost = DeviceStatus(name="c", connection="disconnecting", waiting=0, adapter="a")
    status = KeeperStatus(adapters=(), devices=(*connected, lost), waiting=0, accepted=0, ended=0)
    assert connected_by("", status) == ["a", "b"]
    assert connected_by("a", status) == ["a"]


def test_a_scan_tells_the_device_and_the_status():
    async def story(house: House):
        lamp = house.keeper.device("lamp")
        assert lamp.advertised_rssi is None
        sightings = [sighting async for sighting in house.keeper.scan(0.5)]
        rssi_dbm = next(each.rssi_dbm for each in sightings if each.address.value == house.lamp.address.value)
        await asyncio.sleep(3)
        assert lamp.advertised_rssi is not None
        assert lamp.advertised_rssi.rssi_dbm == rssi_dbm
        assert lamp.advertised_rssi.age_us >= 3_000_000
        status = {device.name: device.advertised for device in house.keeper.status().devices}
        assert status["lamp"] == lamp.advertised_rssi

    live(story)


def test_a_connection_that_looked_for_its_device_tells_how_it_was_heard():
    async def story(house: House):
        lamp = house.keeper.device("lamp")
        await lamp.connect()
        session = house.keeper._pump._sessions["lamp"]
        session.sighted(Sighting(address=house.lamp.address, rssi_dbm=-70))
        assert lamp.advertised_rssi == AdvertisedRssi(rssi_dbm=-70, age_us=0)

    live(story)
