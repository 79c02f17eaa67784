"""Cases about sequences: numbers are those of the conformance list.

Knows the core alone, on a virtual clock with a scripted stack.
"""

import pytest

from core.drive import A_READ, Drive, S, write
from core.watch import Watch
from gattkeeper.core.effects import RecordIntent
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Sequence
from gattkeeper.model.outcome import Cause, Verdict

ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
PARTLY = (Verdict.UNKNOWN, Cause.PARTLY)
THREE = Sequence(steps=(write(1), A_READ, write(3)), undo=write(9))


def warm() -> Drive:
    drive = Drive(watch=Watch(slots=5, safety=False))
    drive.warm()
    return drive


def test_c50_inside_a_sequence_the_more_urgent_wait() -> None:
    drive = warm()
    drive.submit("three", THREE)
    drive.submit("urgent", write(5), priority=Priority.URGENT)
    drive.answer()
    drive.answer(b"\x55")
    assert drive.sent()[-3:] == [*THREE.steps]
    drive.answer()
    assert drive.sent()[-1] == write(5)
    assert drive.ended("three") == ACKNOWLEDGED
    assert drive.endings()["three"].values == (None, b"\x55", None)


@pytest.mark.parametrize("bypass", [False, True])
def test_c51_a_stop_ends_a_sequence_and_the_undo_comes_after_it(bypass: bool) -> None:
    drive = Drive(bypass=True)
    drive.warm()
    drive.submit("two", Sequence(steps=(write(1), write(2)), undo=write(9)))
    drive.stop("stop", write(255), may_bypass=bypass)
    drive.answer()
    drive.answer()
    drive.answer()
    assert drive.payloads() == [1, 255, 9]
    outcome = drive.endings()["two"]
    assert (outcome.verdict, outcome.cause, outcome.by) == (*PARTLY, "stop")
    assert drive.ended("two-undo") == ACKNOWLEDGED


def test_c83_the_second_of_three_fails_and_the_third_is_never_sent() -> None:
    drive = warm()
    drive.submit("three", THREE)
    drive.submit("next", write(5))
    drive.answer()
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    outcome = drive.endings()["three"]
    assert (outcome.verdict, outcome.cause) == PARTLY
    assert outcome.progress == 1
    assert outcome.fault.kind is FaultKind.REJECTED
    drive.answer()
    assert drive.payloads() == [1, 9, 5]


def test_c83_nothing_that_changes_the_device_ran_so_it_may_all_be_sent_again() -> None:
    drive = warm()
    drive.submit("three", Sequence(steps=(A_READ, A_READ, write(3)), undo=write(9)))
    drive.answer(b"")
    drive.fail(FaultKind.TIMED_OUT)
    assert drive.ended("three") == (Verdict.NOT_DELIVERED, Cause.FAILED)
    assert drive.payloads() == []


def test_c83_one_unclear_step_leaves_all_of_it_unknown() -> None:
    drive = warm()
    drive.submit("two", Sequence(steps=(write(1), write(2))), idempotent=True)
    drive.answer()
    drive.fail(FaultKind.TRANSIENT)
    drive.wait(10 * S)
    assert drive.ended("two") == (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)
    assert drive.payloads() == [1, 2], "once it has begun no step is tried again"


def test_c83_before_anything_was_carried_out_the_first_step_is_tried_again() -> None:
    drive = warm()
    drive.submit("two", Sequence(steps=(write(1), write(2))))
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.wait(1 * S)
    drive.answer()
    drive.answer()
    assert drive.payloads() == [1, 1, 2]
    assert drive.ended("two") == ACKNOWLEDGED


def test_c84_a_step_without_answer_times_out_alone_and_ends_the_sequence() -> None:
    drive = warm()
    drive.submit("three", THREE, attempt_timeout_us=1 * S)
    drive.answer()
    drive.answer(b"")
    drive.wait(1 * S)
    assert drive.ended("three") == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert drive.payloads() == [1, 3], "the bearer still owes an answer"
    drive.answer()
    assert drive.payloads() == [1, 3, 9]


def test_c85_taken_back_between_its_steps_it_ends_once_and_sends_no_more() -> None:
    drive = warm()
    drive.submit("three", THREE)
    drive.slow_disk = True
    drive.answer()
    drive.cancel("three")
    drive.cancel("three")
    assert drive.ended("three") == PARTLY
    assert drive.sent()[-1] == write(1)


def test_c86_a_sequence_that_never_finishes_is_over_with_its_lease() -> None:
    drive = warm()
    drive.submit("three", THREE, attempt_timeout_us=60 * S, deadline_us=600 * S)
    drive.submit("next", write(5), deadline_us=600 * S, survive_reconnect=True)
    drive.answer()
    drive.wait(10 * S)
    assert drive.endings()["three"].fault.name == "lease"
    assert drive.ended("three") == PARTLY, "the step that was in flight is a read"
    drive.wait(1 * S)
    drive.gone()
    drive.connected()
    drive.answer()
    assert drive.payloads() == [1, 9, 5]


def test_a_step_without_response_leaves_it_sent_at_best() -> None:
    drive = warm()
    drive.submit("two", Sequence(steps=(write(1, without=True), write(2))))
    drive.answer()
    drive.answer()
    assert drive.ended("two") == (Verdict.SENT, Cause.ACCEPTED_LOCALLY)


def test_every_step_has_an_intent_and_an_attempt_of_its_own() -> None:
    drive = warm()
    drive.submit("three", THREE)
    for _ in range(3):
        drive.answer()
    intents = [(one.attempt, one.step) for one in drive.of(RecordIntent) if one.command_id == "three"]
    assert intents == [(1, 1), (2, 2), (3, 3)]
    assert [one.number for one in drive.endings()["three"].attempts] == [1, 2, 3]
