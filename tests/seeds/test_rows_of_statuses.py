"""What the articles do about each status, end to end: a status comes from the stack, and the caller gets the outcome.

133 is Android's own: no link of ours gives it, so the simulated one does. The others come over the air.
"""

import pytest

from conformance.air import Air, live
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Operation, Read, Write
from gattkeeper.model.outcome import Cause, Outcome, Verdict
from gattkeeper.world import AnswerError, AttOpcode, Disconnect, Fail, LinkMoment, Match, Moment, Rule
from gattkeeper.world.radio_rules import Action
from runtime.house import House, write
from runtime.house import live as live_simulated
from sim.scene import CLOSED, COUNTER

READ = Read(target=characteristic_ref(COUNTER))
WRITE = write().operation
CLOSED_WRITE = Write(target=characteristic_ref(CLOSED), payload=b"x")

VALUE = (Verdict.DELIVERED, Cause.VALUE)
ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
REJECTED = (Verdict.NOT_DELIVERED, Cause.REJECTED)
FAILED = (Verdict.NOT_DELIVERED, Cause.FAILED)
LOST = (Verdict.UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
UNCLEAR = (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)

GENERIC = Fault(kind=FaultKind.GENERIC, ran=Ran.MAYBE, stack="android", code=133)


def command(operation: Operation) -> Command:
    return Command(device="lamp", operation=operation, survive_reconnect=True)


def end_of(outcome: Outcome) -> tuple[Verdict, Cause]:
    return outcome.verdict, outcome.cause


def codes(outcome: Outcome) -> list[int | None]:
    """The status of each attempt; None for one that went well."""
    return [attempt.fault.code if attempt.fault is not None else None for attempt in outcome.attempts]


def pauses(outcome: Outcome) -> list[float]:
    """Seconds between one attempt and the next."""
    attempts = outcome.attempts
    return [
        (later.started_at_us - one.ended_at_us) / 1e6 for one, later in zip(attempts, attempts[1:], strict=False)
    ]


async def met(air: Air, operation: Operation, action: Action, times: int | None) -> Outcome:
    """The outcome of an operation whose requests meet this, so often; the device is connected before."""
    await air.connected()
    opcode = AttOpcode.READ_REQUEST if isinstance(operation, Read) else AttOpcode.WRITE_REQUEST
    air.radio.rules.append(Rule(Match(moment=Moment.TO_DEVICE, opcode=opcode, times=times), action))
    return await (await air.keeper.submit(command(operation))).wait()


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
def test_row_status_133_is_tried_again_after_200_ms_and_the_second_time_on_a_fresh_connection(times: int) -> None:
    async def story(house: House) -> None:
        await house.keeper.device("lamp").connect()
        house.rule(LinkMoment.OPERATION, Fail(fault=GENERIC), times=times)
        outcome = await (await house.keeper.submit(command(READ))).wait()
        assert end_of(outcome) == VALUE
        assert codes(outcome) == [133] * times + [None]
        assert pauses(outcome)[0] == pytest.approx(0.2, rel=0.26)
        assert house.lamp.connections == times

    live_simulated(story)


def test_row_status_133_for_ever_is_given_up_and_a_write_that_met_it_is_not_repeated() -> None:
    async def story(house: House) -> None:
        house.rule(LinkMoment.OPERATION, Fail(fault=GENERIC))
        outcome = await (await house.keeper.submit(command(READ))).wait()
        assert (end_of(outcome), codes(outcome)) == (FAILED, [133] * 3)
        outcome = await (await house.keeper.submit(command(WRITE))).wait()
        assert (end_of(outcome), codes(outcome)) == (UNCLEAR, [133])

    live_simulated(story)


def test_row_status_14_is_waited_out_from_500_ms_on() -> None:
    async def story(air: Air) -> None:
        outcome = await met(air, READ, AnswerError(code=14), 3)
        assert end_of(outcome) == VALUE
        assert codes(outcome) == [14, 14, 14, None]
        assert pauses(outcome) == [pytest.approx(pause, rel=0.51) for pause in (0.5, 1.0, 2.0)]
        assert air.lamp.connections == 1

    live(story)


@pytest.mark.parametrize("reason", [8, 19, 22])
def test_row_status_8_19_and_22_reconnect_and_what_has_no_effect_runs_again(reason: int) -> None:
    async def story(air: Air) -> None:
        outcome = await met(air, READ, Disconnect(reason=reason), 1)
        assert end_of(outcome) == VALUE
        assert codes(outcome) == [reason, None]
        assert air.lamp.connections == 2

    live(story)


@pytest.mark.parametrize("reason", [8, 19, 22])
@pytest.mark.parametrize("moment", [Moment.TO_DEVICE, Moment.FROM_DEVICE], ids=["request", "response"])
def test_row_status_8_19_and_22_in_a_write_leave_it_unknown_and_never_repeat_it(
    moment: Moment, reason: int
) -> None:
    async def story(air: Air) -> None:
        await air.connected()
        opcode = AttOpcode.WRITE_REQUEST if moment is Moment.TO_DEVICE else AttOpcode.WRITE_RESPONSE
        air.radio.rules.append(Rule(Match(moment=moment, opcode=opcode, times=1), Disconnect(reason=reason)))
        outcome = await (await air.keeper.submit(command(WRITE))).wait()
        assert (end_of(outcome), codes(outcome)) == (LOST, [reason])
        await air.connected()
        assert len(air.applied()) == (moment is Moment.FROM_DEVICE)

    live(story)


@pytest.mark.parametrize(
    ("code", "times", "tried", "end"),
    [(5, 1, [5, None], ACKNOWLEDGED), (5, None, [5, 5], REJECTED), (15, 1, [15, None], ACKNOWLEDGED)],
)
def test_row_status_5_pairs_once_and_tries_once_more(
    code: int, times: int | None, tried: list[int | None], end: tuple[Verdict, Cause]
) -> None:
    async def story(air: Air) -> None:
        outcome = await met(air, WRITE, AnswerError(code=code), times)
        assert (end_of(outcome), codes(outcome)) == (end, tried)
        air.radio.rules.clear()
        outcome = await (await air.keeper.submit(command(CLOSED_WRITE))).wait()
        assert (end_of(outcome), codes(outcome)) == (ACKNOWLEDGED, [None]), "it was paired, and once is enough"

    live(story)


@pytest.mark.parametrize("operation", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("code", [6, 13])
def test_row_status_6_and_13_are_for_good(code: int, operation: Operation) -> None:
    async def story(air: Air) -> None:
        outcome = await met(air, operation, AnswerError(code=code), None)
        assert (end_of(outcome), codes(outcome)) == (REJECTED, [code])

    live(story)


def test_row_a_status_nobody_knows_is_tried_once_more_after_100_ms() -> None:
    async def story(air: Air) -> None:
        outcome = await met(air, READ, AnswerError(code=0x7F), None)
        assert (end_of(outcome), codes(outcome)) == (FAILED, [0x7F, 0x7F])
        assert pauses(outcome) == [pytest.approx(0.1, rel=0.26)]
        outcome = await met(air, WRITE, AnswerError(code=0x7F), None)
        assert (end_of(outcome), codes(outcome)) == (UNCLEAR, [0x7F]), "it may have been done"

    live(story)
