"""What a measurement gives: samples of ours and of theirs, taken in turn, and the goal for their ratio; how
something went over a time; and what something is made of.

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
    """What the ratio should be. `sooner`: theirs / ours, at least the limit; else ours / theirs, at most.

    `stretch` is what it would be at its best; it is shown, and not judged.
    """

    limit: float
    sooner: bool = False
    stretch: float | None = None

    def holds(self, ratio: float, limit: float | None = None) -> bool:
        """Whether a ratio is within the limit, or within another one."""
        bound = self.limit if limit is None else limit
        return ratio >= bound if self.sooner else ratio <= bound

    def text(self, limit: float | None = None) -> str:
        """The limit, or another one, with its direction."""
        return f"{'≥' if self.sooner else '≤'} {self.limit if limit is None else limit:g}"

    def __str__(self) -> str:
        return self.text()


NONE = Goal(limit=0)
"""Of something that must not happen: theirs is how often it does where nothing prevents it."""


class Figure(Struct, frozen=True, kw_only=True):
    """One ratio. The samples at one place of `ours` and `theirs` were taken side by side.

    `of` is the goal of `measured.goals` that it measures, and `because` why that is not reached, where it is known
    that it is not.
    """

    name: str
    ours_is: str
    theirs_is: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    goal: Goal
    unit: Unit = Unit.SECONDS
    of: str = ""
    because: str = ""

    @property
    def ratios(self) -> tuple[float, ...]:
        """One for each pair of samples. Of counts, where theirs is none, ours counts by itself."""
        pairs = zip(self.ours, self.theirs, strict=True)
        if self.goal.sooner:
            return tuple(theirs / ours for ours, theirs in pairs)
        return tuple(ours / theirs if theirs or self.unit is not Unit.COUNT else ours for ours, theirs in pairs)

    @property
    def ratio(self) -> float:
        """Their median: what is judged."""
        return median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """Where four fifths of them lie: a tenth of the pairs at each end does not count."""
        ratios = sorted(self.ratios)
        outer = len(ratios) // 10
        return ratios[outer], ratios[-1 - outer]

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.goal.holds(self.ratio)


class Course(Struct, frozen=True, kw_only=True):
    """How something went over a time: a value for each step of it, for the picture."""

    name: str
    step: str
    values: tuple[float, ...]
    unit: Unit = Unit.SECONDS


class Part(Struct, frozen=True, kw_only=True):
    """One of the parts that something is made of: its share, from 0 to 1, and the calls it takes."""

    name: str
    share: float
    calls: float


class Parts(Struct, frozen=True, kw_only=True):
    """What something is made of, the largest part first."""

    name: str
    parts: tuple[Part, ...]


Finding = Figure | Course | Parts


def ratio_text(figure: Figure) -> str:
    """The ratio with its spread: "76.4 (75.9 to 330)"."""
    low, high = figure.spread
    return f"{_digits(figure.ratio)} ({_digits(low)} to {_digits(high)})"


def sample_text(samples: tuple[float, ...], unit: Unit) -> str:
    """The median for people: "78.0 ms", "1.9 kB"."""
    value = median(samples)
    if unit is Unit.COUNT:
        return f"{value:g}"
    if unit is Unit.BYTES:
        return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1000:.2f} kB"
    for factor, name in ((1, "s"), (1e3, "ms")):
        if value * factor >= 1:
            return f"{_digits(value * factor)} {name}"
    return f"{_digits(value * 1e6)} µs"


def _digits(value: float) -> str:
    """Three digits that say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
