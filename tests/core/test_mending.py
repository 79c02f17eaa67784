"""One device that alone cannot be used: what its stack believes of it is let go of, and nobody else notices."""

import pytest

from core.drive import A_READ, STOP_WRITE, Drive, S, fault, write
from gattkeeper.core import events
from gattkeeper.core.effects import RecordRung, Recover
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.outcome import Cause, Verdict

DISCONNECT, FORGET = Rung.DISCONNECT_DEVICE, Rung.FORGET_DEVICE
LIMITS = Limits(breaker_failures_max=100)


def home(*rungs: Rung, limits: Limits = LIMITS) -> Drive:
    return Drive("a", "b", rungs=rungs or tuple(Rung), limits=limits, linger_us=3_000 * S)


def in_vain(drive: Drive, times: int = 1, kind: FaultKind = FaultKind.UNREACHABLE) -> None:
    """So many connections of `a` fail, each for a command of its own."""
    for _ in range(times):
        if not drive.device("a").waiting:
            drive.submit(f"a{drive.now}-{len(drive.effects)}", A_READ, "a", deadline_us=3_000 * S)
        drive.connect_failed(kind, "a")
        drive.wait(1 * S)


def rungs(drive: Drive) -> list[tuple[Rung, str]]:
    return [(one.rung, one.device) for one in drive.of(Recover)]


def test_before_the_connection_after_three_in_vain_its_link_goes_and_others_go_on() -> None:
    drive = home()
    drive.warm("b")
    in_vain(drive, 3)
    assert rungs(drive) == [], "nobody wants a connection"
    drive.submit("waits", A_READ, "a")
    assert drive.of(Recover) == [Recover(adapter="hci", rung=DISCONNECT, device="a", alone=True)]
    assert drive.device("a").connection == "disconnected"
    drive.submit("other", write(1), "b")
    drive.answer(device="b")
    assert drive.ended("other") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    assert drive.adapter().recovery == "", "the adapter has no part in it"
    drive.recovered()
    drive.connected("a")
    drive.answer(b"x", "a")
    assert drive.ended("waits") == (Verdict.DELIVERED, Cause.VALUE)


def test_the_end_of_the_adapters_own_rung_for_that_device_is_another_matter() -> None:
    drive = home()
    in_vain(drive, 3)
    drive.submit("waits", A_READ, "a")
    attempts = drive.connects()
    drive.feed(events.RecoveryDone(adapter="hci", rung=DISCONNECT, device="a"))
    assert drive.connects() == attempts, "its own is not over"
    drive.recovered()
    assert drive.connects() == [*attempts, "a"]
    drive.feed(events.RecoveryDone(adapter="hci", rung=DISCONNECT, device="a", alone=True))
    assert len(drive.of(RecordRung)) == 1, "it was over already"


def test_if_that_was_in_vain_its_object_goes_and_then_nothing_more() -> None:
    drive = home()
    in_vain(drive, 3)
    for rung in (DISCONNECT, FORGET):
        drive.submit(f"for {rung}", A_READ, "a")
        assert rungs(drive)[-1] == (rung, "a")
        drive.recovered()
        drive.connect_failed(FaultKind.UNREACHABLE, "a")
    in_vain(drive, 6)
    drive.wait(400 * S)
    in_vain(drive, 6)
    assert rungs(drive) == [(DISCONNECT, "a"), (FORGET, "a")]


def test_what_was_done_is_written_down_with_its_reason_also_when_it_failed() -> None:
    drive = home()
    in_vain(drive, 3)
    drive.submit("waits", A_READ, "a")
    drive.recovered(fault(FaultKind.WEDGED))
    (row,) = drive.of(RecordRung)
    assert (row.adapter, row.rung, row.device, row.at_us) == ("hci", DISCONNECT, "a", drive.now)
    assert row.why == "a alone cannot be used, the last time for: unreachable (test)"
    assert row.fault is not None
    drive.connect_failed(FaultKind.UNREACHABLE, "a")
    drive.submit("again", A_READ, "a")
    assert rungs(drive)[-1] == (FORGET, "a")


@pytest.mark.parametrize("kind", [FaultKind.UNSUPPORTED, FaultKind.LINK_LOST])
def test_a_stack_that_holds_nothing_of_it_is_not_asked_again_and_nothing_is_written(kind: FaultKind) -> None:
    drive = home()
    in_vain(drive, 3)
    drive.submit("waits", A_READ, "a")
    drive.recovered(fault(kind))
    drive.connect_failed(FaultKind.UNREACHABLE, "a")
    in_vain(drive, 9)
    assert rungs(drive) == [(DISCONNECT, "a")]
    assert drive.of(RecordRung) == []


def test_an_answer_ends_the_row_and_the_next_row_waits_for_the_cooldown() -> None:
    drive = home()
    in_vain(drive, 3)
    drive.submit("one", A_READ, "a")
    drive.recovered()
    drive.connected("a")
    drive.answer(b"x", "a")
    drive.lost("a")
    drive.gone("a")
    in_vain(drive, 3)
    drive.submit("two", A_READ, "a")
    assert rungs(drive) == [(DISCONNECT, "a")]
    drive.connect_failed(FaultKind.UNREACHABLE, "a")
    drive.wait(300 * S)
    drive.submit("three", A_READ, "a")
    assert rungs(drive) == [(DISCONNECT, "a")] * 2


def test_connections_that_come_up_and_answer_nothing_are_in_vain() -> None:
    drive = home()
    for number in range(3):
        drive.submit(f"silent {number}", write(number), "a")
        drive.connected("a")
        drive.wait(6 * S)
        assert drive.ended(f"silent {number}") == (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)
        drive.gone("a")
    drive.submit("waits", write(9), "a")
    assert rungs(drive) == [(DISCONNECT, "a")]


@pytest.mark.parametrize("kind", [FaultKind.BUSY, FaultKind.AMBIGUOUS, FaultKind.INSUFFICIENT_SECURITY])
def test_failures_that_are_not_the_devices_do_not_count(kind: FaultKind) -> None:
    drive = home()
    in_vain(drive, 2)
    drive.submit("one", A_READ, "a", deadline_us=3_000 * S)
    drive.connect_failed(kind, "a")
    drive.wait(5 * S)
    assert rungs(drive) == []


def test_a_stop_does_not_wait_for_it() -> None:
    drive = home()
    in_vain(drive, 3)
    drive.submit("waits", A_READ, "a")
    assert drive.connects() == ["a"] * 3
    drive.stop("stop", STOP_WRITE, device="a")
    assert drive.connects() == ["a"] * 4
    drive.recovered()
    drive.connected("a")
    drive.answer(device="a")
    assert drive.ended("stop") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def test_a_link_that_has_only_other_rungs_is_left_alone() -> None:
    drive = home(Rung.POWER_CYCLE)
    in_vain(drive, 9)
    assert rungs(drive) == []
    assert drive.connects() == ["a"] * 9


def test_a_device_that_left_meanwhile_takes_no_part() -> None:
    drive = home()
    in_vain(drive, 3)
    drive.submit("waits", A_READ, "a")
    drive.cancel("waits")
    drive.recovered()
    assert drive.connects() == ["a"] * 3
