"""What counts as a sign of a wedged adapter, and which rung may be climbed when."""

import pytest

from core.drive import S, fault
from gattkeeper.core.ladder import HOUR_US, Ladder
from gattkeeper.core.lifecycle import LadderPhase
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import FaultKind

LIMITS = Limits()
RUNGS = (Rung.STOP_DISCOVERY, Rung.POWER_CYCLE)


def ladder(phase: LadderPhase = LadderPhase.RESTING) -> Ladder:
    return Ladder(rungs=RUNGS, phase=phase)


def note(
    one: Ladder, kind: FaultKind, device: str = "a", at: int = 0, *, times: int = 1, alone: bool = False
) -> None:
    for _ in range(times):
        one.note(LIMITS, device, fault(kind), at, alone=alone)


def test_three_signs_of_the_adapter_itself_are_enough() -> None:
    one = ladder()
    note(one, FaultKind.WEDGED, times=2)
    assert not one.is_suspect(LIMITS, 0)
    note(one, FaultKind.WEDGED)
    assert one.is_suspect(LIMITS, 0)


def test_a_stack_that_is_busy_with_nothing_of_ours_is_such_a_sign() -> None:
    one = ladder()
    note(one, FaultKind.BUSY, times=9)
    assert not one.is_suspect(LIMITS, 0)
    note(one, FaultKind.BUSY, times=3, alone=True)
    assert one.is_suspect(LIMITS, 0)


def test_failures_of_one_device_are_never_enough() -> None:
    one = ladder()
    note(one, FaultKind.UNREACHABLE, times=100)
    assert not one.is_suspect(LIMITS, 0)
    note(one, FaultKind.NOT_FOUND, "b")
    assert one.is_suspect(LIMITS, 0)


def test_five_failures_are_not_enough_whatever_the_devices() -> None:
    one = ladder()
    for device in "abcde":
        note(one, FaultKind.TRANSIENT, device)
    assert not one.is_suspect(LIMITS, 0)


def test_a_device_that_failed_long_ago_is_none_of_the_devices_that_fail() -> None:
    one = ladder()
    note(one, FaultKind.UNREACHABLE, "a")
    note(one, FaultKind.UNREACHABLE, "b", at=LIMITS.recovery_window_us, times=6)
    assert not one.is_suspect(LIMITS, LIMITS.recovery_window_us)


def test_after_a_rung_one_failure_of_each_of_two_devices_is_enough() -> None:
    one = ladder(LadderPhase.PROBING)
    note(one, FaultKind.UNREACHABLE, "a")
    assert not one.is_suspect(LIMITS, 0)
    note(one, FaultKind.UNREACHABLE, "b")
    assert one.is_suspect(LIMITS, 0)


@pytest.mark.parametrize("kind", [FaultKind.NEEDS_PAIRING, FaultKind.REJECTED, FaultKind.ADAPTER_GONE])
def test_what_says_nothing_about_the_adapter_is_not_counted(kind: FaultKind) -> None:
    one = ladder()
    for device in "ab":
        note(one, kind, device, times=9)
    assert not one.is_suspect(LIMITS, 0)


def test_signs_of_more_than_two_minutes_ago_count_no_more() -> None:
    one = ladder()
    note(one, FaultKind.WEDGED, times=3)
    note(one, FaultKind.LINK_LOST, times=6)
    note(one, FaultKind.LINK_LOST, "b", times=6)
    assert one.is_suspect(LIMITS, 120 * S - 1)
    assert not one.is_suspect(LIMITS, 120 * S)


def test_after_a_rung_the_next_sign_of_the_adapter_is_enough() -> None:
    one = ladder(LadderPhase.PROBING)
    note(one, FaultKind.WEDGED)
    assert one.is_suspect(LIMITS, 0)


def test_after_a_rung_one_device_out_of_reach_is_still_not() -> None:
    one = ladder(LadderPhase.PROBING)
    note(one, FaultKind.UNREACHABLE, times=9)
    assert not one.is_suspect(LIMITS, 0)
    note(one, FaultKind.UNREACHABLE, "b")
    assert one.is_suspect(LIMITS, 0)


@pytest.mark.parametrize("phase", [LadderPhase.DRAINING, LadderPhase.RUNNING, LadderPhase.PARKED])
def test_what_fails_during_a_rung_or_while_parked_is_no_sign(phase: LadderPhase) -> None:
    one = ladder(phase)
    note(one, FaultKind.WEDGED, times=9)
    assert not one.is_suspect(LIMITS, 0)


def test_without_rungs_nothing_is_counted() -> None:
    one = Ladder()
    note(one, FaultKind.WEDGED, times=9)
    assert not one.is_suspect(LIMITS, 0)


def test_what_is_remembered_is_bounded() -> None:
    one = ladder()
    note(one, FaultKind.WEDGED, times=1_000)
    note(one, FaultKind.UNREACHABLE, times=1_000)
    assert len(one.wedged) == LIMITS.recovery_wedged_min
    assert [len(moments) for moments in one.failures.values()] == [LIMITS.recovery_failures_min]


def test_rungs_are_climbed_in_their_order_and_each_once() -> None:
    one = ladder()
    assert [one.next_rung(LIMITS, 0) for _ in range(3)] == [*RUNGS, None]


def test_a_rung_is_passed_over_during_its_cooldown() -> None:
    one = ladder()
    one.begin(LIMITS, Rung.STOP_DISCOVERY, 0)
    assert one.next_rung(LIMITS, 300 * S - 1) is Rung.POWER_CYCLE
    one.place = 0
    assert one.next_rung(LIMITS, 300 * S) is Rung.STOP_DISCOVERY


def test_a_rung_is_climbed_three_times_in_an_hour_at_most() -> None:
    one = Ladder(rungs=(Rung.POWER_CYCLE,))
    for at in (0, 400 * S, 800 * S):
        one.begin(LIMITS, Rung.POWER_CYCLE, at)
    assert one.next_rung(LIMITS, HOUR_US - 1) is None
    assert one.free_from(LIMITS, 1_000 * S) == HOUR_US
    assert one.next_rung(LIMITS, HOUR_US) is Rung.POWER_CYCLE
    one.begin(LIMITS, Rung.POWER_CYCLE, HOUR_US)
    assert one.free_from(LIMITS, HOUR_US) == HOUR_US + 400 * S


def test_a_pause_is_never_shorter_than_a_cooldown() -> None:
    one = ladder()
    one.begin(LIMITS, Rung.STOP_DISCOVERY, 0)
    assert one.free_from(LIMITS, 900 * S) == 1_200 * S
