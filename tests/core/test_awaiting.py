"""A write whose answer is a notification: when it counts, and how the wait for it ends."""

import pytest

from core.drive import A_READ, ANSWERS, BATTERY, MS, POSITION, STOP_WRITE, SUBSCRIBE, Drive, S, ask, write
from core.watch import Watch
from gattkeeper.core import events
from gattkeeper.core.effects import AlertChanged, RecordIntent, StartDisconnect
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Disconnect, WriteThenWait
from gattkeeper.model.outcome import Cause, Phase, Verdict

APP_ACK = (Verdict.DELIVERED, Cause.APP_ACK)


def warm(**settings: object) -> Drive:
    drive = Drive(watch=Watch(slots=5, safety=False), **settings)
    drive.warm()
    return drive


def written(drive: Drive | None = None, **fields: object) -> Drive:
    """The write is in flight."""
    drive = drive or warm()
    drive.submit("ask", ask(starts_with=b"o"), **fields)
    drive.answer()
    return drive


def awaiting(drive: Drive | None = None, **fields: object) -> Drive:
    """The write is answered; the notification is not there."""
    drive = written(drive, **fields)
    drive.answer()
    return drive


def test_it_subscribes_writes_waits_and_brings_the_payload() -> None:
    drive = awaiting()
    assert drive.sent() == [SUBSCRIBE, write(1)]
    assert drive.open("ask")
    drive.notify(b"over")
    outcome = drive.endings()["ask"]
    assert (outcome.verdict, outcome.cause, outcome.value, outcome.progress) == (*APP_ACK, b"over", 2)
    assert [one.fault for one in outcome.attempts] == [None, None]
    intents = [one.step for one in drive.of(RecordIntent) if one.command_id == "ask"]
    assert intents == [1, 2]
    assert drive.note("ask", Phase.AWAITING) == "0003, for 5 s at most"
    assert Phase.RETRY not in drive.phases("ask")


def test_the_second_one_on_a_connection_need_not_subscribe() -> None:
    drive = awaiting()
    drive.notify()
    drive.submit("again", ask(2))
    drive.answer()
    drive.notify(b"2")
    assert drive.sent() == [SUBSCRIBE, write(1), write(2)]
    assert drive.ended("again") == APP_ACK


@pytest.mark.parametrize("operation", [write(5), A_READ])
def test_nothing_of_the_line_runs_while_it_waits_and_the_next_starts_with_its_end(operation: object) -> None:
    drive = awaiting()
    drive.submit("next", operation, priority=Priority.URGENT)
    assert drive.sent()[-1] == write(1)
    assert drive.device().in_flight == "ask"
    drive.notify()
    assert drive.sent()[-1] == operation


def test_a_more_urgent_one_goes_between_the_subscription_and_the_write() -> None:
    drive = warm()
    drive.submit("ask", ask())
    drive.submit("urgent", write(5), priority=Priority.URGENT)
    drive.answer()
    drive.answer()
    assert drive.sent() == [SUBSCRIBE, write(5), write(1)]


@pytest.mark.parametrize("target", [POSITION, BATTERY])
def test_other_characteristics_do_not_answer(target: CharacteristicRef) -> None:
    drive = awaiting()
    drive.notify(b"ok", target)
    assert drive.open("ask")


def test_only_what_begins_as_it_should_answers() -> None:
    drive = warm()
    drive.submit("ask", ask(starts_with=b"\x02\x01"))
    drive.answer()
    drive.answer()
    drive.notify(b"\x02\x02ok")
    drive.notify(b"\x02")
    assert drive.open("ask")
    drive.notify(b"\x02\x01ok")
    assert drive.endings()["ask"].value == b"\x02\x01ok"


def test_the_first_that_fits_is_the_answer() -> None:
    drive = written()
    for payload in (b"o1", b"o2"):
        drive.notify(payload)
    drive.answer()
    assert drive.endings()["ask"].value == b"o1"


def test_a_value_of_an_older_connection_does_not_answer() -> None:
    drive = Drive()
    drive.warm()
    drive.lost()
    drive.gone()
    drive.submit("ask", ask())
    drive.connected()
    drive.answer()
    drive.answer()
    drive.notify(epoch=1)
    assert drive.open("ask")
    drive.notify(epoch=2)
    assert drive.ended("ask") == APP_ACK


def test_the_core_says_when_a_value_may_answer_something() -> None:
    drive = Drive()
    drive.warm()
    told = [drive.scheduler.awaits("nobody")]
    drive.submit("ask", ask())
    for step in (drive.answer, drive.answer, drive.notify):  # subscribed, written, told
        told.append(drive.scheduler.awaits("blind"))
        step()
    assert [*told, drive.scheduler.awaits("blind")] == [False, False, True, True, False]


