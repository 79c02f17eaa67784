"""Cases about time-outs, late answers and taking back, through the whole keeper on either link.

Numbers are those of the conformance list.
"""

import asyncio

import pytest

from conformance.stand import READ, OnRadio, OnSimulated, Stand, both, live, put
from gattkeeper.errors import InvalidCommandError
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import LongWrite, Read, Sequence
from gattkeeper.model.outcome import Cause, Outcome, Phase, Verdict
from gattkeeper.world import LateResponse, LinkMatch, LinkMoment, LinkRule
from sim.scene import CLOSED, WRITABLE

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN
ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
STORED = Read(target=characteristic_ref(WRITABLE))
ONE_SECOND_US = 1_000_000


def about(length_us: int) -> object:
    """The loop's clock has fractions of a microsecond; a timer is set to the next whole one."""
    return pytest.approx(length_us, abs=2)


def of(outcome: Outcome) -> tuple[Verdict, Cause]:
    return outcome.verdict, outcome.cause


def test_c17_a_second_answer_to_the_same_request_is_not_the_next_commands() -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        assert isinstance(stand.world, OnRadio)
        await stand.keeper.device("lamp").write(WRITABLE, b"stored")
        stand.world.twice("read")
        first, second = await stand.submit(READ), await stand.submit(STORED)
        assert (await first.wait()).value == b"\0\0\0\1"
        assert (await second.wait()).value == b"stored"

    live("bumble", story)


def test_c18_an_answer_that_belongs_to_no_request_completes_nothing() -> None:
    async def story(stand: Stand) -> None:
        lamp = await stand.connected()
        assert isinstance(stand.world, OnRadio)
        stand.world.twice("write")
        await lamp.write(WRITABLE, b"stored")
        stand.world.late("read", 1)
        reading = await stand.submit(READ)
        await asyncio.sleep(0.5)
        assert reading.outcome is None, "the write response that nobody waits for is no answer to it"
        assert (await reading.wait()).value == b"\0\0\0\1"

    live("bumble", story)


