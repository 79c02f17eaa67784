"""Commands taken back and given another place: only those that may be, and who did it is on record."""

import asyncio

import pytest
from house import House, live, write

from gattkeeper.errors import UsageError
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write
from gattkeeper.model.record import CancelAsked, ReprioritiseAsked
from sim.scene import COUNTER

EVE = Origin(front="socket", principal="eve", uid=1000, pid=77)


def asked(house: House) -> list[CancelAsked | ReprioritiseAsked]:
    rows = (row.record for row in house.journal.rows)
    return [row for row in rows if isinstance(row, CancelAsked | ReprioritiseAsked)]


def test_who_cancels_or_gives_another_priority_is_on_record():
    async def story(house: House) -> None:
        first, second, third = [await house.keeper.submit(write(bytes([n]))) for n in range(1, 4)]
        house.keeper.reprioritise(third.id, Priority.URGENT, origin=EVE)
        house.keeper.cancel(second.id, origin=EVE)
        await first.wait()
        await third.wait()
        moved, taken = asked(house)
        assert isinstance(moved, ReprioritiseAsked)
        assert (moved.asked, moved.device, moved.priority, moved.origin) == (
            third.id,
            "lamp",
            Priority.URGENT,
            EVE,
        )
        assert isinstance(taken, CancelAsked)
        assert (taken.asked, taken.device, taken.origin) == (second.id, "lamp", EVE)

    live(story, journal=True)


def test_whoever_goes_away_takes_the_own_command_back():
    async def story(house: House) -> None:
        write_ = Write(target=characteristic_ref(COUNTER), payload=b"\x01")
        running = asyncio.ensure_future(
            house.keeper.device("lamp").run(Command(device="lamp", operation=write_, origin=EVE))
        )
        while not house.journal.rows:
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.sleep(1)
        (taken,) = asked(house)
        assert taken.origin == EVE

    live(story, journal=True)


def test_what_may_not_be_leaves_no_row():
    async def story(house: House) -> None:
        done = await house.keeper.submit(write())
        await done.wait()
        assert not house.keeper.cancel(done.id, origin=EVE)
        with pytest.raises(UsageError, match="does not wait"):
            house.keeper.reprioritise(done.id, Priority.URGENT, origin=EVE)
        assert asked(house) == []

    live(story, journal=True)
