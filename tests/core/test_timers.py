"""Timers: due in the order of their moments, moved and taken back, and never a heap of the dead."""

from core.drive import S
from gattkeeper.core.timers import Timers


def due(timers: Timers, now: int) -> list[object]:
    keys = []
    while (key := timers.pop_due(now)) is not None:
        keys.append(key)
    return keys


def test_what_is_due_comes_in_the_order_of_its_moments_then_of_its_setting() -> None:
    timers = Timers()
    for key, at in (("late", 30), ("first", 10), ("second", 10)):
        timers.set(key, at)
    assert timers.next_at() == 10
    assert due(timers, 9) == []
    assert due(timers, 30) == ["first", "second", "late"]
    assert timers.next_at() is None


def test_setting_again_moves_a_timer_either_way() -> None:
    timers = Timers()
    timers.set("a", 10)
    timers.set("a", 20)
    assert timers.next_at() == 20
    timers.set("a", 5)
    assert due(timers, 30) == ["a"]


def test_what_was_taken_back_is_never_due_and_taking_back_twice_is_harmless() -> None:
    timers = Timers()
    timers.set("a", 10)
    timers.cancel("a")
    timers.cancel("a")
    assert timers.next_at() is None
    assert due(timers, 100) == []


def test_timers_that_are_taken_back_by_the_thousand_leave_no_heap_behind() -> None:
    timers = Timers()
    timers.set("alive", S)
    for number in range(10_000):
        timers.set(number, 2 * S + number)
        timers.cancel(number)
    assert len(timers._heap) < 200
    assert due(timers, S) == ["alive"]
