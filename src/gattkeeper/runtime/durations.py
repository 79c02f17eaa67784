"""Public durations are float seconds; the core counts whole microseconds."""

import math

from gattkeeper.errors import InvalidCommandError


def to_us(name: str, seconds: float) -> int:
    """Seconds as microseconds. Raises InvalidCommandError unless it is a finite number above zero."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidCommandError(f"{name} must be a number of seconds, not {seconds!r}")
    if not math.isfinite(seconds) or seconds <= 0:
        raise InvalidCommandError(f"{name} must be a finite number of seconds above 0, not {seconds!r}")
    return max(1, round(seconds * 1_000_000))


def optional_us(name: str, seconds: float | None) -> int | None:
    """The same, where None means that the default applies."""
    return None if seconds is None else to_us(name, seconds)
