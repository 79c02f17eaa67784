"""Cases about losing and making connections, through the whole keeper on either link.

Numbers are those of the conformance list. What only a link without packets can be made to do runs there alone.
"""

import asyncio

import pytest

from conformance.stand import READ, OnSimulated, Stand, both, live
from gattkeeper.core.retry import TABLE, Reaction
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Connect
from gattkeeper.model.outcome import Cause, Outcome, Phase, Verdict
from gattkeeper.runtime.handle import Handle
from gattkeeper.world import Fail, Hang, LateResponse, LinkMatch, LinkMoment, LinkRule, LoseLink, SeenKind
from sim.scene import PUSHED

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN
VALUE = (Verdict.DELIVERED, Cause.VALUE)


def of(outcome: Outcome) -> tuple[Verdict, Cause]:
    return outcome.verdict, outcome.cause


def rule(stand: Stand, moment: LinkMoment, action: Fail | Hang | LoseLink | LateResponse, times: int = 1) -> None:
    assert isinstance(stand.world, OnSimulated)
    stand.world.link.rules.append(LinkRule(LinkMatch(moment=moment, times=times), action))


def attempts(stand: Stand) -> list[str]:
    """Which devices connections were tried to, in order."""
    assert isinstance(stand.world, OnSimulated)
    return [entry.device for entry in stand.world.link.log.seen if entry.kind is SeenKind.CONNECTING]


