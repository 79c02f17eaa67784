"""Nothing wakes the scheduler for what is over, and nothing acts on it: timers that mutation testing left standing."""

from core.drive import A_READ, MS, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import StartDisconnect
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import FaultKind, Ran


def is_quiet(drive: Drive) -> bool:
    return drive.scheduler.wakeup_at() is None


def test_after_an_attempt_that_nobody_wants_any_more(warm: Drive) -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.cancel("one")
    assert is_quiet(drive)
    drive.connect_failed()
    assert is_quiet(drive)


def test_after_a_connection_that_failed() -> None:
    drive = Drive()
    drive.submit("one", A_READ)
    drive.connect_failed(FaultKind.UNREACHABLE)
    assert is_quiet(drive)


def test_after_an_idle_connection_that_was_lost(warm: Drive) -> None:
    warm.lost()
    assert is_quiet(warm)
    warm.wait(60 * S)
    assert len(warm.of(StartDisconnect)) == 1


def test_after_a_stop_whose_connection_was_lost_while_it_waited_for_the_answer_in_flight(warm: Drive) -> None:
    warm.submit("one", write())
    warm.stop()
    before = warm.scheduler.wakeup_at()
    warm.lost()
    after = warm.scheduler.wakeup_at()
    assert before == 100 * MS
    assert after is not None
    assert after > 1 * S


def test_after_a_connection_that_was_lost_while_somebody_paired(warm: Drive) -> None:
    warm.pairing(under_way=True)
    warm.wait(20 * S)  # the gauges are looked at once more: a timer that rings too early is left alone
    assert warm.scheduler.wakeup_at() == 30 * S
    warm.lost()
    assert is_quiet(warm)


def test_after_a_pairing_only_the_idle_connection() -> None:
    drive = Drive(linger_us=60 * S)
    drive.warm()
    drive.pairing(under_way=True)
    drive.wait(20 * S)  # as above
    assert drive.scheduler.wakeup_at() == 30 * S
    drive.pairing(under_way=False)
    assert drive.scheduler.wakeup_at() == 80 * S


def test_after_the_adapter_came_back_to_a_device_left_alone() -> None:
    drive = Drive(limits=Limits(breaker_failures_max=1))
    drive.submit("one", A_READ)
    drive.connect_failed(FaultKind.UNREACHABLE)
    assert not is_quiet(drive)
    drive.adapter_down()
    drive.adapter_up()
    assert drive.device().availability == "probing"
    assert is_quiet(drive)


def test_after_a_person_took_over_from_a_stop_that_goes_on() -> None:
    drive = Drive(limits=Limits(stop_attempts_max=1, stop_persist_us=60 * S))
    drive.warm()
    drive.stop()
    drive.fail(FaultKind.BUSY, Ran.REFUSED)
    drive.gone()
    assert not is_quiet(drive)
    drive.feed(events.Resumed(device="blind"))
    assert is_quiet(drive)


def test_while_a_rung_runs_and_after_the_adapter_is_well_again() -> None:
    drive = Drive(rungs=(Rung.STOP_DISCOVERY,), limits=Limits(recovery_wedged_min=1))
    drive.submit("one", A_READ, deadline_us=3_000 * S)
    drive.connect_failed(FaultKind.WEDGED)
    assert drive.recovering
    drive.cancel("one")
    assert is_quiet(drive)
    drive.recovered()
    assert drive.scheduler.wakeup_at() == 300 * S
    drive.warm()
    drive.lost()
    assert is_quiet(drive)
