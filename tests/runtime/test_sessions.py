"""Connections as the pump holds them, over links that keep no promise."""

import asyncio

import pytest
from breaking_link import StubbornLink
from house import LOST, House, live, now, write

from gattkeeper.core import events
from gattkeeper.errors import CommandUnknownError
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.runtime.sessions import Session, outlast, unexpected
from gattkeeper.world import Hang, LinkMoment, LoseLink, LoseRequest, Raise, SeenKind, run_virtual
from sim.scene import COUNTER, WRITABLE

CONNECT, OPERATION, DISCONNECT = LinkMoment.CONNECT, LinkMoment.OPERATION, LinkMoment.DISCONNECT
ODD = [asyncio.CancelledError, KeyError, EOFError, AssertionError]


@pytest.mark.parametrize("error", ODD)
def test_an_odd_exception_of_connect_is_a_fault_like_any_other(error: type[BaseException]):
    async def story(house: House) -> None:
        house.rule(CONNECT, Raise(error=error), times=1)
        outcome = await house.keeper.device("lamp").write(WRITABLE, b"x")
        assert [attempt.fault.name for attempt in outcome.attempts if attempt.fault] == [error.__name__]

    live(story)


@pytest.mark.parametrize("error", ODD)
def test_an_odd_exception_of_an_operation_leaves_a_write_unknown(error: type[BaseException]):
    async def story(house: House) -> None:
        house.rule(OPERATION, Raise(error=error, applied=True), times=1)
        lamp = house.keeper.device("lamp")
        with pytest.raises(CommandUnknownError) as unknown:
            await lamp.write(WRITABLE, b"x")
        assert unknown.value.outcome.fault.name == error.__name__
        await lamp.write(WRITABLE, b"y")
        assert house.applied() == [b"x", b"y"]

    live(story)


@pytest.mark.parametrize("action", [Hang(), Raise(error=OSError), Hang(seconds=5)])
def test_whatever_disconnect_does_the_device_can_be_used_again(action):
    async def story(house: House) -> None:
        house.rule(DISCONNECT, action, times=1)
        lamp = house.keeper.device("lamp")
        await lamp.connect()
        await lamp.disconnect()
        assert now() < 20
        assert await lamp.read(COUNTER)

    live(story)


def test_what_disconnect_raises_after_a_loss_during_the_attempt_does_not_hold_the_next_one_up():
    async def story(house: House) -> None:
        house.rule(CONNECT, LoseLink(fault=LOST), times=1)
        house.rule(DISCONNECT, Raise(error=OSError), times=1)
        assert await house.keeper.device("lamp").read(COUNTER)
        assert now() < 3  # not the whole time-out of an attempt that nobody ended

    live(story)


@pytest.mark.parametrize("told", [1, 2])
def test_a_link_lost_before_connect_returned_is_lost_and_made_again(told: int):
    async def story(house: House) -> None:
        house.rule(CONNECT, LoseLink(fault=LOST, told=told), times=1)
        outcome = await (await house.keeper.submit(write(survive_reconnect=True))).wait()
        assert outcome.verdict is Verdict.DELIVERED
        assert [e.kind for e in house.link.log.seen].count(SeenKind.UP) == 2

    live(story)


def test_a_connect_that_ignores_its_cancel_is_left_to_itself_and_torn_down_when_it_comes():
    async def story(house: House) -> None:
        house.rule(CONNECT, Hang(), device="door", times=0)
        first = await (await house.keeper.submit(write(deadline_us=3_000_000))).wait()
        assert (first.verdict, first.cause) == (Verdict.NOT_DELIVERED, Cause.EXPIRED)
        await asyncio.sleep(30)
        assert [e.kind for e in house.link.log.of("lamp")][-1] is SeenKind.DOWN, "it came late and was torn down"
        assert await house.keeper.device("lamp").read(COUNTER)

    live(story, link=lambda link: StubbornLink(link, connect_s=15))


def test_an_operation_that_ignores_its_cancel_does_not_keep_the_device():
    async def story(house: House) -> None:
        outcome = await (await house.keeper.submit(write(attempt_timeout_us=500_000))).wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
        assert now() < 1
        await asyncio.sleep(15)
        assert house.keeper.status().devices[0].connection == "disconnected"

    live(story, link=lambda link: StubbornLink(link, perform_s=12))


def test_what_was_lost_on_the_way_is_not_sent_by_a_later_connection():
    async def story(house: House) -> None:
        house.rule(OPERATION, LoseRequest(), times=1)
        outcome = await (await house.keeper.submit(write(attempt_timeout_us=500_000))).wait()
        assert outcome.verdict is Verdict.UNKNOWN
        await asyncio.sleep(2)
        assert await house.keeper.device("lamp").read(COUNTER)
        assert house.applied() == []

    live(story)


def test_notifications_of_a_connection_that_is_over_are_not_passed_on():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        async with lamp.subscribe("fe53") as values:
            house.lamp.notify(house.lamp.characteristic("fe53"), b"late")
            await lamp.disconnect()
            assert [payload async for payload in values] == []

    live(story)


def test_an_unexpected_exception_says_what_it_was():
    fault = unexpected(KeyError("org.bluez.GattService1"), Ran.MAYBE)
    assert (fault.kind, fault.ran, fault.name) == (FaultKind.UNLISTED, Ran.MAYBE, "KeyError")
    assert "GattService1" in fault.text


def test_a_task_is_cancelled_twice_before_it_is_called_stuck():
    async def swallow(cancels: int) -> None:
        for _ in range(cancels):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    async def fail() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise OSError("on the way out") from None

    async def story() -> None:
        tasks = [asyncio.ensure_future(work) for work in (swallow(1), swallow(3), fail())]
        await asyncio.sleep(0)
        assert [await outlast(task) for task in tasks] == [False, True, False]
        assert not await outlast(None)
        assert now() == 10.0
        await asyncio.sleep(120)

    run_virtual(story())


def test_news_of_a_connection_counts_while_it_is_up():
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        await lamp.connect()
        house.link.change_mtu("lamp", 43)
        await lamp.long_write(WRITABLE, bytes(60))
        assert [len(payload) for payload in house.applied()] == [40, 20]

    live(story)


def test_news_before_a_connection_is_up_and_after_its_end_is_no_news():
    fed = []
    session = Session(
        device="lamp",
        adapter="adapter",
        epoch=1,
        feed=fed.append,
        jitter=lambda: 0.5,
        on_notification=lambda *_: None,
    )
    session.updated(att_mtu=100)
    session._up = session._over = True
    session.updated(att_mtu=100)
    assert fed == []


def test_news_of_a_pairing_after_the_end_of_a_session_is_nobodys():
    heard = []
    session = Session(
        device="lamp",
        adapter="adapter",
        epoch=1,
        feed=heard.append,
        jitter=lambda: 0.5,
        on_notification=lambda *_value: None,
    )

    async def story() -> None:
        session.pairing(under_way=True)
        session.disconnect()
        session.pairing(under_way=False)
        while not isinstance(heard[-1], events.DisconnectDone):
            await asyncio.sleep(0)

    run_virtual(story())
    assert [type(event) for event in heard] == [events.PairingStarted, events.DisconnectDone]
