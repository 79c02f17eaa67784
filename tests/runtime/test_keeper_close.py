"""Closing a keeper: bounded, and everybody is told."""

import asyncio

import pytest
from breaking_link import StubbornLink
from house import House, live, now, write

from gattkeeper.errors import (
    QueueClosedError,
    SettingsError,
)
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Disconnect, Unsubscribe
from gattkeeper.model.outcome import Cause
from gattkeeper.model.record import Accepted, Ended
from sim.scene import PUSHED


async def connected(house: House) -> None:
    await house.keeper.device("lamp").connect()


def test_closing_ends_what_waits_and_lets_what_is_in_flight_end():
    async def story(house: House) -> None:
        await connected(house)
        flying = await house.keeper.submit(write(b"1"))
        waiting = await house.keeper.submit(write(b"2"))
        await asyncio.gather(house.keeper.close(), house.keeper.close())
        assert (await flying.wait()).succeeded
        assert (await waiting.wait()).cause is Cause.NEVER_SENT
        with pytest.raises(QueueClosedError):
            await house.keeper.submit(write())
        with pytest.raises(QueueClosedError):
            await house.keeper.stop("lamp")

    live(story)


@pytest.mark.parametrize(
    "trouble",
    [{"perform_s": 70}, {"disconnect_s": 70}, {"close_s": 70}, {"connect_s": 70}],
    ids=lambda trouble: next(iter(trouble)),
)
def test_closing_is_bounded_and_everybody_is_told_whatever_the_link_ignores(trouble: dict):
    async def story(house: House) -> None:
        handle = await house.keeper.submit(write(deadline_us=600_000_000, attempt_timeout_us=600_000_000))
        await asyncio.sleep(1)
        asked_at = now()
        await house.keeper.close()
        assert now() - asked_at < 60
        assert handle.outcome is not None
        await asyncio.sleep(120)

    live(story, link=lambda link: StubbornLink(link, **trouble))


def test_a_disconnect_that_waits_for_a_hanging_link_is_told():
    async def story(house: House) -> None:
        await connected(house)
        handle = await house.keeper.submit(Command(device="lamp", operation=Disconnect()))
        assert (await handle.wait()).succeeded
        assert now() < 35
        await asyncio.sleep(120)

    live(story, link=lambda link: StubbornLink(link, disconnect_s=70))


def test_an_adapter_that_cannot_be_had_closes_those_that_were():
    class Missing(StubbornLink):
        async def open(self, on_adapter) -> None:
            raise SettingsError("no adapter hci7")

    async def story(house: House) -> None:
        keeper = type(house.keeper)(links={"a": house.link, "b": Missing(house.link)}, book=house.book)
        with pytest.raises(SettingsError, match="hci7"):
            await keeper.start()
        assert keeper._open == []

    live(story)


def test_a_command_that_ends_at_once_while_the_keeper_closes_is_told_and_written_down():
    async def story(house: House) -> None:
        unsubscribe = Command(device="lamp", operation=Unsubscribe(target=characteristic_ref(PUSHED)))
        submitting = asyncio.create_task(house.keeper.submit(unsubscribe))
        await asyncio.sleep(0)
        await house.keeper.close()
        handle = await submitting
        assert handle.outcome is not None
        assert handle.outcome.succeeded
        assert [type(row) for row in house.journal.records_of(handle.id)] == [Accepted, Ended]

    live(story, journal=True)
