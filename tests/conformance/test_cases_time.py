"""Cases about time-outs, late answers and taking back: numbers are those of the conformance list.

Knows the core alone, on a virtual clock with a scripted stack.
"""

from typing import Any

import pytest

from core.drive import A_READ, BATTERY, MS, POSITION, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import StartDisconnect
from gattkeeper.model.command import Command, problem_with
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Pair, Read
from gattkeeper.model.outcome import Cause, Phase, Verdict

NOT = Verdict.NOT_DELIVERED
UNKNOWN = Verdict.UNKNOWN


@pytest.fixture
def drive() -> Drive:
    """A warm device."""
    warm = Drive()
    warm.warm()
    return warm


def timed_out(drive: Drive) -> None:
    """A write has had its time, and a read of the same characteristic waits behind what it owes."""
    drive.submit("late", write(1))
    drive.submit("next", Read(target=POSITION), survive_reconnect=True)
    drive.wait(5 * S)


def test_c21_one_without_answer_ends_after_its_time_and_its_bearer_is_not_given_on(drive: Drive) -> None:
    timed_out(drive)
    assert drive.ended("late") == (UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    attempt = drive.endings()["late"].attempts[0]
    assert attempt.ended_at_us - attempt.started_at_us == 5 * S
    assert len(drive.sent()) == 1


def test_c22_a_late_answer_is_nobodys_and_the_next_gets_its_own(drive: Drive) -> None:
    timed_out(drive)
    drive.answer(b"\x01")
    assert drive.open("next")
    drive.answer(b"\x02")
    assert drive.endings()["next"].value == b"\x02"


def test_c23_a_late_answer_within_the_grace_saves_the_link(drive: Drive) -> None:
    timed_out(drive)
    drive.wait(499 * MS)
    drive.answer()
    drive.wait(1 * S)
    assert drive.of(StartDisconnect) == []
    assert drive.sent()[-1] == Read(target=POSITION)
    assert Phase.LATE_ANSWER in drive.phases("late")


def test_c24_without_an_answer_in_the_grace_the_link_is_stalled_and_goes(drive: Drive) -> None:
    drive.submit("late", write(1))
    drive.submit("mortal", A_READ)
    drive.wait(5 * S)
    drive.submit("for the next", A_READ)
    drive.wait(500 * MS)
    assert len(drive.of(StartDisconnect)) == 1
    assert drive.open("for the next")
    assert drive.ended("mortal") == (NOT, Cause.LINK_LOST_BEFORE_SEND)
    fault = drive.endings()["mortal"].fault
    assert fault is not None
    assert fault.name == "link_stalled"


def test_c25_an_answer_of_an_older_connection_is_discarded(drive: Drive) -> None:
    timed_out(drive)
    old = drive.owed[0]
    drive.wait(500 * MS)
    drive.gone()
    drive.connected()
    assert drive.sent()[-1] == Read(target=POSITION)
    drive.answer_to(old, b"\x01")
    drive.feed(events.Answered(device="blind", epoch=old.epoch, token=drive.owed[-1].token, value=b"\x01"))
    assert drive.open("next")


def test_c26_waiting_alone_can_be_bounded(drive: Drive) -> None:
    drive.submit("running", A_READ)
    drive.submit("impatient", write(), queue_timeout_us=1 * S)
    drive.wait(1 * S)
    assert drive.ended("impatient") == (NOT, Cause.EXPIRED)
    drive.answer(b"x")
    assert drive.payloads() == []


def test_c26_what_was_handed_over_in_time_is_not_bounded_by_it_any_more(drive: Drive) -> None:
    drive.submit("one", write(), queue_timeout_us=1 * S)
    drive.wait(2 * S)
    assert drive.open("one")


@pytest.mark.parametrize("field", ["attempt_timeout_us", "deadline_us", "queue_timeout_us"])
@pytest.mark.parametrize("length_us", [0, -1])
def test_c27_a_length_of_nothing_or_less_is_no_command(field: str, length_us: int) -> None:
    lengths: dict[str, Any] = {field: length_us}
    assert problem_with(Command(device="blind", operation=A_READ, **lengths))


def test_c28_a_time_of_its_own_wins_over_that_of_its_kind(drive: Drive) -> None:
    drive.submit("short", A_READ, attempt_timeout_us=200 * MS)
    drive.wait(200 * MS)
    assert Phase.BACKOFF in drive.phases("short")


@pytest.mark.parametrize("first", ["answer", "tick"])
def test_c29_an_answer_in_the_very_moment_of_the_time_out_gives_one_outcome(drive: Drive, first: str) -> None:
    drive.submit("one", write())
    owed = drive.owed[0]
    drive.jump(5 * S)
    if first == "answer":
        drive.answer_to(owed)
    drive.feed(events.Ticked())
    drive.answer_to(owed)
    wanted = (Verdict.DELIVERED, Cause.ACKNOWLEDGED) if first == "answer" else (UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert drive.ended("one") == wanted


def test_c34_one_that_waits_is_cancelled_and_never_sent(drive: Drive) -> None:
    drive.submit("running", A_READ)
    drive.submit("waiting", write())
    drive.cancel("waiting")
    assert drive.ended("waiting") == (NOT, Cause.CANCELLED)
    assert drive.device().waiting == 0
    drive.answer(b"x")
    assert drive.payloads() == []


def test_c35_one_in_flight_is_let_go_at_once_and_its_bearer_is_not(drive: Drive) -> None:
    drive.submit("running", write(1))
    drive.submit("next", write(2))
    drive.cancel("running")
    assert drive.ended("running") == (UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
    assert drive.payloads() == [1]
    drive.wait(500 * MS)
    assert len(drive.of(StartDisconnect)) == 1


def test_c35_a_read_in_flight_that_is_cancelled_had_no_effect(drive: Drive) -> None:
    drive.submit("running", A_READ)
    drive.cancel("running")
    assert drive.ended("running") == (NOT, Cause.CANCELLED)


def test_c36_the_answer_to_a_cancelled_one_is_swallowed_and_the_next_goes(drive: Drive) -> None:
    drive.submit("running", write(1))
    drive.submit("next", write(2))
    drive.cancel("running")
    drive.answer()
    assert drive.payloads() == [1, 2]
    assert drive.open("next")


def test_c37_one_cancelled_between_choice_and_hand_over_is_not_sent(drive: Drive) -> None:
    drive.slow_disk = True
    drive.submit("one", write())
    drive.cancel("one")
    drive.feed(events.IntentRecorded(device="blind", token=1))
    assert drive.ended("one") == (NOT, Cause.CANCELLED)
    assert drive.sent() == []


def test_c39_cancelling_twice_or_too_late_changes_nothing(drive: Drive) -> None:
    drive.submit("one", write())
    drive.cancel("one")
    drive.cancel("one")
    drive.answer()
    drive.submit("two", write())
    drive.answer()
    drive.cancel("two")
    assert drive.ended("two") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    assert drive.ended("one") == (UNKNOWN, Cause.CANCELLED_IN_FLIGHT)


def test_c43_one_of_several_that_wait_for_a_connection_is_cancelled_and_the_attempt_goes_on() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.submit("two", Read(target=BATTERY))
    drive.cancel("one")
    drive.connected()
    assert drive.connects() == ["blind"]
    assert drive.sent() == [Read(target=BATTERY)]


def test_c79_a_pairing_nobody_answers_ends_its_command_and_the_queue_moves(drive: Drive) -> None:
    drive.submit("one", write(), deadline_us=60 * S)
    drive.submit("two", A_READ, deadline_us=90 * S, survive_reconnect=True)
    drive.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    assert drive.sent()[-1] == Pair()
    drive.wait(31 * S)
    assert drive.ended("one")[0] is NOT
    drive.gone()
    drive.connected()
    assert drive.sent()[-1] == A_READ
