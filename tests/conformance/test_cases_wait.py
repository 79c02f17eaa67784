"""Cases about writes that the device answers with a notification: numbers are those of the conformance list.

Knows a keeper on a simulated link, in virtual time. Over Bumble there is one in `test_cases_bumble`.
"""

import asyncio

import pytest

from gattkeeper.errors import CommandUnknownError
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.world import LinkMoment, LoseResponse
from runtime.house import House, live, now
from sim.scene import COUNTER, PUSHED, WRITABLE


def push(house: House, payload: bytes) -> None:
    house.lamp.notify(house.lamp.characteristic(PUSHED), payload)


def answers(house: House, payload: bytes, after_s: float = 0.0) -> None:
    """Let the lamp answer each write; at once is before it acknowledges the write."""

    def on_write(_payload: bytes) -> None:
        if after_s:
            asyncio.get_running_loop().call_later(after_s, push, house, payload)
        else:
            push(house, payload)

    house.lamp.characteristic(WRITABLE).on_write = on_write


@pytest.mark.parametrize("after_s", [0.0, 2.0])
def test_c87_the_notification_answers_whether_it_comes_before_the_acknowledgement_or_after(after_s: float) -> None:
    async def story(house: House) -> None:
        answers(house, b"\x01ok", after_s)
        lamp = house.keeper.device("lamp")
        assert await lamp.write_then_wait(WRITABLE, b"x", answer=PUSHED, starts_with=b"\x01") == b"\x01ok"
        assert house.watch.ends[-1].cause is Cause.APP_ACK
        assert house.applied() == [b"x"]

    live(story, journal=True)


def test_c87_the_notification_is_enough_when_the_acknowledgement_is_lost() -> None:
    async def story(house: House) -> None:
        answers(house, b"ok")
        house.rule(LinkMoment.OPERATION, LoseResponse(), kind="write")
        assert (
            await house.keeper.device("lamp").write_then_wait(WRITABLE, b"x", answer=PUSHED, starts_with=b"o")
            == b"ok"
        )
        assert house.watch.ends[-1].verdict is Verdict.DELIVERED
        assert house.watch.ends[-1].attempts[-1].fault is not None

    live(story)


def test_c88_a_value_that_came_before_the_write_does_not_answer_it() -> None:
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        async with lamp.subscribe(PUSHED) as values:
            push(house, b"old")
            assert await anext(values) == b"old"
            answers(house, b"new", 0.5)
            assert await lamp.write_then_wait(WRITABLE, b"x", answer=PUSHED) == b"new"
            assert await anext(values) == b"new", "its readers have it too"

    live(story)


def test_c89_a_wait_that_timed_out_leaves_nothing_behind_and_a_late_value_goes_to_its_readers() -> None:
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        answers(house, b"late", 3.0)
        async with lamp.subscribe(PUSHED) as values:
            began = now()
            with pytest.raises(CommandUnknownError) as caught:
                await lamp.write_then_wait(WRITABLE, b"x", answer=PUSHED, timeout=1.0)
            assert caught.value.outcome.cause is Cause.TIMED_OUT_IN_FLIGHT
            assert 1.0 <= now() - began < 1.3
            assert await lamp.read(COUNTER)
            assert await anext(values) == b"late"
            assert house.keeper.status().devices[0].connection == "connected", "the link was not dropped"

    live(story)