@both
def test_c55_an_error_just_before_the_news_of_the_loss_is_one_loss(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.cut("write")
        running, waiting = await stand.submit(b"1"), await stand.submit(b"2")
        assert of(await running.wait()) == (UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
        assert of(await waiting.wait()) == (NOT, Cause.LINK_LOST_BEFORE_SEND)
        await asyncio.sleep(60)
        assert stand.lamp.heard == [b"1"], "nothing is tried on a dead link"
        assert stand.lamp.connections == 1

    live(world, story)


@both
def test_c58_those_that_may_survive_run_in_order_on_the_next_connection_or_expire(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.unanswered("read")
        handles = [await stand.submit(READ)]
        handles += [await stand.submit(bytes([number]), survive_reconnect=True) for number in (1, 2)]
        expires = await stand.submit(b"expires", survive_reconnect=True, deadline_us=1_000_000)
        stand.world.take_away(stand.lamp)
        outcome = await expires.wait()
        assert (outcome.verdict, outcome.cause) == (NOT, Cause.EXPIRED)
        stand.world.bring_back(stand.lamp)
        assert [(await handle.wait()).epoch for handle in handles[1:]] == [2, 2]
        assert stand.lamp.heard[-2:] == [b"\1", b"\2"]

    live(world, story)


@both
def test_c59_a_write_that_was_in_flight_when_the_link_went_is_never_repeated_by_itself(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.cut("write")
        lost = await stand.submit(b"once", survive_reconnect=True)
        following = await stand.submit(READ, survive_reconnect=True)
        assert of(await lost.wait()) == (UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
        assert (await following.wait()).epoch == 2
        await asyncio.sleep(60)
        assert stand.lamp.heard == [b"once", "read"]

    live(world, story)


@both
def test_c64_what_is_submitted_on_hearing_of_a_loss_belongs_to_the_next_connection(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        late: list[asyncio.Task[Handle]] = []

        def ended(command: Command, outcome: Outcome, at_us: int) -> None:
            if outcome.cause is Cause.LINK_LOST_IN_FLIGHT:
                late.append(asyncio.get_running_loop().create_task(stand.submit(READ)))

        stand.watch.ended = ended
        stand.world.cut("write")
        await (await stand.submit(b"1")).wait()
        outcome = await (await late[0]).wait()
        assert (of(outcome), outcome.epoch) == (VALUE, 2)

    live(world, story)


@both
def test_c67_connections_are_made_one_after_the_other_and_those_who_wait_keep_their_deadlines(world: str) -> None:
    async def story(stand: Stand) -> None:
        stand.world.take_away(stand.lamp)
        far = await stand.submit(Connect())
        near = await stand.submit(Connect(), "door", deadline_us=3_000_000)
        outcome = await near.wait()
        assert of(outcome) == (NOT, Cause.EXPIRED)
        assert outcome.timeline[-1].at_us - outcome.timeline[0].at_us == pytest.approx(3_000_000, abs=2)
        assert Phase.CONNECT_START not in [mark.phase for mark in outcome.timeline]
        assert not (await far.wait()).succeeded
        assert (await (await stand.submit(Connect(), "door")).wait()).succeeded

    live(world, story)


@both
def test_c67_the_next_connection_is_begun_when_the_link_of_the_last_is_up(world: str) -> None:
    async def story(stand: Stand) -> None:
        handles = [await stand.submit(READ), await stand.submit(READ, "door")]
        first, second = [{mark.phase: mark.at_us for mark in (await one.wait()).timeline} for one in handles]
        assert first[Phase.CONNECTED] <= second[Phase.CONNECT_START] < first[Phase.DISCOVERED]

    live(world, story)


def test_c68_a_device_that_is_reconnected_in_the_background_does_not_hold_up_another() -> None:
    async def story(stand: Stand) -> None:
        lamp = await stand.connected()
        async with lamp.subscribe(PUSHED):
            rule(stand, LinkMoment.CONNECT, Hang(seconds=15))
            stand.world.lose(stand.lamp)
            await asyncio.sleep(1)
            assert attempts(stand)[-1] == "lamp", "by itself, for its subscription"
            asked_at = asyncio.get_running_loop().time()
            assert (await (await stand.submit(READ, "door")).wait()).succeeded
            assert asyncio.get_running_loop().time() - asked_at < 1

    live("simulated", story)


@both
def test_c69_several_who_want_one_connection_share_one_attempt(world: str) -> None:
    async def story(stand: Stand) -> None:
        handles = [await stand.submit(Connect()) for _ in range(5)]
        assert {(await handle.wait()).verdict for handle in handles} == {Verdict.DELIVERED}
        assert stand.lamp.connections == 1

    live(world, story)


def test_c70_the_pause_between_attempts_is_kept_and_cancelling_in_it_ends_the_attempts() -> None:
    async def story(stand: Stand) -> None:
        rule(stand, LinkMoment.CONNECT, Fail(fault=Fault(kind=FaultKind.NOT_FOUND, ran=Ran.NO, stack="test")), 9)
        handle = await stand.submit(READ)
        await asyncio.sleep(0.9)
        assert len(attempts(stand)) == 1
        await asyncio.sleep(0.3)
        assert len(attempts(stand)) == 2
        stand.keeper.cancel(handle.id)
        await asyncio.sleep(60)
        assert len(attempts(stand)) == 2

    live("simulated", story)


@both
def test_c71_a_full_connect_time_out_means_out_of_reach_and_is_not_repeated(world: str) -> None:
    async def story(stand: Stand) -> None:
        stand.world.take_away(stand.lamp)
        outcome = await (await stand.submit(READ, deadline_us=120_000_000)).wait()
        assert of(outcome) == (NOT, Cause.NEVER_SENT)
        (attempt,) = outcome.attempts
        assert attempt.ended_at_us - attempt.started_at_us == pytest.approx(20_000_000, rel=0.01)
        assert attempt.fault is not None
        assert attempt.fault.kind is FaultKind.UNREACHABLE

    live(world, story)


@both
def test_c72_without_a_free_place_a_device_waits_and_nothing_spins(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.late("read", 4)
        held = await stand.submit(READ)
        waits = await stand.submit(READ, "door")
        turns = 0
        while held.outcome is None:
            turns += 1
            assert turns < 200, "the loop wakes up for nothing"
            await asyncio.sleep(0.05)
            assert stand.door.connections == 0
        assert (await waits.wait()).succeeded

    live(world, story, slots=1)


def test_c73_a_link_that_comes_up_as_its_time_is_over_is_either_used_or_taken_down() -> None:
    used = []
    for late_ms in range(19_600, 20_100, 10):

        async def story(stand: Stand, late_s: float = late_ms / 1000) -> None:
            assert isinstance(stand.world, OnSimulated)
            rule(stand, LinkMoment.CONNECT, Hang(seconds=late_s))
            outcome = await (await stand.submit(READ, deadline_us=60_000_000)).wait()
            await asyncio.sleep(1)
            log = [entry.kind for entry in stand.world.link.log.of("lamp")]
            up, down = log.count(SeenKind.UP), log.count(SeenKind.DOWN)
            assert up - down == (1 if outcome.succeeded else 0), "no connection is left that nobody uses"
            assert stand.keeper.status().adapters[0].connections == up - down
            used.append(outcome.succeeded)

        live("simulated", story)
    assert used == sorted(used, reverse=True)
    assert set(used) == {True, False}


@pytest.mark.parametrize("kind", [kind for kind in TABLE if kind not in (FaultKind.CANCELLED, FaultKind.JOURNAL)])
def test_c74_each_kind_of_fault_leads_to_the_attempts_and_pauses_of_its_row(kind: FaultKind) -> None:
    steps = TABLE[kind].steps
    again = [pause_us for reaction, pause_us in steps if reaction in (Reaction.RETRY, Reaction.RECONNECT)][:3]

    async def story(stand: Stand) -> None:
        await stand.connected()
        fault = Fault(kind=kind, ran=Ran.NO, stack="test")
        assert isinstance(stand.world, OnSimulated)
        match = LinkMatch(moment=LinkMoment.OPERATION, kind="read", times=len(again) or 9)
        stand.world.link.rules.append(LinkRule(match, Fail(fault=fault)))
        outcome = await (await stand.submit(READ, deadline_us=120_000_000, survive_reconnect=True)).wait()
        assert outcome.succeeded is bool(again)
        ran = [mark.at_us for mark in outcome.timeline if mark.phase is Phase.DISPATCHED]
        assert len(ran) == len(again) + 1 + (kind is FaultKind.NEEDS_PAIRING)
        failed = [attempt.ended_at_us for attempt in outcome.attempts if attempt.fault is not None]
        for ended_at, begun_at, pause_us in zip(failed, ran[1:], again, strict=False):
            assert begun_at - ended_at >= pause_us

    live("simulated", story)


def test_c13_a_stack_that_refuses_to_start_frees_the_bearer_at_once() -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        rule(stand, LinkMoment.OPERATION, Fail(fault=Fault(kind=FaultKind.UNSUPPORTED, ran=Ran.NO, stack="test")))
        first, second = await stand.submit(b"1"), await stand.submit(READ)
        assert of(await first.wait()) == (NOT, Cause.UNSUPPORTED)
        assert of(await second.wait()) == VALUE
        assert stand.lamp.heard == ["read"]

    live("simulated", story)
