"""The report's two pictures, as SVG that stands in the page itself.

Knows lines and bars. What is drawn comes from `figures`.
"""

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from gattkeeper.daemon.audit.figures import VERDICTS, Latencies, OverTime, class_us

WIDTH = 720  # units of the picture; the page scales it

_TIME_HEIGHT = 150
_BAR_WIDTH_MAX = 40.0
_LATENCY_HEIGHT = 64
_LATENCY_WIDTH = 340
_DECADES = (3, 8)  # 1 ms to 100 s, as powers of ten of microseconds
_BARS_PER_DECADE = 8
_MARKS = ((50, "p50"), (95, "p95"), (99, "p99"))


def over_time(figures: OverTime) -> str:
    """A stack of verdicts for each bin of the period."""
    bins = figures.bins
    if not bins:
        return ""
    first, last = min(bins), max(bins)
    count = (last - first) // figures.bin_s + 1
    tallest = max(counts.total() for counts in bins.values())
    step = WIDTH / count
    width = min(step * 0.84, _BAR_WIDTH_MAX)
    places = {at_s: (at_s - first) // figures.bin_s * step for at_s in sorted(bins)}
    bars = "".join(_stack(bins[at_s], x, width, tallest) for at_s, x in places.items())
    base = _TIME_HEIGHT
    return (
        f'<svg viewBox="0 0 {WIDTH} {base + 22}" role="img" aria-label="Outcomes over time">'
        f'{bars}<line class="axis" x1="0" y1="{base}" x2="{WIDTH}" y2="{base}"/>'
        f'<text x="0" y="{base + 16}">{_moment(first)}</text>'
        f'<text x="{WIDTH}" y="{base + 16}" class="end">{_moment(last + figures.bin_s)}</text>'
        f'<text x="{WIDTH}" y="10" class="end">tallest: {tallest} commands</text></svg>'
    )


def _stack(counts: Counter[str], x: float, width: float, tallest: int) -> str:
    bars, y = "", float(_TIME_HEIGHT)
    for verdict in VERDICTS:
        if counts[verdict]:
            height = max(0.8, counts[verdict] / tallest * (_TIME_HEIGHT - 18))
            y -= height
            bars += (
                f'<rect class="{verdict}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
                f"<title>{counts[verdict]} {verdict.replace('_', ' ')}</title></rect>"
            )
    return bars


def _moment(at_s: int) -> str:
    try:
        return f"{datetime.fromtimestamp(at_s, tz=UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{at_s} s"


def latencies(figures: Latencies) -> str:
    """How often each latency came, from 1 ms to 100 s; what is outside counts at the edge."""
    bars: Counter[int] = Counter()
    for number, count in figures.classes.items():
        bars[_bar(class_us(number))] += count
    if not bars:
        return ""
    tallest, step = max(bars.values()), _LATENCY_WIDTH / _bars_of_all()
    drawn = "".join(
        f'<rect class="bar" x="{bar * step:.1f}" y="{_LATENCY_HEIGHT - height:.1f}" width="{step * 0.86:.1f}"'
        f' height="{height:.1f}"/>'
        for bar, height in sorted((bar, max(1.0, count / tallest * 50)) for bar, count in bars.items())
    )
    return (
        f'<svg viewBox="-4 0 {_LATENCY_WIDTH + 8} {_LATENCY_HEIGHT + 16}" role="img" aria-label="Latencies">'
        f"{drawn}{''.join(_ticks())}{''.join(_percentiles(figures))}</svg>"
    )


def _bars_of_all() -> int:
    return (_DECADES[1] - _DECADES[0]) * _BARS_PER_DECADE


def _place(length_us: float) -> float:
    """Where a length is, 0 to 1."""
    return (math.log10(length_us) - _DECADES[0]) / (_DECADES[1] - _DECADES[0])


def _bar(length_us: float) -> int:
    return min(_bars_of_all() - 1, max(0, int(_place(length_us) * _bars_of_all())))


def _ticks() -> Iterator[str]:
    base = _LATENCY_HEIGHT
    yield f'<line class="axis" x1="0" y1="{base}" x2="{_LATENCY_WIDTH}" y2="{base}"/>'
    names = ("1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s")
    for number, name in enumerate(names):
        x = _LATENCY_WIDTH * number / (len(names) - 1)
        side = {0: "", len(names) - 1: "end"}.get(number, "middle")
        yield f'<text x="{x:.1f}" y="{base + 13}" class="{side}">{name}</text>'


def _percentiles(figures: Latencies) -> Iterator[str]:
    for percent, name in _MARKS:
        length_us = figures.percentile_us(percent)
        if length_us is not None:
            x = min(1.0, max(0.0, _place(length_us))) * _LATENCY_WIDTH
            yield (
                f'<line class="mark" x1="{x:.1f}" y1="10" x2="{x:.1f}" y2="{_LATENCY_HEIGHT}">'
                f"<title>{name}</title></line>"
            )
