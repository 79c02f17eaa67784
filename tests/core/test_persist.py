"""A stop that failed: what is said of it, and how it goes on."""

import pytest

from core.drive import A_READ, STOP_WRITE, Drive, S, sequence, write
from gattkeeper.core import events
from gattkeeper.core.effects import Accept, AlertChanged
from gattkeeper.core.limits import Limits
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Disconnect
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.status import Alert, AlertKind

ACKNOWLEDGED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
MINUTE = Limits(stop_persist_us=60 * S)


def warm(limits: Limits | None = None) -> Drive:
    drive = Drive(limits=limits)
    drive.warm()
    return drive


def fail_stop(drive: Drive) -> None:
    """Every attempt of the stop that runs is refused, by the device itself."""
    for _ in range(4):
        drive.fail(FaultKind.BUSY, Ran.REFUSED)
    drive.gone()


def failed(limits: Limits | None = MINUTE) -> Drive:
    drive = warm(limits)
    drive.stop()
    fail_stop(drive)
    return drive


def stops(drive: Drive) -> list[str]:
    return [one.command.id for one in drive.of(Accept) if one.command.stop]


def alerts(drive: Drive) -> list[Alert]:
    return [one.alert for one in drive.of(AlertChanged) if one.alert.kind is AlertKind.STOP_FAILED]


def refused(drive: Drive, command_id: str) -> bool:
    drive.submit(command_id, write(1))
    return drive.refusal(command_id) is not None


def test_a_stop_that_failed_raises_an_alert_and_is_not_tried_again_unless_told() -> None:
    drive = failed(None)
    (alert,) = alerts(drive)
    assert (alert.device, alert.raised, alert.value) == ("blind", True, 4)
    assert alert.text == "the emergency stop stop failed: blind may still be doing what it did"
    assert drive.device().alerts == (AlertKind.STOP_FAILED,)
    assert not refused(drive, "after")
    drive.cancel("after")
    drive.wait(600 * S)
    assert stops(drive) == ["stop"]


def test_the_alert_is_raised_once_and_cleared_by_a_stop_that_succeeds() -> None:
    drive = failed(None)
    drive.stop("second")
    drive.connected()
    fail_stop(drive)
    assert len(alerts(drive)) == 1
    drive.stop("third")
    drive.connected()
    drive.answer()
    assert alerts(drive)[-1] == Alert(kind=AlertKind.STOP_FAILED, device="blind", raised=False, value=0)
    assert drive.device().alerts == ()


def test_the_alert_is_cleared_by_resume_once() -> None:
    drive = failed(None)
    for _ in range(2):
        drive.feed(events.Resumed(device="blind"))
    assert [one.raised for one in alerts(drive)] == [True, False]


def test_a_further_stop_is_a_command_of_its_own_and_the_first_keeps_its_verdict() -> None:
    drive = failed()
    assert drive.ended("stop") == (Verdict.NOT_DELIVERED, Cause.REJECTED)
    assert "tried again every 5 s for 60 s" in alerts(drive)[0].text
    drive.wait(5 * S - 1)
    assert stops(drive) == ["stop"]
    drive.wait(1)
    drive.connected()
    drive.answer()
    assert stops(drive) == ["stop", "stop-again-1"]
    assert drive.ended("stop-again-1") == ACKNOWLEDGED
    assert drive.ended("stop") == (Verdict.NOT_DELIVERED, Cause.REJECTED)
    assert drive.device().stop_persists_us == 0
    assert not refused(drive, "after")
    drive.wait(60 * S)
    assert len(stops(drive)) == 2


def test_it_goes_on_until_one_succeeds() -> None:
    drive = failed()
    for _ in range(3):
        drive.wait(5 * S)
        drive.connected()
        fail_stop(drive)
    assert stops(drive)[-1] == "stop-again-3"
    assert drive.device().stop_persists_us == 45 * S


def test_no_further_stop_begins_when_the_time_is_over_and_the_gate_opens_with_the_last() -> None:
    drive = failed(Limits(stop_persist_us=6 * S))
    drive.wait(5 * S)
    drive.connected()
    assert refused(drive, "during")
    fail_stop(drive)
    assert not refused(drive, "after")
    assert drive.device().stop_persists_us == 0
    assert drive.device().alerts == (AlertKind.STOP_FAILED,), "it is still not known to stand"


