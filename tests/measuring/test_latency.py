"""How long a write takes in virtual time is exact, so a test can hold it."""

import pytest

from gattkeeper.world import run_virtual
from measured.latency import CALLERS, INTERVALS_S, behind_flock, cached, cold, taken, warm, with_lock


@pytest.mark.parametrize("interval_s", INTERVALS_S)
def test_a_warm_write_takes_two_intervals_as_a_raw_one_does(interval_s: float) -> None:
    ours, theirs = (run_virtual(taken(way, interval_s, 1, 0)) for way in (warm, with_lock))
    assert ours == pytest.approx(theirs) == pytest.approx(2 * interval_s)


@pytest.mark.parametrize("interval_s", INTERVALS_S)
def test_eight_at_once_take_what_the_radio_takes_for_eight(interval_s: float) -> None:
    assert run_virtual(taken(warm, interval_s, CALLERS, 0)) == pytest.approx(2 * interval_s * CALLERS)


def test_who_kept_the_table_is_sooner_than_who_did_not_and_that_one_sooner_than_a_script() -> None:
    kept, first, script = (run_virtual(taken(way, INTERVALS_S[0], 1, 0)) for way in (cached, cold, behind_flock))
    assert kept < first < script
