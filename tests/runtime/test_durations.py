"""Seconds of callers, as microseconds of the core."""

import math

import pytest

from gattkeeper.errors import InvalidCommandError
from gattkeeper.runtime.durations import optional_us, to_us


@pytest.mark.parametrize(("seconds", "us"), [(1, 1_000_000), (0.25, 250_000), (1e-9, 1), (0.0000015, 2)])
def test_seconds_become_whole_microseconds_and_never_none(seconds: float, us: int):
    assert to_us("timeout", seconds) == optional_us("timeout", seconds) == us


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf, -math.inf, True, "5", None])
def test_what_is_no_length_of_time_is_refused_by_name(wrong):
    with pytest.raises(InvalidCommandError, match="timeout must be a"):
        to_us("timeout", wrong)


def test_none_leaves_the_default():
    assert optional_us("timeout", None) is None
