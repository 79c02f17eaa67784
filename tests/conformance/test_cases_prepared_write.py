"""Cases about values that take several parts, on a complete stack: numbers are those of the conformance list.

Knows a keeper over Bumble. What the device did is taken from the device's own log.
"""

import asyncio

import pytest

from conformance.air import Air, live
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.world import AnswerError, AttOpcode, Disconnect, Drop, Garble, Match, Moment, Rule
from gattkeeper.world.radio_rules import Action
from runtime.house import write
from sim.scene import WRITABLE, device

LONG = bytes(number % 251 for number in range(200))  # four parts

DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
REJECTED = (Verdict.NOT_DELIVERED, Cause.REJECTED)
LOST = (Verdict.UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
TIMED_OUT = (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
UNCLEAR = (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)

PREPARE, PREPARED = AttOpcode.PREPARE_WRITE_REQUEST, AttOpcode.PREPARE_WRITE_RESPONSE
EXECUTE, EXECUTED = AttOpcode.EXECUTE_WRITE_REQUEST, AttOpcode.EXECUTE_WRITE_RESPONSE


def happen(air: Air, opcode: AttOpcode, action: Action, first: int = 1, times: int = 1) -> None:
    """Let something happen to a request, which has an even opcode, or to a response."""
    moment = Moment.FROM_DEVICE if opcode % 2 else Moment.TO_DEVICE
    air.radio.rules.append(Rule(Match(moment=moment, opcode=opcode, first=first, times=times), action))


def test_c92_a_reliable_write_whose_echo_differs_is_given_up_and_nothing_is_executed() -> None:
    async def story(air: Air) -> None:
        lamp = await air.connected()
        happen(air, PREPARED, Garble(), first=3)
        outcome = await (await air.keeper.submit(write(LONG))).wait()
        assert (outcome.verdict, outcome.cause) == REJECTED
        assert outcome.fault is not None
        assert outcome.fault.name == "echo_differs"
        assert len(outcome.attempts) == 1
        assert air.applied() == []
        await lamp.write(WRITABLE, LONG[::-1])
        assert air.applied() == [LONG[::-1]], "no part of the first is in it"
        assert air.lamp.connections == 1

    live(story, lamp=device("lamp", att_mtu_max=60))


@pytest.mark.parametrize(
    ("opcode", "action", "first", "end", "applied"),
    [
        (PREPARE, AnswerError(code=0x03), 3, REJECTED, 0),
        (PREPARE, Disconnect(), 3, LOST, 0),
        (PREPARED, Drop(), 3, TIMED_OUT, 0),
        (EXECUTE, AnswerError(code=0x0D), 1, REJECTED, 0),
        (EXECUTE, AnswerError(code=0x80), 1, UNCLEAR, 0),
        (EXECUTE, Disconnect(), 1, LOST, 0),
        (EXECUTED, Disconnect(), 1, LOST, 1),
        (EXECUTED, Drop(), 1, TIMED_OUT, 1),
    ],
)
def test_f15_a_long_value_that_fails_on_its_way_has_a_true_verdict_and_is_never_written_twice(
    opcode: AttOpcode, action: Action, first: int, end: tuple[Verdict, Cause], applied: int
) -> None:
    async def story(air: Air) -> None:
        await air.connected()
        happen(air, opcode, action, first)
        handle = await air.keeper.submit(write(LONG))
        following = await air.keeper.submit(write(b"next", survive_reconnect=True))
        outcome = await handle.wait()
        assert (outcome.verdict, outcome.cause) == end
        assert (await following.wait()).succeeded
        await asyncio.sleep(60)
        assert air.applied() == [*[LONG] * applied, b"next"]

    live(story, lamp=device("lamp", att_mtu_max=60))


def test_f15_a_queue_of_parts_that_is_full_for_a_while_is_tried_again_as_a_whole() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        happen(air, PREPARE, AnswerError(code=0x09), first=3, times=2)
        outcome = await (await air.keeper.submit(write(LONG))).wait()
        assert (outcome.verdict, outcome.cause) == DELIVERED
        assert [one.fault.code for one in outcome.attempts if one.fault is not None] == [0x09, 0x09]
        assert air.applied() == [LONG]

    live(story, lamp=device("lamp", att_mtu_max=60))


def test_f15_a_long_value_that_is_cancelled_between_its_parts_is_not_written_later() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        happen(air, PREPARED, Drop(), first=2)
        handle = await air.keeper.submit(write(LONG))
        await asyncio.sleep(0.2)
        air.keeper.cancel(handle.id)
        outcome = await handle.wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
        await air.keeper.device("lamp").write(WRITABLE, b"next")
        await asyncio.sleep(60)
        assert air.applied() == [b"next"]

    live(story, lamp=device("lamp", att_mtu_max=60))


def test_f15_a_stop_does_not_wait_for_the_parts_of_a_long_value() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        handle = await air.keeper.submit(write(LONG * 2))
        await asyncio.sleep(0.1)
        (stop,) = await air.keeper.stop("lamp")
        async with asyncio.timeout(2):
            assert (await stop.wait()).succeeded
        assert (await handle.wait()).verdict is Verdict.UNKNOWN
        assert [payload[:1] for payload in air.applied()] == [b"S"], "half a value is never written"

    live(story, lamp=device("lamp", att_mtu_max=60))
