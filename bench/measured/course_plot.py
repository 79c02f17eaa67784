"""Courses in one picture, one panel for each: how something went over a time, and that it does not grow.

Knows SVG and linear scales that begin at zero, so that a line that looks flat is flat.
"""

from collections.abc import Sequence
from html import escape

from measured.figures import Course, sample_text

WIDTH, PANEL, LEFT, RIGHT, TOP, BOTTOM = 760, 150, 70, 30, 30, 24
"""Pixels: the width of all, the height of a panel, and what is left free around its lines."""

_SHEET = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    ' font-family="sans-serif" font-size="12" fill="#24292f">'
)
_LINE, _PALE = "#0969da", "#d0d7de"


def drawn(courses: Sequence[Course]) -> str:
    """The picture."""
    height = PANEL * len(courses)
    parts = [_SHEET.format(width=WIDTH, height=height), f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>']
    for number, course in enumerate(courses):
        parts += _panel(course, PANEL * number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(course: Course, top: int) -> list[str]:
    most = max(course.values) or 1.0
    floor, ceiling = top + PANEL - BOTTOM, top + TOP
    steps = max(len(course.values) - 1, 1)
    points = [
        (LEFT + (WIDTH - LEFT - RIGHT) * number / steps, floor - (floor - ceiling) * value / most)
        for number, value in enumerate(course.values)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [f'<text x="{LEFT}" y="{top + 18}" font-weight="bold">{escape(course.name)}</text>']
    for y, value in ((ceiling, most), (floor, 0.0)):
        words = escape(sample_text((value,), course.unit)) if value else "0"
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="{_PALE}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{words}</text>')
    for x, number in ((points[0][0], 1), (points[-1][0], len(course.values))):
        words = f"{escape(course.step)} {number}"
        parts.append(f'<text x="{x:.1f}" y="{floor + 16}" text-anchor="middle">{words}</text>')
    return [*parts, f'<polyline points="{path}" fill="none" stroke="{_LINE}" stroke-width="2"/>']
