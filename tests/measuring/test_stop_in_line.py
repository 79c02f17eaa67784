"""What the measurements say of a stop in virtual time is exact, so a test can hold it."""

import pytest

from measured.air import INTERVAL_S, kept, locked
from measured.stop_in_line import flood, nothing, samples, silence

TOLERANCE_S = 0.001


@pytest.mark.parametrize("prepare", [nothing, flood])
def test_a_stop_behind_a_hundred_writes_waits_for_one_answer_and_no_longer(prepare) -> None:
    (took_s,) = samples(kept, prepare, 1)
    assert took_s <= 3 * INTERVAL_S + TOLERANCE_S


def test_a_stop_that_may_bypass_is_there_with_the_next_connection_event() -> None:
    for prepare in (nothing, silence):
        assert max(samples(kept, prepare, 3, may_bypass=True)) <= INTERVAL_S + TOLERANCE_S


def test_a_stop_goes_through_a_device_that_does_not_answer_in_a_grace_and_a_connection() -> None:
    (took_s,) = samples(kept, silence, 1)
    assert took_s <= 1.0


def test_behind_a_lock_a_stop_waits_for_every_write() -> None:
    (took_s,) = samples(locked, nothing, 1)
    assert took_s >= 99 * 2 * INTERVAL_S