def test_the_gate_stays_closed_between_stops_and_reads_may_pass() -> None:
    drive = failed()
    assert refused(drive, "between")
    drive.submit("read", A_READ)
    drive.connected()
    drive.answer(b"x")
    assert drive.ended("read") == (Verdict.DELIVERED, Cause.VALUE)
    drive.wait(5 * S)
    assert drive.sent()[-1] == STOP_WRITE


def test_resume_ends_it_at_once_between_stops() -> None:
    drive = failed()
    drive.feed(events.Resumed(device="blind"))
    assert not refused(drive, "after")
    drive.cancel("after")
    drive.wait(60 * S)
    assert stops(drive) == ["stop"]


def test_after_resume_a_further_stop_that_runs_is_the_last() -> None:
    drive = failed()
    drive.wait(5 * S)
    drive.feed(events.Resumed(device="blind"))
    assert refused(drive, "during")
    drive.connected()
    fail_stop(drive)
    assert not refused(drive, "after")
    drive.cancel("after")
    drive.wait(60 * S)
    assert stops(drive) == ["stop", "stop-again-1"]


def test_resume_during_the_first_stop_leaves_its_failure_to_be_followed() -> None:
    drive = warm(MINUTE)
    drive.stop()
    drive.feed(events.Resumed(device="blind"))
    fail_stop(drive)
    assert drive.device().stop_persists_us == 60 * S


def test_a_stop_that_somebody_asks_for_goes_at_once_and_begins_it_anew() -> None:
    drive = failed()
    drive.wait(3 * S)
    drive.stop("mine")
    drive.wait(4 * S)
    assert stops(drive) == ["stop", "mine"], "two at a time would be one too many"
    drive.connected()
    fail_stop(drive)
    assert drive.device().stop_persists_us == 60 * S
    drive.wait(5 * S)
    assert stops(drive)[-1] == "mine-again-1"


def test_a_stop_that_rides_on_a_further_one_is_followed_when_both_fail() -> None:
    drive = failed()
    drive.wait(5 * S)
    drive.stop("mine")
    drive.connected()
    fail_stop(drive)
    drive.wait(5 * S)
    assert stops(drive) == ["stop", "stop-again-1", "mine", "mine-again-1"]


def test_the_gate_of_a_latched_stop_stays_closed_after_a_further_one_succeeds() -> None:
    drive = warm(MINUTE)
    drive.stop(latch=True)
    fail_stop(drive)
    drive.wait(5 * S)
    drive.connected()
    drive.answer()
    assert drive.ended("stop-again-1") == ACKNOWLEDGED
    assert refused(drive, "behind")


@pytest.mark.parametrize("limits", [None, MINUTE])
def test_an_undo_that_waits_is_not_written_behind_a_gate_that_stays_closed(limits: Limits | None) -> None:
    drive = warm(limits)
    drive.submit("two", sequence(1))
    drive.answer()
    drive.lost()
    drive.stop()
    drive.gone()
    drive.connected()
    fail_stop(drive)
    drive.wait(1)
    if limits is None:
        assert drive.open("two-undo")
    else:
        assert drive.ended("two-undo") == (Verdict.NOT_DELIVERED, Cause.STOPPED)


def test_no_undo_begins_behind_a_gate_that_stays_closed() -> None:
    drive = Drive(limits=MINUTE, bypass=True)
    drive.warm()
    drive.submit("two", sequence(1))
    drive.answer()
    drive.stop(may_bypass=True)
    in_flight = drive.owed.pop(0)
    for _ in range(4):
        drive.fail(FaultKind.BUSY, Ran.REFUSED)
        drive.answer_to(in_flight, b"x")
    assert drive.device().stop_persists_us == 60 * S
    assert not drive.open("two-undo")


def test_a_stop_by_leaving_that_cannot_leave_is_tried_again_too() -> None:
    drive = warm(MINUTE)
    drive.stop("stop", Disconnect())
    drive.wait(30 * S)
    assert drive.ended("stop") == (Verdict.NOT_DELIVERED, Cause.EXPIRED)
    drive.gone()
    drive.wait(5 * S)
    assert drive.ended("stop-again-1") == ACKNOWLEDGED


@pytest.mark.parametrize("running", [False, True])
def test_closing_ends_it(*, running: bool) -> None:
    drive = failed()
    if running:
        drive.wait(5 * S)
    drive.feed(events.Closing())
    if running:
        drive.connected()
        fail_stop(drive)
    drive.wait(60 * S)
    assert stops(drive) == ["stop", "stop-again-1"][: 1 + running]
    assert drive.scheduler.wakeup_at() is None
