"""Traps that queues for BLE fall into, shown absent here.

Each was seen in working code that people copy. Knows the core alone.
"""

from core.drive import A_READ, POSITION, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import Finish
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Read
from gattkeeper.model.outcome import Cause, Verdict

ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def warm() -> Drive:
    drive = Drive()
    drive.warm()
    return drive


def test_trap_01_the_time_out_of_a_command_that_succeeded_never_hits_a_later_one() -> None:
    drive = warm()
    drive.submit("first", write(1))
    drive.wait(4 * S)
    drive.answer()
    drive.submit("second", write(2))
    drive.wait(2 * S)
    assert drive.open("second")
    assert len(drive.owed) == 1
    drive.answer()
    assert drive.ended("second") == ACKNOWLEDGED


def test_trap_02_after_a_time_out_nothing_starts_while_an_answer_is_owed() -> None:
    drive = warm()
    drive.submit("first", Read(target=POSITION), attempt_timeout_us=1 * S, deadline_us=1 * S)
    drive.submit("second", A_READ)
    drive.wait(1 * S)
    assert len(drive.sent()) == 1
    drive.answer(b"of the first")
    assert drive.open("second")
    drive.answer(b"its own")
    assert drive.endings()["second"].value == b"its own"


def test_trap_03_a_hundred_equals_stay_in_order() -> None:
    drive = warm()
    for payload in range(100):
        drive.submit(f"write-{payload}", write(payload))
    for _ in range(100):
        drive.answer()
    assert drive.payloads() == list(range(100))


def test_trap_04_a_command_submitted_as_the_queue_runs_dry_starts_at_once() -> None:
    drive = warm()
    for payload in range(3):
        drive.submit(f"write-{payload}", write(payload))
        drive.answer()
        assert drive.device().waiting == 0
    assert drive.payloads() == [0, 1, 2]


def test_trap_05_a_cancelled_command_is_not_carried_out() -> None:
    drive = warm()
    drive.submit("running", A_READ)
    drive.submit("cancelled", write(1))
    drive.cancel("cancelled")
    drive.answer(b"x")
    drive.wait(60 * S)
    assert drive.payloads() == []


def test_trap_06_a_retry_does_not_go_behind_younger_commands() -> None:
    drive = warm()
    for payload in (1, 2, 3):
        drive.submit(f"write-{payload}", write(payload))
    drive.fail(FaultKind.TRANSIENT, Ran.NO)
    drive.wait(1 * S)
    for _ in range(3):
        drive.answer()
    assert drive.payloads() == [1, 1, 2, 3]


def test_trap_07_after_stops_there_is_still_one_at_a_time() -> None:
    drive = warm()
    for number in range(5):
        drive.submit(f"running-{number}", A_READ)
        drive.stop(f"stop-{number}")
        while drive.owed:
            drive.answer(b"x" if drive.owed[0].operation == A_READ else None)
    for payload in (1, 2, 3):
        drive.submit(f"write-{payload}", write(payload))
    assert len(drive.owed) == 1


def test_trap_08_the_late_answer_of_what_a_stop_interrupted_does_not_complete_the_stop() -> None:
    drive = warm()
    drive.submit("running", write(1))
    interrupted = drive.owed[0]
    drive.stop()
    drive.wait(1 * S)
    drive.gone()
    drive.connected()
    drive.answer_to(interrupted)
    assert drive.open("stop")
    drive.answer()
    assert drive.ended("stop") == ACKNOWLEDGED


def test_trap_09_closing_and_stopping_end_every_command_they_clear() -> None:
    stopped, closed = warm(), warm()
    for drive in (stopped, closed):
        for payload in range(10):
            drive.submit(f"write-{payload}", write(payload))
    stopped.stop()
    closed.feed(events.Closing())
    stopped.wait(1)
    for drive, cause in ((stopped, Cause.STOPPED), (closed, Cause.NEVER_SENT)):
        assert [one.cause for one in drive.endings().values()].count(cause) == 9


def test_trap_10_the_outcome_and_what_the_stack_said_reach_the_caller() -> None:
    drive = warm()
    drive.submit("one", write(1))
    drive.fail(FaultKind.TRANSIENT, Ran.NO)
    drive.wait(1 * S)
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    outcome = drive.endings()["one"]
    assert [one.fault.kind for one in outcome.attempts if one.fault] == [FaultKind.TRANSIENT, FaultKind.REJECTED]
    assert outcome.fault == outcome.attempts[-1].fault


def test_trap_11_a_write_that_timed_out_is_not_sent_again_unless_that_is_harmless() -> None:
    once, harmless = warm(), warm()
    once.submit("one", write(1))
    harmless.submit("one", write(1), idempotent=True)
    for drive in (once, harmless):
        drive.wait(5 * S)
        drive.answer()
        drive.wait(1 * S)
    assert once.payloads() == [1]
    assert once.ended("one") == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert harmless.payloads() == [1, 1]


def test_trap_12_a_command_is_not_changed_by_what_happens_to_it_and_no_wall_clock_decides() -> None:
    drive = warm()
    drive.submit("one", write(1))
    drive.fail(FaultKind.TRANSIENT, Ran.NO)
    drive.wait(1 * S)
    drive.answer()
    submitted = [event.command for event, _ in drive.fed if isinstance(event, events.Submitted)]
    assert drive.of(Finish)[-1].command is submitted[-1]
    assert type(submitted[-1]).__struct_config__.frozen
    again = Scheduler()
    assert [effect for event, now in drive.fed for effect in again.handle(event, now)] == drive.effects
