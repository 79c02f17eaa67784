"""Emergency stops, the latch after an unknown, and how a person resolves it."""

import asyncio

import pytest
from house import House, live, now, write

from gattkeeper.core.limits import Limits
from gattkeeper.errors import (
    LatchedError,
    StoppedError,
    UsageError,
)
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Phy, Read, SetPhy
from gattkeeper.model.outcome import Cause, Phase, Verdict
from gattkeeper.model.status import AlertKind
from gattkeeper.world import Fail, Hang, LinkMoment, LoseRequest, LoseResponse
from sim.scene import COUNTER

CONNECT, OPERATION = LinkMoment.CONNECT, LinkMoment.OPERATION
READ = Read(target=characteristic_ref(COUNTER))


async def connected(house: House) -> None:
    await house.keeper.device("lamp").connect()


def test_a_stop_ends_what_waits_goes_out_and_refuses_others_until_its_verdict():
    async def story(house: House) -> None:
        waiting = await house.keeper.submit(write(b"w"))
        reading = await house.keeper.submit(Command(device="lamp", operation=READ))
        (stop,) = await house.keeper.stop("lamp")
        with pytest.raises(StoppedError, match="gattkeeper resume lamp"):
            await house.keeper.submit(write(b"late"))
        ended = await waiting.wait()
        assert (ended.verdict, ended.cause, ended.by) == (Verdict.NOT_DELIVERED, Cause.STOPPED, stop.id)
        assert (await stop.wait()).verdict is Verdict.DELIVERED
        assert (await reading.wait()).succeeded
        assert (await (await house.keeper.submit(write(b"next"))).wait()).succeeded
        assert [payload[:1] for payload in house.applied()] == [b"S", b"n"]

    live(story)


def test_a_latched_stop_holds_until_it_is_resumed():
    async def story(house: House) -> None:
        for handle in await house.keeper.stop(latch=True):
            assert (await handle.wait()).succeeded
        for name in ("lamp", "door"):
            with pytest.raises(StoppedError):
                await house.keeper.submit(write(device=name))
        assert house.keeper.resume() == ("lamp", "door")
        assert (await (await house.keeper.submit(write())).wait()).succeeded

    live(story)


def test_two_stops_are_one_and_both_are_told():
    async def story(house: House) -> None:
        (one,), (two,) = await house.keeper.stop("lamp"), await house.keeper.stop("lamp")
        first, second = await one.wait(), await two.wait()
        assert first.verdict is second.verdict is Verdict.DELIVERED
        assert second.by == one.id
        assert len(house.applied()) == 1

    live(story)


def test_a_stop_does_not_wait_for_the_disk():
    async def story(house: House) -> None:
        await connected(house)
        house.journal.failing = True
        (stop,) = await house.keeper.stop("lamp")
        assert (await stop.wait()).verdict is Verdict.DELIVERED
        house.journal.failing = False

    live(story, journal=True)


@pytest.mark.parametrize("action", [LoseRequest(), LoseResponse()])
def test_a_stop_drops_a_link_on_which_everything_hangs(action):
    async def story(house: House) -> None:
        await connected(house)
        house.rule(OPERATION, action, times=1)
        stuck = await house.keeper.submit(write(b"stuck"))
        await asyncio.sleep(0.05)
        asked_at = now()
        (stop,) = await house.keeper.stop("lamp")
        outcome = await stop.wait()
        assert outcome.verdict is Verdict.DELIVERED
        assert now() - asked_at < 1, "100 ms grace, and one connection"
        assert (await stuck.wait()).verdict is Verdict.UNKNOWN
        assert any(mark.phase is Phase.STOP_ROUTE for mark in outcome.timeline)

    live(story)


def test_a_stop_that_cannot_get_through_says_so_within_its_bound():
    async def story(house: House) -> None:
        house.rule(CONNECT, Hang())
        (stop,) = await house.keeper.stop("lamp")
        outcome = await stop.wait()
        assert outcome.verdict is Verdict.NOT_DELIVERED
        assert now() <= 30.01
        assert house.applied() == []

    live(story)


def test_f66_a_stop_that_failed_is_tried_again_until_the_device_is_back():
    async def story(house: House) -> None:
        out_of_reach = house.rule(CONNECT, Hang())
        (stop,) = await house.keeper.stop("lamp")
        assert (await stop.wait()).verdict is Verdict.NOT_DELIVERED
        assert [(one.kind, one.raised) for one in house.watch.alerts] == [(AlertKind.STOP_FAILED, True)]
        with pytest.raises(StoppedError):
            await house.keeper.submit(write())
        house.link.rules.remove(out_of_reach)
        await asyncio.sleep(35)
        assert [payload[:1] for payload in house.applied()] == [b"S"]
        assert [one.command_id for one in house.watch.ends if one.succeeded] == [f"{stop.id}-again-1"]
        assert not house.watch.alerts[-1].raised
        assert (await (await house.keeper.submit(write())).wait()).succeeded

    live(story, limits=Limits(stop_persist_us=120_000_000))


def test_the_keeper_closes_while_a_stop_is_tried_again():
    async def story(house: House) -> None:
        house.rule(OPERATION, Fail(fault=Fault(kind=FaultKind.REJECTED, ran=Ran.REFUSED, stack="test")))
        (stop,) = await house.keeper.stop("lamp")
        assert (await stop.wait()).cause is Cause.REJECTED
        closing_at = now()
        await house.keeper.close()
        assert now() - closing_at < 1

    live(story, limits=Limits(stop_persist_us=120_000_000), journal=True)


def test_a_safety_device_is_held_after_an_unknown_until_a_person_decides():
    async def story(house: House) -> None:
        house.rule(OPERATION, LoseResponse(), times=1)
        lost = await house.keeper.submit(write(attempt_timeout_us=500_000))
        assert (await lost.wait()).verdict is Verdict.UNKNOWN
        with pytest.raises(LatchedError, match=lost.id):
            await house.keeper.submit(write(b"y"))
        with pytest.raises(UsageError, match="who decided"):
            await house.keeper.resolve(lost.id, applied=True, who="", why="")
        await house.keeper.resolve(lost.id, applied=True, who="a person", why="looked")
        with pytest.raises(UsageError):
            await house.keeper.resolve(lost.id, applied=False, who="another", why="looked too")
        done = await (await house.keeper.submit(write(b"y", survive_reconnect=True))).wait()
        assert done.succeeded

    live(story, safety=True, journal=True)


def test_the_next_keeper_is_held_by_what_may_have_changed_the_device_and_by_nothing_else():
    async def story(house: House) -> None:
        for operation, held_by in ((SetPhy(tx=Phy.LE_2M), False), (write().operation, True)):
            rule = house.rule(OPERATION, LoseResponse())
            command = Command(device="lamp", operation=operation, attempt_timeout_us=500_000, deadline_us=600_000)
            lost = await house.keeper.submit(command)
            assert (await lost.wait()).verdict is Verdict.UNKNOWN
            house.link.rules.remove(rule)
            await asyncio.sleep(1)
            following = House(safety=True, journal=True)
            following.journal.rows += house.journal.rows
            await following.keeper.start()
            assert following.keeper.status().devices[0].latched_by == (lost.id if held_by else "")
            await following.keeper.close()

    live(story, safety=True, journal=True)
