"""What is known of one adapter's way to one device."""

from gattkeeper.core.ways import Way

LIFE = 100


def test_without_an_advertisement_there_is_no_signal() -> None:
    assert Way().signal(0, LIFE) is None


def test_the_first_advertisement_counts_in_full_and_later_ones_by_a_quarter() -> None:
    way = Way()
    way.hear(-80, 10, LIFE)
    assert way.signal(10, LIFE) == -80
    way.hear(-60, 20, LIFE)
    assert way.signal(20, LIFE) == -75


def test_a_signal_ends_and_then_counts_anew() -> None:
    way = Way()
    way.hear(-80, 10, LIFE)
    assert way.signal(110, LIFE) == -80
    assert way.signal(111, LIFE) is None
    way.hear(-40, 111, LIFE)
    assert way.signal(111, LIFE) == -40


def test_a_device_that_is_heard_is_in_reach() -> None:
    way = Way(avoided_until=1_000)
    way.hear(-80, 10, LIFE)
    assert way.avoided_until == 0
