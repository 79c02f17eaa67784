"""All figures of a run in one picture: how far each is from its goal, and how far its samples lie apart.

Knows SVG and a logarithmic scale. One row for a figure: left of the line the goal is met.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

from measured.figures import Figure, ratio_text

ROW, TEXT, PLOT, MARGIN, RIGHT = 20, 860, 420, 12, 40
"""Pixels: the height of a row; the widths of the words, the scale, the margin, and the one at the right."""

DECADES = 3.0
"""The scale goes so many powers of ten to each side of the goal; what is farther stands at its end."""

_BROAD = 'stroke-width="4" stroke-opacity="0.35"'
_INK, _PALE, _GOOD, _BAD = "#24292f", "#d0d7de", "#1a7f37", "#cf222e"

_SHEET = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    ' font-family="sans-serif" font-size="12" fill="#24292f">'
)


def share(figure: Figure, ratio: float) -> float:
    """How much of what the goal allows is used: 1 at the goal, less is better; 0 where none is."""
    if not figure.goal.limit:
        return 1.0 if ratio else 0.0
    return figure.goal.limit / ratio if figure.goal.sooner else ratio / figure.goal.limit


def drawn(suites: Mapping[str, Sequence[Figure]]) -> str:
    """The picture."""
    rows = [row for title, figures in suites.items() for row in (title, *figures)]
    height = ROW * (len(rows) + 2) + 2 * MARGIN
    width = MARGIN + TEXT + PLOT + RIGHT
    parts = [
        _SHEET.format(width=width, height=height),
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{MARGIN}" y="{MARGIN + ROW - 6}">Left of the goal it is met, right of it missed.</text>',
        *_scale(height),
    ]
    for number, row in enumerate(rows, start=2):
        y = MARGIN + ROW * number
        if isinstance(row, str):
            parts.append(f'<text x="{MARGIN}" y="{y + 4}" font-weight="bold">{escape(row)}</text>')
        else:
            parts += _row(row, y)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _x(value: float) -> float:
    power = math.log10(value) if value > 0 else -DECADES
    return MARGIN + TEXT + PLOT * (max(-DECADES, min(DECADES, power)) + DECADES) / (2 * DECADES)


def _scale(height: int) -> list[str]:
    parts = []
    for power in range(-int(DECADES), int(DECADES) + 1):
        x, at_goal = _x(10.0**power), power == 0
        words = "the goal" if at_goal else f"{10.0**power:g} of it"
        parts.append(
            f'<line x1="{x:.1f}" y1="{MARGIN + ROW}" x2="{x:.1f}" y2="{height - MARGIN}"'
            f' stroke="{_INK if at_goal else _PALE}"/>'
        )
        parts.append(f'<text x="{x:.1f}" y="{MARGIN + ROW - 6}" text-anchor="middle">{words}</text>')
    return parts


def _row(figure: Figure, y: int) -> list[str]:
    shares = sorted(share(figure, ratio) for ratio in figure.ratios)
    outer = len(shares) // 10
    low, high, middle = _x(shares[outer]), _x(shares[-1 - outer]), _x(share(figure, figure.ratio))
    colour = _GOOD if figure.met else _BAD
    which = f"{figure.of} {figure.name}, {figure.ours_is} to {figure.theirs_is}".lstrip()
    words = f"{which}: {ratio_text(figure)}, goal {figure.goal}"
    return [
        f'<text x="{MARGIN + 12}" y="{y + 4}">{escape(words)}</text>',
        f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke="{colour}" {_BROAD}/>',
        f'<circle cx="{middle:.1f}" cy="{y}" r="4" fill="{colour}"/>',
    ]
