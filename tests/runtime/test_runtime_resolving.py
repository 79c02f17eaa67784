"""A resolution by hand: what it needs before anything is written, and that a vanished caller changes nothing."""

import asyncio

import pytest
from house import House, live, write

from gattkeeper.errors import (
    LatchedError,
    StorageError,
    UsageError,
)
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read
from gattkeeper.world import LinkMoment, LoseResponse
from sim.scene import COUNTER

CONNECT, OPERATION = LinkMoment.CONNECT, LinkMoment.OPERATION
READ = Read(target=characteristic_ref(COUNTER))


def test_a_resolution_that_could_not_be_written_can_be_made_again():
    async def story(house: House) -> None:
        house.rule(OPERATION, LoseResponse(), times=1)
        lost = await house.keeper.submit(write(attempt_timeout_us=500_000))
        await lost.wait()
        house.journal.failing = True
        with pytest.raises(StorageError):
            await house.keeper.resolve(lost.id, applied=True, who="a person", why="looked")
        with pytest.raises(LatchedError):
            await house.keeper.submit(write(b"y"))
        house.journal.failing = False
        await house.keeper.resolve(lost.id, applied=True, who="a person", why="looked")

    live(story, safety=True, journal=True)


def test_a_resolution_whose_caller_vanished_holds():
    async def story(house: House) -> None:
        house.rule(OPERATION, LoseResponse(), times=1)
        lost = await house.keeper.submit(write(attempt_timeout_us=500_000))
        await lost.wait()
        call = asyncio.ensure_future(house.keeper.resolve(lost.id, applied=True, who="a person", why="looked"))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.sleep(1)
        assert house.keeper.status().devices[0].latched_by == ""

    live(story, safety=True, journal=True)


def test_only_what_ended_unknown_can_be_resolved():
    async def story(house: House) -> None:
        handle = await house.keeper.submit(write())
        for _ in range(2):
            with pytest.raises(UsageError, match="is not a command that ended unknown"):
                await house.keeper.resolve(handle.id, applied=True, who="a person", why="looked")
            await handle.wait()
        with pytest.raises(UsageError):
            await house.keeper.resolve("nothing", applied=True, who="a person", why="looked")

    live(story)
