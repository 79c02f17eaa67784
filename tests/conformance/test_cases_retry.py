"""Cases about trying again, and about figures: numbers are those of the conformance list.

Knows the core alone, on a virtual clock with a scripted stack. C74 is held by the tests of `core.retry`.
"""

from core.drive import A_READ, MS, Drive, S, write
from gattkeeper.core.effects import AlertChanged
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Pair
from gattkeeper.model.outcome import Cause, Phase, Verdict

NOT = Verdict.NOT_DELIVERED


def warm() -> Drive:
    drive = Drive()
    drive.warm()
    return drive


def test_c75_what_the_device_rejects_is_not_sent_again() -> None:
    drive = warm()
    drive.submit("one", write(1), idempotent=True)
    drive.fail(FaultKind.REJECTED, Ran.REFUSED)
    drive.wait(10 * S)
    assert drive.ended("one") == (NOT, Cause.REJECTED)
    assert drive.payloads() == [1]


def test_c76_busy_is_waited_out_inside_the_deadline_and_shows_in_the_timeline_only() -> None:
    drive = warm()
    drive.submit("one", write(1))
    for pause in (500 * MS, 1 * S, 2 * S, 4 * S, 4 * S):
        drive.fail(FaultKind.BUSY, Ran.NO)
        drive.wait(pause)
    drive.answer()
    assert drive.ended("one") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    assert drive.phases("one").count(Phase.BACKOFF) == 5


def test_c76_busy_for_ever_ends_at_the_deadline_as_not_delivered() -> None:
    drive = warm()
    drive.submit("one", write(1), deadline_us=8 * S)
    while drive.open("one"):
        if drive.owed:
            drive.fail(FaultKind.BUSY, Ran.NO)
        drive.wait(100 * MS)
    assert drive.ended("one") == (NOT, Cause.NEVER_SENT)
    assert 4 * S < drive.now <= 8 * S


def test_c77_an_unpaired_device_is_paired_once_and_the_command_tried_once_more() -> None:
    drive = warm()
    drive.submit("one", write(1))
    drive.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    drive.answer()
    drive.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    assert drive.sent() == [write(1), Pair(), write(1)]
    assert drive.ended("one") == (NOT, Cause.REJECTED)


def test_c81_a_command_that_is_given_up_tells_all_its_attempts() -> None:
    drive = warm()
    drive.submit("one", A_READ)
    for _ in range(5):
        drive.fail(FaultKind.TRANSIENT)
        drive.wait(1 * S)
    outcome = drive.endings()["one"]
    assert (outcome.verdict, outcome.cause) == (NOT, Cause.FAILED)
    assert [attempt.number for attempt in outcome.attempts] == [1, 2, 3, 4, 5]
    assert {attempt.fault.kind for attempt in outcome.attempts if attempt.fault} == {FaultKind.TRANSIENT}
    assert all(attempt.ended_at_us >= attempt.started_at_us for attempt in outcome.attempts)


def test_c82_while_one_backs_off_a_more_urgent_one_runs_and_an_equal_one_does_not() -> None:
    drive = warm()
    drive.submit("backing off", write(1))
    drive.fail(FaultKind.BUSY, Ran.NO)
    drive.submit("equal", write(2))
    assert drive.payloads() == [1]
    drive.submit("urgent", write(3), priority=Priority.URGENT)
    assert drive.payloads() == [1, 3]
    drive.answer()
    drive.wait(500 * MS)
    drive.answer()
    drive.answer()
    assert drive.payloads() == [1, 3, 1, 2]


def test_c101_a_write_without_response_is_sent_and_never_called_delivered() -> None:
    drive = warm()
    drive.submit("one", write(1, without=True))
    drive.answer()
    assert drive.ended("one") == (Verdict.SENT, Cause.ACCEPTED_LOCALLY)


def test_c103_figures_follow_every_step() -> None:
    drive = warm()
    seen = []

    def note() -> None:
        device = drive.device()
        seen.append((device.waiting, device.in_flight, device.in_flight_us, device.oldest_waiting_us))

    for name in ("one", "two", "three"):
        drive.submit(name, A_READ)
    note()
    drive.wait(1 * S)
    note()
    drive.answer(b"x")
    note()
    drive.cancel("three")
    drive.answer(b"x")
    note()
    assert seen == [(2, "one", 0, 0), (2, "one", S, S), (1, "two", 0, S), (0, "", 0, 0)]


def test_c102_a_full_queue_refuses_at_once_or_sheds_by_policy_and_has_room_for_a_stop() -> None:
    for shed in (False, True):
        drive = Drive(limits=Limits(queue_per_device_max=1, shed=shed))
        drive.submit("low", write(1), priority=Priority.BACKGROUND)
        drive.submit("urgent", write(2), priority=Priority.URGENT)
        assert drive.open("low") is not shed
        assert drive.open("urgent") is shed
        drive.stop()
        assert drive.open("stop")


def test_c104_a_stall_is_told_once_before_its_time_out_and_names_operation_and_device() -> None:
    drive = warm()
    drive.submit("one", write(1))
    drive.wait(4 * S)
    (alert,) = [one.alert for one in drive.of(AlertChanged)]
    assert alert.raised
    assert "write (one) of blind" in alert.text
    assert drive.open("one")


def test_f24_a_device_that_takes_connections_and_drops_them_does_not_hold_the_others_up() -> None:
    drive = Drive("storm", "calm", slots=1)
    for number in range(20):
        drive.submit(f"storm-{number}", write(1), "storm", survive_reconnect=True, deadline_us=600 * S)
        while drive.open(f"storm-{number}") and drive.device("storm").connection == "connecting":
            drive.connected("storm")
            drive.lost("storm")
            drive.gone("storm")
    assert drive.connects().count("storm") == 5
    drive.submit("calm", write(2), "calm")
    drive.connected("calm")
    drive.answer(device="calm")
    assert drive.ended("calm") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
