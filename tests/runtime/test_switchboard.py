"""Who is told what, whatever a watcher does."""

import logging

import pytest
from house import House, live, write

from gattkeeper.model.outcome import Phase
from gattkeeper.runtime.keeper import Keeper


def test_watchers_hear_of_acceptance_phases_end_and_connections_in_order():
    async def story(house: House) -> None:
        outcome = await (await house.keeper.submit(write())).wait()
        assert house.watch.accepts == [outcome.command_id]
        assert house.watch.ends == [outcome]
        assert tuple(house.watch.marks) == outcome.timeline
        assert [mark.phase for mark in outcome.timeline] == [
            Phase.ACCEPTED,
            Phase.WAITING,
            Phase.LOCK_WAIT,
            Phase.LOCK_ACQUIRED,
            Phase.CONNECT_START,
            Phase.SCAN,
            Phase.CONNECTED,
            Phase.DISCOVERED,
            Phase.DISPATCHED,
            Phase.ANSWERED,
            Phase.OUTCOME,
        ]
        assert house.watch.connections == [("lamp", "connecting"), ("lamp", "discovering"), ("lamp", "connected")]

    live(story)


def test_a_watcher_that_fails_is_logged_and_changes_nothing(caplog: pytest.LogCaptureFixture):
    class Failing:
        def accepted(self, *news: object) -> None:
            raise ValueError("not today")

        marked = ended = connection = accepted

    async def story(house: House) -> None:
        keeper = Keeper(links={"adapter": house.link}, book=house.book, observers=(Failing(), house.watch))
        await keeper.start()
        with caplog.at_level(logging.ERROR):
            outcome = await (await keeper.submit(write())).wait()
        await keeper.close()
        assert outcome.succeeded
        assert house.watch.ends == [outcome], "the watcher behind it is told all the same"
        assert "a watcher failed" in caplog.text

    live(story)
