"""What a measurement gives: samples of ours and of theirs, taken in turn, and the goal for their ratio.

Knows how a ratio is made and judged. What is measured stands in the modules beside this one.
"""

from collections.abc import Callable
from enum import Enum
from statistics import median

from msgspec import Struct

Tick = Callable[[str], None]
"""Told what is being measured now, for the progress line."""


class Unit(Enum):
    """What samples are."""

    SECONDS = "s"
    BYTES = "B"
    COUNT = ""


class Goal(Struct, frozen=True, kw_only=True):
    """What the ratio should be. `sooner`: theirs / ours, at least the limit; else ours / theirs, at most."""

    limit: float
    sooner: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.sooner else '≤'} {self.limit:g}"


class Figure(Struct, frozen=True, kw_only=True):
    """One ratio. The samples at one place of `ours` and `theirs` were taken side by side."""

    name: str
    ours_is: str
    theirs_is: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    goal: Goal
    unit: Unit = Unit.SECONDS

    @property
    def ratios(self) -> tuple[float, ...]:
        """One for each pair of samples."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return tuple(theirs / ours if self.goal.sooner else ours / theirs for ours, theirs in pairs)

    @property
    def ratio(self) -> float:
        """Their median: what is judged."""
        return median(self.ratios)

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio >= self.goal.limit if self.goal.sooner else self.ratio <= self.goal.limit


def ratio_text(figure: Figure) -> str:
    """The ratio with its spread: "76.4 (75.9 to 330)". A tenth of the pairs at each end does not count."""
    ratios = sorted(figure.ratios)
    outer = len(ratios) // 10
    return f"{_digits(figure.ratio)} ({_digits(ratios[outer])} to {_digits(ratios[-1 - outer])})"


def sample_text(samples: tuple[float, ...], unit: Unit) -> str:
    """The median for people: "78.0 ms", "1.9 kB"."""
    value = median(samples)
    if unit is Unit.COUNT:
        return f"{value:g}"
    if unit is Unit.BYTES:
        return f"{value / 1000:.2f} kB"
    for factor, name in ((1, "s"), (1e3, "ms")):
        if value * factor >= 1:
            return f"{_digits(value * factor)} {name}"
    return f"{_digits(value * 1e6)} µs"


def _digits(value: float) -> str:
    """Three digits that say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
