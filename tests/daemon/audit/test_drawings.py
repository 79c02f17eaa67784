"""The pictures are well-formed, inside their frame, and as high as the figures say."""

import xml.etree.ElementTree as ET

import pytest

from gattkeeper.daemon.audit import drawings
from gattkeeper.daemon.audit.figures import Latencies, OverTime

START_US = 1_795_267_800_000_000


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own text


def bars_of(svg: str, kind: str = "") -> list[ET.Element]:
    return [rect for rect in parsed(svg).iter("rect") if kind in ("", rect.get("class"))]


def test_a_bar_for_each_verdict_of_each_bin() -> None:
    figures = OverTime()
    for at_s, verdict in ((0, "delivered"), (0, "delivered"), (0, "unknown"), (1, "delivered")):
        figures.add(START_US + at_s * 1_000_000, verdict)
    svg = drawings.over_time(figures)
    assert len(bars_of(svg, "delivered")) == 2
    (unknown,) = bars_of(svg, "unknown")
    first, second = (float(bar.get("height", "")) for bar in bars_of(svg, "delivered"))
    assert first == pytest.approx(2 * second, abs=0.1)
    assert float(unknown.get("y", "")) < float(bars_of(svg, "delivered")[0].get("y", ""))
    assert "2026-11-21 13:30 UTC" in svg
    assert "tallest: 3 commands" in svg


def test_no_bar_leaves_the_frame() -> None:
    figures = OverTime()
    for second in range(5_000):
        figures.add(START_US + second * 1_000_000, ("delivered", "unknown")[second % 2])
    for bar in bars_of(drawings.over_time(figures)):
        assert float(bar.get("x", "")) >= 0
        assert float(bar.get("x", "")) + float(bar.get("width", "")) <= drawings.WIDTH
        assert float(bar.get("y", "")) >= 0


def test_a_moment_that_is_no_date_is_a_number() -> None:
    figures = OverTime()
    figures.add(2**62, "sent")
    assert " s</text>" in drawings.over_time(figures)


@pytest.mark.parametrize("length_us", [1, 1_000, 30_000, 100_000_000, 10**12])
def test_a_latency_is_in_the_picture_wherever_it_is(length_us: int) -> None:
    latencies = Latencies()
    latencies.add(length_us)
    svg = drawings.latencies(latencies)
    (bar,) = bars_of(svg)
    assert 0 <= float(bar.get("x", "")) <= 340
    marks = [line for line in parsed(svg).iter("line") if line.get("class") == "mark"]
    assert [float(mark.get("x1", "")) == pytest.approx(float(bar.get("x", "")), abs=9) for mark in marks] == [
        True
    ] * 3


def test_nothing_is_drawn_of_nothing() -> None:
    assert drawings.over_time(OverTime()) == ""
    assert drawings.latencies(Latencies()) == ""
