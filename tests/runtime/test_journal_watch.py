"""The alert of a journal that cannot be written: once, and gone when it can be again, also when nobody asks for anything."""

import asyncio

import pytest
from house import House, live, write

from gattkeeper.errors import StorageError
from gattkeeper.model.outcome import Verdict
from gattkeeper.runtime.journal_watch import ASK_EVERY_S


async def refused(house: House) -> None:
    house.journal.failing = True
    with pytest.raises(StorageError):
        await house.keeper.submit(write())


def test_it_goes_by_itself_when_the_journal_can_be_written_again():
    async def story(house: House) -> None:
        await refused(house)
        await asyncio.sleep(3 * ASK_EVERY_S)
        assert [alert.raised for alert in house.watch.alerts] == [True], "told once"
        house.journal.failing = False
        rows = len(house.journal.rows)
        await asyncio.sleep(2 * ASK_EVERY_S)
        assert [alert.raised for alert in house.watch.alerts] == [True, False]
        assert len(house.journal.rows) == rows, "asking leaves no row"

    live(story, journal=True)


def test_a_row_that_is_durable_tells_it_sooner_and_nothing_asks_any_more():
    async def story(house: House) -> None:
        await refused(house)
        house.journal.failing = False
        outcome = await (await house.keeper.submit(write())).wait()
        assert outcome.verdict is Verdict.DELIVERED
        assert [alert.raised for alert in house.watch.alerts] == [True, False]
        house.journal.failing = True
        await asyncio.sleep(3 * ASK_EVERY_S)
        assert [alert.raised for alert in house.watch.alerts] == [True, False]

    live(story, journal=True)


def test_nothing_asks_after_the_end():
    async def story(house: House) -> None:
        await refused(house)
        await house.keeper.close()
        asked = []
        house.journal.probe = asked.append
        await asyncio.sleep(3 * ASK_EVERY_S)
        assert asked == []

    live(story, journal=True)
