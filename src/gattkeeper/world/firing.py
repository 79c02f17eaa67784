"""When a fault rule fires, for rules of the radio and of the simulated link alike.

Knows counts, times and dice. What a rule is about, and what happens then, its own module knows.
"""

import random
from typing import Protocol


class When(Protocol):
    """The part of a match that says how often and when."""

    @property
    def first(self) -> int:
        """It starts with so many-th match."""

    @property
    def times(self) -> int | None:
        """And fires so often; None: for ever."""

    @property
    def probability(self) -> float:
        """That it fires for a match."""

    @property
    def from_s(self) -> float:
        """Not before this moment of the loop's time."""

    @property
    def until_s(self) -> float:
        """Not from this one on."""


class Counted(Protocol):
    """A rule: `seen` counts its matches, `fired` how often something was done."""

    seen: int
    fired: int

    @property
    def match(self) -> When:
        """Which matches count."""


def fires_now(rule: Counted, now: float, dice: random.Random) -> bool:
    """Whether a rule that fits wants it to happen. Counts."""
    match = rule.match
    if not match.from_s <= now < match.until_s:
        return False
    rule.seen += 1
    if rule.seen < match.first or rule.fired == match.times:
        return False
    if match.probability < 1 and dice.random() >= match.probability:
        return False
    rule.fired += 1
    return True


def must_be_possible(action: object, moment: str, possible: tuple[type, ...]) -> None:
    """Raise ValueError for an action that has no meaning at that moment."""
    if not isinstance(action, possible):
        names = ", ".join(kind.__name__ for kind in possible)
        message = f"{type(action).__name__} cannot happen to {moment}: possible are {names}"
        raise ValueError(message)  # noqa: TRY004 - the combination is wrong, not the type
