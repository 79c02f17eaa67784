"""How strongly a device was heard, with its age; and that it is never taken for a connection's strength."""

import asyncio

from gattkeeper.model.identity import DeviceAddress, parse_address
from gattkeeper.model.status import AdvertisedRssi
from gattkeeper.runtime.hearing import DEVICES_MAX, Hearing
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
