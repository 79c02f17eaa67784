"""Cases about trying again, limits and figures, through the whole keeper on either link.

Numbers are those of the conformance list.
"""

import asyncio

import pytest

from conformance.stand import READ, OnSimulated, Stand, both, live, put
from gattkeeper.core.limits import Limits
from gattkeeper.errors import QueueFullError
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import LongWrite, Write, WriteMode
from gattkeeper.model.outcome import Cause, Outcome, Phase, Verdict
from gattkeeper.model.status import AlertKind
from gattkeeper.world import LinkMatch, LinkMoment, LinkRule, Raise
from sim.scene import CLOSED, WRITABLE

NOT = Verdict.NOT_DELIVERED
ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
BUSY = 0xFE
"""ATT error code "procedure already in progress" (Core Specification Supplement, Part B, 1.2)."""


def of(outcome: Outcome) -> tuple[Verdict, Cause]:
    return outcome.verdict, outcome.cause


@pytest.mark.parametrize("code", [0x80, 0x9F, 0x13, 0x06])
@both
def test_c75_what_the_device_itself_refuses_is_not_sent_again(world: str, code: int) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.lamp.refusals = [code]
        outcome = await (await stand.submit(b"1", idempotent=True)).wait()
        assert of(outcome) == (NOT, Cause.REJECTED)
        assert outcome.fault is not None
        assert outcome.fault.code == code
        await asyncio.sleep(60)
        assert stand.lamp.heard == [b"1"]

    live(world, story)


