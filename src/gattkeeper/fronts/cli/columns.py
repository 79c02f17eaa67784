"""Rows of text in columns, in as many places of a terminal as they really take.

Knows widths: letters of East Asia take two places, marks that combine with a letter none.
"""

import unicodedata
from collections.abc import Sequence

from gattkeeper.fronts.cli.style import Terminal, paint

Cell = tuple[str, str]
"""Text, and the code of its colour; empty: none."""

GAP = 2
FLEXIBLE_MIN = 16
"""Places that the column which gives way keeps at least."""


def places(text: str) -> int:
    """How many places of a terminal a text takes (Unicode Standard Annex 11)."""
    return sum(map(_places_of, text))


def _places_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, width: int) -> str:
    """The text in at most `width` places."""
    if places(text) <= width:
        return text
    if not width:
        return ""
    kept, used = "", 1  # the ellipsis
    for character in text:
        used += _places_of(character)
        if used > width:
            break
        kept += character
    return kept + "…"


def in_columns(rows: Sequence[Sequence[Cell]], terminal: Terminal, *, flexible: int) -> list[str]:
    """A line for each row. Where a terminal is too narrow the column `flexible` gives way, then the last one."""
    widths = [max(places(text) for text, _ in column) for column in zip(*rows, strict=True)]
    if terminal.tty:
        others = sum(widths) - widths[flexible] + GAP * (len(widths) - 1)
        widths[flexible] = min(widths[flexible], max(FLEXIBLE_MIN, terminal.columns - others))
        widths[-1] = max(0, min(widths[-1], terminal.columns - sum(widths[:-1]) - GAP * (len(widths) - 1)))
    return [_line(row, widths, terminal) for row in rows]


def _line(row: Sequence[Cell], widths: Sequence[int], terminal: Terminal) -> str:
    cells = [(fit(text, width), colour, width) for (text, colour), width in zip(row, widths, strict=True)]
    padded = (
        (paint(text, colour, terminal) if colour else text) + " " * (width - places(text))
        for text, colour, width in cells
    )
    return (" " * GAP).join(padded).rstrip()
