"""An impostor looks like its device on the air, takes whatever it is sent, and has a log of its own."""

import asyncio

from gattkeeper.world.impostor import impostor_of
from gattkeeper.world.virtual_device import VirtualCharacteristic
from sim.scene import CLOSED, WRITABLE, device


def test_it_has_the_address_the_name_on_the_air_and_the_attributes() -> None:
    lamp = device("lamp")
    impostor = impostor_of(lamp)
    assert impostor.address == lamp.address
    assert (impostor.local_name, impostor.name) == ("lamp", "impostor of lamp")
    assert [one.uuid for one in impostor.services[0].characteristics] == [
        one.uuid for one in lamp.services[0].characteristics
    ]


def test_it_asks_for_no_key_and_nothing_it_is_given_reaches_the_device() -> None:
    async def main() -> None:
        lamp = device("lamp")
        impostor = impostor_of(lamp)
        closed: VirtualCharacteristic = impostor.characteristic(CLOSED)
        assert not closed.encrypted
        impostor.write(impostor.characteristic(WRITABLE), b"x")
        assert [one.payload for one in impostor.applied] == [b"x"]
        assert lamp.applied == []

    asyncio.run(main())