def test_a_value_that_comes_while_the_intent_is_recorded_came_before_the_write() -> None:
    drive = warm()
    drive.submit("ask", ask())
    drive.slow_disk = True
    drive.answer()
    drive.notify()
    intent = drive.of(RecordIntent)[-1]
    drive.feed(events.IntentRecorded(device="blind", token=intent.token))
    drive.answer()
    assert drive.open("ask")


# what was heard before the write was answered


@pytest.mark.parametrize("kind", [FaultKind.TIMED_OUT, FaultKind.UNLISTED, FaultKind.LINK_LOST])
def test_the_notification_is_the_evidence_when_the_answer_of_the_write_does_not_come(kind: FaultKind) -> None:
    drive = written()
    drive.notify(b"over")
    assert drive.open("ask"), "the bearer still owes an answer"
    drive.fail(kind, Ran.MAYBE)
    outcome = drive.endings()["ask"]
    assert (outcome.verdict, outcome.cause, outcome.value) == (*APP_ACK, b"over")
    assert outcome.attempts[-1].fault.kind is kind, "what the stack said is on record"


@pytest.mark.parametrize("end", ["time", "cancel", "loss"])
def test_the_notification_is_the_evidence_however_the_write_ends_early(end: str) -> None:
    drive = written(attempt_timeout_us=2 * S)
    drive.notify(b"over")
    {"time": lambda: drive.wait(2 * S), "cancel": lambda: drive.cancel("ask"), "loss": drive.lost}[end]()
    assert drive.ended("ask") == APP_ACK


def test_any_value_at_all_is_no_evidence_for_a_write_that_got_no_answer() -> None:
    drive = warm()
    drive.submit("ask", ask())
    drive.answer()
    drive.notify(b"over")
    drive.fail(FaultKind.UNLISTED, Ran.MAYBE)
    assert drive.ended("ask") == (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)


def test_a_write_that_timed_out_still_owes_its_answer() -> None:
    drive = written(attempt_timeout_us=2 * S)
    drive.notify()
    drive.submit("next", A_READ)
    drive.wait(2 * S)
    assert drive.sent()[-1] == write(1)
    drive.answer()
    assert drive.sent()[-1] == A_READ


@pytest.mark.parametrize("ran", [Ran.REFUSED, Ran.NO])
def test_what_certainly_did_not_run_was_not_answered(ran: Ran) -> None:
    drive = written()
    drive.notify()
    drive.fail(FaultKind.REJECTED, ran)
    assert drive.ended("ask") == (Verdict.NOT_DELIVERED, Cause.REJECTED)


def test_what_was_heard_for_one_attempt_does_not_answer_the_next() -> None:
    drive = written()
    drive.notify(b"old")
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.wait(1 * S)
    drive.answer()
    assert drive.open("ask")
    drive.notify(b"over")
    assert drive.endings()["ask"].value == b"over"


def test_a_lost_write_is_not_written_again() -> None:
    drive = written(survive_reconnect=True)
    drive.lost()
    assert drive.ended("ask") == (Verdict.UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)
    drive.gone()
    assert drive.payloads() == [1]


def test_with_leave_it_is_written_again_on_a_fresh_subscription() -> None:
    drive = written(survive_reconnect=True, idempotent=True)
    drive.lost()
    drive.gone()
    drive.wait(1 * S)
    drive.connected()
    drive.answer()
    drive.answer()
    drive.notify()
    assert drive.sent() == [SUBSCRIBE, write(1)] * 2
    outcome = drive.endings()["ask"]
    assert (outcome.verdict, outcome.progress) == (Verdict.DELIVERED, 2)


def test_a_link_that_is_lost_with_each_write_is_not_tried_for_ever() -> None:
    drive = warm()
    drive.submit("ask", ask(), survive_reconnect=True, idempotent=True, deadline_us=600 * S)
    for _ in range(4):
        drive.answer()
        drive.lost()
        drive.gone()
        if drive.open("ask"):
            drive.wait(2 * S)
            drive.connected()
    assert drive.payloads() == [1] * 4, "as often as a write without a wait"
    assert drive.ended("ask") == (Verdict.UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)


def test_without_a_subscription_nothing_is_written() -> None:
    drive = warm()
    drive.submit("ask", ask())
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    assert drive.ended("ask") == (Verdict.NOT_DELIVERED, Cause.REJECTED)
    assert drive.payloads() == []


def test_a_subscription_may_always_be_tried_again() -> None:
    drive = warm()
    drive.submit("ask", ask())
    drive.fail(FaultKind.TRANSIENT)
    drive.wait(1 * S)
    assert drive.sent() == [SUBSCRIBE] * 2
    drive.answer()
    drive.answer()
    drive.notify()
    assert drive.ended("ask") == APP_ACK