@both
def test_c76_a_device_that_is_busy_is_waited_out_and_only_the_timeline_shows_it(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.lamp.refusals = [BUSY] * 3
        outcome = await (await stand.submit(b"1")).wait()
        assert of(outcome) == ACKNOWLEDGED
        assert [mark.phase for mark in outcome.timeline].count(Phase.BACKOFF) == 3
        assert stand.lamp.heard == [b"1"] * 4
        stand.lamp.refusals = [BUSY] * 99
        outcome = await (await stand.submit(b"2", deadline_us=8_000_000)).wait()
        assert of(outcome) == (NOT, Cause.REJECTED)
        assert outcome.timeline[-1].at_us - outcome.timeline[0].at_us <= 8_000_002

    live(world, story)


@both
def test_c77_an_unpaired_device_is_paired_once_and_the_command_tried_once_more(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        outcome = await (await stand.submit(put(b"closed", CLOSED))).wait()
        assert of(outcome) == ACKNOWLEDGED
        phases = [mark.phase for mark in outcome.timeline]
        assert phases.count(Phase.PAIR) == 1
        assert phases.count(Phase.DISPATCHED) == 2
        assert stand.lamp.heard == [b"closed"]
        assert Phase.PAIR not in [mark.phase for mark in (await (await stand.submit(READ)).wait()).timeline]

    live(world, story)


@both
def test_c81_a_command_that_is_given_up_tells_all_its_attempts(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.unanswered("read", times=9)
        handle = await stand.submit(READ, attempt_timeout_us=1_000_000, survive_reconnect=True)
        outcome = await handle.wait()
        assert of(outcome) == (NOT, Cause.FAILED)
        assert [attempt.number for attempt in outcome.attempts] == [1, 2, 3]
        assert {attempt.fault.kind for attempt in outcome.attempts if attempt.fault} == {FaultKind.TIMED_OUT}
        moments = [(attempt.started_at_us, attempt.ended_at_us) for attempt in outcome.attempts]
        assert moments == sorted(moments)
        assert all(ended - started == pytest.approx(1_000_000, abs=2) for started, ended in moments)

    live(world, story)


@both
def test_c82_while_one_backs_off_a_more_urgent_one_runs_and_an_equal_one_does_not(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.lamp.refusals = [BUSY]
        backing_off = await stand.submit(b"1")
        while len(stand.lamp.heard) < 1:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        equal = await stand.submit(b"equal")
        urgent = await stand.submit(b"urgent", priority=Priority.URGENT)
        for handle in (backing_off, equal, urgent):
            assert (await handle.wait()).succeeded
        assert stand.lamp.heard == [b"1", b"urgent", b"1", b"equal"]

    live(world, story)


@both
def test_c91_a_long_write_that_failed_in_a_part_goes_on_with_that_part(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        payload = b"".join(number.to_bytes(2, "big") for number in range(1000))
        operation = LongWrite(target=characteristic_ref(WRITABLE), payload=payload)
        stand.world.late("write", 0)  # the first part goes well
        stand.world.unheard("write")
        handle = await stand.submit(
            operation, idempotent=True, attempt_timeout_us=1_000_000, survive_reconnect=True
        )
        outcome = await handle.wait()
        assert of(outcome) == ACKNOWLEDGED
        assert b"".join(part for part in stand.lamp.heard if isinstance(part, bytes)) == payload
        failed = [attempt for attempt in outcome.attempts if attempt.fault is not None]
        assert [attempt.fault.kind for attempt in failed if attempt.fault] == [FaultKind.TIMED_OUT]

    live(world, story)


@both
def test_c101_a_write_without_response_is_sent_and_never_called_delivered(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        target = characteristic_ref(WRITABLE)
        outcome = await (
            await stand.submit(Write(target=target, payload=b"1", mode=WriteMode.WITHOUT_RESPONSE))
        ).wait()
        assert of(outcome) == (Verdict.SENT, Cause.ACCEPTED_LOCALLY)
        await asyncio.sleep(1)
        assert stand.lamp.heard == [b"1"]

    live(world, story)


@pytest.mark.parametrize("shed", [False, True])
@both
def test_c102_a_full_queue_refuses_or_sheds_at_once_and_has_room_for_a_stop(world: str, *, shed: bool) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.late("read", 2)
        await stand.submit(READ)
        low = await stand.submit(b"low", priority=Priority.BACKGROUND)
        if shed:
            urgent = await stand.submit(b"urgent", priority=Priority.URGENT)
            assert of(await low.wait()) == (NOT, Cause.SHED)
            assert urgent.outcome is None
        else:
            with pytest.raises(QueueFullError, match="1 commands wait for lamp already"):
                await stand.submit(b"urgent", priority=Priority.URGENT)
            assert low.outcome is None
        (stop,) = await stand.keeper.stop("lamp")
        assert (await stop.wait()).succeeded

    live(world, story, limits=Limits(queue_per_device_max=1, shed=shed))


@both
def test_c103_figures_follow_every_step(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        seen = []

        def note() -> None:
            device = next(one for one in stand.keeper.status().devices if one.name == "lamp")
            seen.append(
                (device.waiting, device.in_flight, round(device.in_flight_us, -4), device.oldest_waiting_us > 0)
            )

        stand.world.late("read", 2)
        one, two = await stand.submit(READ), await stand.submit(b"2")
        note()
        await asyncio.sleep(1)
        note()
        await one.wait()
        await asyncio.sleep(0)
        note()
        await two.wait()
        note()
        assert seen == [
            (1, one.id, 0, False),
            (1, one.id, 1_000_000, True),
            (0, two.id, 0, False),
            (0, "", 0, False),
        ]

    live(world, story)


@both
def test_c104_a_stall_is_told_once_before_its_time_out_and_names_operation_and_device(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.late("write", 4)
        handle = await stand.submit(b"slow")
        await asyncio.sleep(3)
        (alert,) = stand.watch.alerts
        assert (alert.kind, alert.raised, alert.device) == (AlertKind.IN_FLIGHT, True, "lamp")
        assert f"write ({handle.id}) of lamp" in alert.text
        assert handle.outcome is None
        assert (await handle.wait()).succeeded
        await asyncio.sleep(1)
        assert [one.raised for one in stand.watch.alerts] == [True, False]

    live(world, story)


def test_c14_an_exception_that_no_table_knows_ends_its_command_with_its_text_and_the_queue_lives() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            return "never seen before"

    async def story(stand: Stand) -> None:
        await stand.connected()
        assert isinstance(stand.world, OnSimulated)
        stand.world.link.rules.append(LinkRule(LinkMatch(moment=LinkMoment.OPERATION, times=1), Raise(error=Odd)))
        first, second = await stand.submit(b"1"), await stand.submit(READ)
        outcome = await first.wait()
        assert of(outcome) == (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)
        assert outcome.fault is not None
        assert "never seen before" in outcome.fault.text
        assert (await second.wait()).succeeded

    live("simulated", story)
