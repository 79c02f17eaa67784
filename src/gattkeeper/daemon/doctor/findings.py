"""What the doctor says: a level, what is, and what to do about it.

Knows the form of an answer. What is looked at stands in the files beside this one.
"""

from enum import Enum

from msgspec import Struct


class Level(Enum):
    """How much a finding matters, the least first."""

    OK = "ok"
    NOTE = "note"  # good to know; may become the reason for something
    WARNING = "warning"  # commands will fail or be slow now and then
    PROBLEM = "problem"  # commands cannot work until this is changed


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sentence about one area, and one with its cure; an ok needs no cure."""

    area: str
    level: Level
    what: str
    cure: str = ""


def ok(area: str, what: str) -> Finding:
    """All is well here."""
    return Finding(area=area, level=Level.OK, what=what)


def note(area: str, what: str, cure: str = "") -> Finding:
    """Good to know."""
    return Finding(area=area, level=Level.NOTE, what=what, cure=cure)


def warning(area: str, what: str, cure: str) -> Finding:
    """Trouble now and then."""
    return Finding(area=area, level=Level.WARNING, what=what, cure=cure)


def problem(area: str, what: str, cure: str) -> Finding:
    """Nothing works until this is changed."""
    return Finding(area=area, level=Level.PROBLEM, what=what, cure=cure)