@both
def test_c23_a_late_answer_within_the_grace_saves_the_link(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.late("write", 1.2)
        late = await stand.submit(b"late", attempt_timeout_us=ONE_SECOND_US)
        following = await stand.submit(READ)
        assert of(await late.wait()) == (UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
        assert (await following.wait()).epoch == 1
        assert Phase.LATE_ANSWER in [mark.phase for mark in stand.watch.marks]
        assert stand.lamp.connections == 1

    live(world, story)


@both
def test_c24_without_an_answer_in_the_grace_the_link_is_stalled_and_goes(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.unanswered("write")
        late = await stand.submit(b"late", attempt_timeout_us=ONE_SECOND_US)
        mortal = await stand.submit(READ)
        assert of(await late.wait()) == (UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
        outcome = await mortal.wait()
        assert of(outcome) == (NOT, Cause.LINK_LOST_BEFORE_SEND)
        assert outcome.fault is not None
        assert outcome.fault.name == "link_stalled"
        assert await stand.keeper.device("lamp").read(READ.target) == b"\0\0\0\1"
        assert stand.lamp.connections == 2

    live(world, story)


@both
def test_c25_what_an_older_connection_still_answers_is_discarded(world: str) -> None:
    async def story(stand: Stand) -> None:
        lamp = await stand.connected()
        await lamp.write(WRITABLE, b"stored")
        stand.world.late("read", 1.55)  # comes while its connection goes down
        late = await stand.submit(STORED, attempt_timeout_us=ONE_SECOND_US, deadline_us=ONE_SECOND_US)
        following = await stand.submit(READ, survive_reconnect=True)
        assert (await late.wait()).verdict is NOT
        outcome = await following.wait()
        assert (outcome.epoch, outcome.value) == (2, b"\0\0\0\1")

    live(world, story)


@both
def test_c26_waiting_alone_can_be_bounded(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.late("read", 2)
        reading = await stand.submit(READ)
        impatient = await stand.submit(b"impatient", queue_timeout_us=ONE_SECOND_US)
        outcome = await impatient.wait()
        assert of(outcome) == (NOT, Cause.EXPIRED)
        assert outcome.timeline[-1].at_us - outcome.timeline[0].at_us == about(ONE_SECOND_US)
        assert (await reading.wait()).succeeded
        assert stand.lamp.heard == ["read"]

    live(world, story)


@pytest.mark.parametrize("field", ["attempt_timeout_us", "deadline_us", "queue_timeout_us"])
@both
def test_c27_a_length_of_nothing_or_less_is_refused_and_nothing_is_queued(world: str, field: str) -> None:
    async def story(stand: Stand) -> None:
        for length_us in (0, -1):
            with pytest.raises(InvalidCommandError, match="must be more than 0"):
                await stand.submit(READ, **{field: length_us})
        assert stand.keeper.status().accepted == 0

    live(world, story)


@both
def test_c28_a_commands_own_time_wins_over_that_of_its_kind_and_the_record_shows_it(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        for asked_us, wanted_us in ((None, 5_000_000), (200_000, 200_000), (7_000_000, 7_000_000)):
            stand.world.late("write", 7.2)
            outcome = await (await stand.submit(b"x", attempt_timeout_us=asked_us)).wait()
            assert of(outcome) == (UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
            (attempt,) = outcome.attempts
            assert attempt.ended_at_us - attempt.started_at_us == about(wanted_us)
            await stand.connected()

    live(world, story)


def test_c29_an_answer_in_the_very_moment_of_the_time_out_gives_one_outcome_and_always_the_same() -> None:
    def ended_with(late_us: int) -> list[tuple[Verdict, Cause]]:
        ends: list[tuple[Verdict, Cause]] = []

        async def story(stand: Stand) -> None:
            await stand.connected()
            assert isinstance(stand.world, OnSimulated)
            rule = LinkRule(LinkMatch(moment=LinkMoment.OPERATION), LateResponse(seconds=late_us / 1e6))
            stand.world.link.rules.append(rule)
            handle = await stand.submit(b"x", attempt_timeout_us=ONE_SECOND_US)
            outcome = await handle.wait()
            took_us = outcome.attempts[0].ended_at_us - outcome.attempts[0].started_at_us
            assert took_us <= ONE_SECOND_US + 2, "of which fractions of a microsecond are the clock's"
            ends.append(of(outcome))
            await asyncio.sleep(1)
            assert len([one for one in stand.watch.ends if one.command_id == handle.id]) == 1

        live("simulated", story)
        return ends

    around = [ended_with(late_us) for late_us in range(900_000, 1_000_000, 100)]
    assert around == [ended_with(late_us) for late_us in range(900_000, 1_000_000, 100)]
    in_time = [ends == [ACKNOWLEDGED] for ends in around]
    turn = in_time.index(False)
    assert turn > 0, "the first of them are in time"
    assert not any(in_time[turn:]), "once it is too late, later is too late as well"


@both
def test_c34_one_that_waits_is_cancelled_and_never_on_the_air(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        running, waiting = await stand.submit(READ), await stand.submit(b"cancelled")
        assert stand.keeper.cancel(waiting.id)
        assert of(await waiting.wait()) == (NOT, Cause.CANCELLED)
        assert stand.keeper.status().waiting == 0
        assert (await running.wait()).succeeded
        await asyncio.sleep(60)
        assert stand.lamp.heard == ["read"]

    live(world, story)


@both
def test_c35_cancelling_a_running_command_releases_its_caller_at_once_and_its_bearer_with_the_answer(
    world: str,
) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.late("write", 0.3)
        running, following = await stand.submit(b"1"), await stand.submit(b"2")
        await asyncio.sleep(0.1)
        asked_at = asyncio.get_running_loop().time()
        stand.keeper.cancel(running.id)
        assert of(await running.wait()) == (UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
        assert asyncio.get_running_loop().time() == asked_at
        assert stand.lamp.heard == [b"1"]
        assert of(await following.wait()) == ACKNOWLEDGED
        assert asyncio.get_running_loop().time() - asked_at > 0.2

    live(world, story)


@both
def test_c36_the_answer_to_a_cancelled_one_is_swallowed_and_the_next_starts_after_it(world: str) -> None:
    async def story(stand: Stand) -> None:
        lamp = await stand.connected()
        await lamp.write(WRITABLE, b"stored")
        stand.world.late("read", 0.3)
        first = await stand.submit(STORED)
        second = await stand.submit(READ)
        await asyncio.sleep(0.1)
        stand.keeper.cancel(first.id)
        assert of(await first.wait()) == (NOT, Cause.CANCELLED)
        await asyncio.sleep(0.2)
        assert "read" not in stand.lamp.heard, "the bearer owes an answer still"
        outcome = await second.wait()
        assert (outcome.value, outcome.epoch) == (b"\0\0\0\1", 1)

    live(world, story)


@both
def test_c37_one_cancelled_between_choice_and_hand_over_is_never_on_the_air(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        submitting = asyncio.create_task(stand.submit(b"cancelled"))
        connecting = len(stand.watch.accepts)
        while len(stand.watch.accepts) == connecting:
            await asyncio.sleep(0)
        stand.keeper.cancel(stand.watch.accepts[-1])  # it has the slot, and its intent is not durable yet
        assert of(await (await submitting).wait()) == (NOT, Cause.CANCELLED)
        await asyncio.sleep(60)
        assert stand.lamp.heard == []

    live(world, story, journal=True)


@both
def test_c38_a_long_write_that_is_cancelled_sends_no_further_chunk_and_tells_how_many_went(world: str) -> None:
    async def story(stand: Stand) -> None:
        lamp = await stand.connected()
        chunk = await lamp.request_mtu(517) - 3
        operation = LongWrite(target=characteristic_ref(WRITABLE), payload=bytes(5 * min(chunk, 512)))
        handle = await stand.submit(operation)
        while len(stand.lamp.heard) < 2:
            await asyncio.sleep(0.01)
        stand.keeper.cancel(handle.id)
        outcome = await handle.wait()
        assert outcome.verdict is UNKNOWN
        await asyncio.sleep(60)
        assert len(stand.lamp.heard) == 2
        assert outcome.progress in (1, 2)

    live(world, story)


@both
def test_c39_cancelling_twice_or_too_late_changes_nothing(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        one = await stand.submit(b"1")
        await asyncio.sleep(0)
        assert stand.keeper.cancel(one.id)
        assert not stand.keeper.cancel(one.id)
        assert (await one.wait()).cause is Cause.CANCELLED_IN_FLIGHT
        two = await stand.submit(b"2")
        assert of(await two.wait()) == ACKNOWLEDGED
        assert not stand.keeper.cancel(two.id)
        assert two.outcome is not None
        assert two.outcome.verdict is Verdict.DELIVERED

    live(world, story)


@both
def test_c42_a_caller_whose_own_task_is_cancelled_leaves_nothing_running_behind(world: str) -> None:
    async def story(stand: Stand) -> None:
        lamp = await stand.connected()
        stand.world.late("read", 0.3)
        before = asyncio.all_tasks()
        caller = asyncio.create_task(lamp.read(READ.target))
        await asyncio.sleep(0.1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert stand.watch.ends[-1].cause is Cause.CANCELLED
        assert await lamp.read(READ.target) == b"\0\0\0\2"
        await asyncio.sleep(1)
        assert asyncio.all_tasks() <= before

    live(world, story)


@both
def test_c79_a_pairing_nobody_answers_ends_its_command_and_the_queue_moves(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.pairing_hangs()
        handle = await stand.submit(put(b"closed", CLOSED), deadline_us=60 * ONE_SECOND_US)
        following = await stand.submit(READ, survive_reconnect=True, deadline_us=120 * ONE_SECOND_US)
        outcome = await handle.wait()
        assert outcome.verdict is NOT
        assert outcome.fault is not None
        assert outcome.fault.kind in (FaultKind.PAIRING_FAILED, FaultKind.TIMED_OUT)
        assert (await following.wait()).value == b"\0\0\0\1"
        assert b"closed" not in stand.lamp.heard

    live(world, story)


@both
def test_c84_a_step_that_times_out_ends_its_sequence_and_the_rest_is_never_sent(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        steps = Sequence(steps=(put(b"1"), put(b"2"), put(b"3")))
        stand.world.late("write", 0)  # the first goes well
        stand.world.unanswered("write")
        handle = await stand.submit(steps, attempt_timeout_us=ONE_SECOND_US)
        outcome = await handle.wait()
        assert of(outcome) == (UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
        assert outcome.progress == 1
        await asyncio.sleep(60)
        assert stand.lamp.heard == [b"1", b"2"]

    live(world, story)


@both
def test_c86_a_sequence_that_never_finishes_is_over_with_its_lease(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        steps = Sequence(steps=(put(b"1"), put(b"2"), put(b"3")), lease_us=2 * ONE_SECOND_US)
        stand.world.late("write", 0)
        stand.world.unanswered("write")
        handle = await stand.submit(steps)
        following = await stand.submit(READ, survive_reconnect=True)
        outcome = await handle.wait()
        assert outcome.verdict is UNKNOWN
        assert outcome.timeline[-1].at_us - outcome.timeline[0].at_us < 2.2 * ONE_SECOND_US
        assert (await following.wait()).succeeded
        assert stand.lamp.heard == [b"1", b"2", "read"]

    live(world, story)