def test_taken_back_before_the_write_it_is_not_delivered() -> None:
    drive = warm()
    drive.submit("ask", ask())
    drive.cancel("ask")
    drive.answer()
    assert drive.ended("ask") == (Verdict.NOT_DELIVERED, Cause.CANCELLED)
    assert drive.payloads() == []


def test_a_write_without_response_is_proved_by_the_notification_too() -> None:
    drive = warm()
    drive.submit("ask", WriteThenWait(write=write(1, without=True), answer=ANSWERS))
    drive.answer()
    drive.answer()
    drive.notify()
    assert drive.ended("ask") == APP_ACK


# how a wait ends without the notification


def test_a_wait_that_is_over_owes_nothing() -> None:
    drive = awaiting()
    drive.submit("next", A_READ)
    drive.wait(5 * S)
    outcome = drive.endings()["ask"]
    assert (outcome.verdict, outcome.cause) == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert outcome.fault.name == "no_app_ack"
    assert drive.sent()[-1] == A_READ, "at once"
    drive.answer(b"")
    assert drive.ended("next") == (Verdict.DELIVERED, Cause.VALUE)


def test_the_wait_is_as_long_as_was_asked_for() -> None:
    drive = warm()
    drive.submit("ask", ask(timeout_us=12 * S))
    drive.answer()
    drive.wait(1 * S)
    drive.answer()
    drive.wait(12 * S - 1)
    assert drive.open("ask")
    drive.wait(1)
    assert not drive.open("ask")


@pytest.mark.parametrize("idempotent", [False, True])
def test_a_wait_ends_with_its_link_even_with_leave_to_repeat(idempotent: bool) -> None:
    drive = awaiting(survive_reconnect=True, idempotent=idempotent)
    drive.lost()
    assert drive.ended("ask") == (Verdict.UNKNOWN, Cause.LINK_LOST_IN_FLIGHT)


def test_a_wait_may_be_taken_back() -> None:
    drive = awaiting()
    drive.submit("next", A_READ)
    drive.cancel("ask")
    assert drive.ended("ask") == (Verdict.UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
    assert drive.sent()[-1] == A_READ
    assert not drive.of(StartDisconnect)


def test_the_deadline_ends_the_wait_too() -> None:
    drive = awaiting(deadline_us=3 * S)
    drive.wait(3 * S)
    outcome = drive.endings()["ask"]
    assert (outcome.verdict, outcome.cause) == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
    assert outcome.fault.name == "deadline"


def test_a_disconnect_does_not_wait_for_it() -> None:
    drive = awaiting()
    drive.submit("leave", Disconnect())
    assert drive.ended("ask") == (Verdict.UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
    drive.gone()
    assert drive.ended("leave") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def test_an_adapter_that_goes_ends_it() -> None:
    drive = awaiting()
    drive.adapter_down()
    assert drive.ended("ask") == (Verdict.UNKNOWN, Cause.STACK_RESTARTED)


def test_a_safety_device_is_held_after_a_wait_without_its_notification() -> None:
    drive = Drive(safety=True)
    drive.warm()
    awaiting(drive)
    drive.wait(5 * S)
    assert drive.device().latched_by == "ask"


# the emergency stop


def test_a_stop_goes_at_once_and_ends_the_wait() -> None:
    drive = awaiting()
    drive.stop()
    assert drive.sent()[-1] == STOP_WRITE
    assert drive.note("stop", Phase.STOP_ROUTE) == "nothing in flight: sent now"
    outcome = drive.endings()["ask"]
    assert (outcome.verdict, outcome.cause, outcome.by) == (Verdict.UNKNOWN, Cause.CANCELLED_IN_FLIGHT, "stop")


def test_a_stop_that_waited_for_the_write_does_not_wait_for_the_notification() -> None:
    drive = written()
    drive.stop()
    drive.answer()
    assert drive.sent()[-1] == STOP_WRITE
    assert drive.ended("ask") == (Verdict.UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
    drive.notify()
    drive.answer()
    assert drive.ended("stop") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    assert not drive.of(StartDisconnect)


def test_a_stop_that_drops_the_link_does_not_take_back_what_was_heard() -> None:
    drive = written()
    drive.notify()
    drive.stop()
    drive.wait(100 * MS)
    assert drive.ended("ask") == APP_ACK


def test_a_stop_that_comes_with_the_subscription_leaves_nothing_written() -> None:
    drive = warm()
    drive.submit("ask", ask())
    drive.stop()
    drive.answer()
    assert drive.ended("ask") == (Verdict.NOT_DELIVERED, Cause.STOPPED)
    assert drive.payloads() == [255]


def test_a_wait_is_no_stall() -> None:
    drive = warm(limits=Limits(alert_in_flight_us=1 * S))
    awaiting(drive)
    drive.wait(4 * S)
    assert drive.of(AlertChanged) == []
