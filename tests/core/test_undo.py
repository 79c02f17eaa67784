"""The lease of a sequence, and the undo it leaves behind."""

import pytest

from core.drive import A_READ, MS, Drive, S, write
from core.watch import Watch
from gattkeeper.core import events
from gattkeeper.core.effects import Accept, RecordIntent
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Disconnect, Sequence
from gattkeeper.model.outcome import Cause, Verdict

PARTLY = (Verdict.UNKNOWN, Cause.PARTLY)
ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
TWO = Sequence(steps=(write(1), write(2)), undo=write(9))


def warm(**settings: bool) -> Drive:
    drive = Drive(**settings)
    drive.warm()
    return drive


def half_done(**settings: bool) -> Drive:
    """The first step was answered, the second is in flight."""
    drive = warm(**settings)
    drive.submit("two", TWO)
    drive.answer()
    return drive


def undo_of(drive: Drive) -> Command | None:
    return next((one.command for one in drive.of(Accept) if one.command.id == "two-undo"), None)


def test_the_undo_is_a_command_of_its_own_and_goes_before_all_that_waits() -> None:
    drive = half_done()
    drive.submit("urgent", write(5), priority=Priority.URGENT)
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert drive.payloads() == [1, 2, 9]
    drive.answer()
    assert drive.payloads() == [1, 2, 9, 5]
    assert drive.ended("two") == PARTLY
    assert drive.ended("two-undo") == ACKNOWLEDGED
    assert undo_of(drive).label == "undo two"


def test_nothing_is_undone_that_did_not_run() -> None:
    drive = warm()
    drive.submit("two", TWO)
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert drive.ended("two") == (Verdict.NOT_DELIVERED, Cause.REJECTED)
    assert undo_of(drive) is None


def test_nothing_is_undone_that_came_to_its_end() -> None:
    drive = half_done()
    drive.answer()
    assert drive.ended("two") == ACKNOWLEDGED
    assert undo_of(drive) is None


def test_the_undo_waits_for_the_bearer_of_a_step_that_was_taken_back() -> None:
    drive = half_done()
    drive.cancel("two")
    assert drive.ended("two") == (Verdict.UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
    assert drive.payloads() == [1, 2]
    drive.answer()
    assert drive.payloads() == [1, 2, 9]


def test_the_undo_goes_on_the_next_connection_when_the_link_is_lost() -> None:
    drive = half_done()
    drive.lost()
    drive.gone()
    drive.connected()
    assert drive.payloads() == [1, 2, 9]


def test_the_undo_is_written_also_where_a_disconnect_ended_the_sequence() -> None:
    drive = half_done()
    drive.submit("leave", Disconnect())
    drive.gone()
    drive.connected()
    assert drive.payloads() == [1, 2, 9]
    assert drive.ended("leave") == ACKNOWLEDGED


def test_a_latch_does_not_hold_the_undo_of_what_it_is_about() -> None:
    drive = half_done(safety=True)
    drive.submit("later", write(5))
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert drive.device().latched_by == "two"
    drive.answer()
    assert drive.payloads() == [1, 2, 9], "the undo, and not what waits"


def test_a_later_stop_does_not_end_an_undo_that_waits_and_goes_before_it() -> None:
    drive = half_done()
    drive.lost()
    drive.stop("stop", write(255))
    drive.wait(1)
    drive.gone()
    drive.connected()
    drive.answer()
    assert drive.payloads() == [1, 2, 255, 9]


def test_a_stop_goes_before_an_undo_that_is_being_recorded() -> None:
    drive = half_done()
    drive.slow_disk = True
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    drive.slow_disk = False
    drive.stop("stop", write(255))
    drive.wait(1)
    drive.answer()
    assert drive.payloads() == [1, 2, 255, 9]


def test_a_latched_stop_that_joins_a_running_one_ends_the_undo_that_waits_for_it() -> None:
    drive = half_done()
    drive.stop("stop", write(255))
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    drive.stop("again", write(255), latch=True)
    drive.wait(1)
    assert drive.ended("two-undo") == (Verdict.NOT_DELIVERED, Cause.STOPPED)
    assert drive.open("stop")


@pytest.mark.parametrize("first", ["sequence", "stop"])
def test_behind_a_latched_stop_nothing_is_undone(first: str) -> None:
    drive = half_done()
    if first == "sequence":
        drive.lost()
    drive.stop("stop", write(255), latch=True)
    if first == "stop":
        drive.answer()
    else:
        drive.gone()
        drive.connected()
    drive.answer()
    drive.wait(40 * S)
    assert 9 not in drive.payloads()


def test_closing_lets_an_undo_that_waits_go_first() -> None:
    drive = half_done()
    drive.lost()
    drive.feed(events.Closing())
    drive.gone()
    drive.connected()
    drive.answer()
    assert drive.ended("two-undo") == ACKNOWLEDGED


def test_the_lease_ends_a_sequence_whose_step_is_in_flight() -> None:
    drive = warm()
    drive.submit("slow", Sequence(steps=(A_READ, write(1)), undo=write(9), lease_us=6 * S))
    drive.wait(4 * S)
    drive.answer(b"")
    drive.wait(2 * S)
    assert drive.ended("slow") == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert drive.endings()["slow"].fault.name == "lease"


@pytest.mark.parametrize(("answered", "verdict"), [(0, (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)), (1, PARTLY)])
def test_the_lease_ends_a_sequence_whose_next_step_is_not_recorded_yet(answered: int, verdict: object) -> None:
    drive = warm()
    drive.slow_disk = not answered
    drive.submit("two", TWO)
    drive.slow_disk = True
    if answered:
        drive.answer()
    drive.wait(10 * S)
    assert drive.ended("two") == verdict
    assert drive.payloads() == [1] * answered


def test_a_first_step_that_backs_off_holds_no_lease() -> None:
    drive = warm()
    drive.submit("two", Sequence(steps=(write(1), write(2)), lease_us=100 * MS))
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.wait(400 * MS)
    assert drive.open("two")
    drive.wait(100 * MS)
    assert drive.payloads() == [1, 1]
    drive.wait(100 * MS)
    assert drive.endings()["two"].fault.name == "lease", "it began anew"


def test_a_late_answer_keeps_the_slot_although_the_lease_is_over() -> None:
    drive = warm()
    drive.submit("two", Sequence(steps=(write(1), write(2)), lease_us=5_200 * MS), idempotent=True)
    drive.wait(5_200 * MS)  # the attempt timed out at 5 s, and is to be tried again
    assert drive.open("two")
    drive.answer()
    assert drive.payloads() == [1, 1]


def test_a_step_that_was_chosen_on_a_link_that_goes_ends_the_sequence() -> None:
    drive = warm()
    drive.submit("two", TWO)
    drive.slow_disk = True
    drive.answer()
    drive.lost()
    assert drive.ended("two") == PARTLY
    assert [one.step for one in drive.of(RecordIntent)][-2:] == [1, 2]


def test_a_late_answer_that_denies_all_does_not_take_the_undo_away() -> None:
    drive = Drive(watch=Watch(slots=5, safety=False))
    drive.submit("two", TWO, idempotent=True)
    drive.connected()
    drive.wait(5 * S)  # the first step had no answer in time: it is to be tried again
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.cancel("two")
    assert drive.open("two-undo")
    assert drive.ended("two") == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
