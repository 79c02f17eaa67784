"""Ratios: which way they go, what is judged, and how they are told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from measured.figures import Figure, Goal, Unit, ratio_text, sample_text
from measured.page import facts, line, page

ROOT = Path(__file__).parents[2]


def figure(ours: tuple[float, ...], theirs: tuple[float, ...], goal: Goal, **fields) -> Figure:
    return Figure(name="a stop", ours_is="ours", theirs_is="lock", ours=ours, theirs=theirs, goal=goal, **fields)


SOON = figure((0.06, 0.03, 0.1), (6.0, 6.0, 6.0), Goal(limit=70, sooner=True))
DEAR = figure((400e-6,), (200e-6,), Goal(limit=1.5))


def test_a_ratio_is_the_median_of_pairs_and_its_goal_says_which_way_it_goes() -> None:
    assert SOON.ratio == pytest.approx(100)
    assert SOON.met
    assert DEAR.ratio == pytest.approx(2)
    assert not DEAR.met


def test_samples_that_were_not_taken_side_by_side_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="longer"):
        figure((1.0,), (1.0, 2.0), Goal(limit=1)).ratios  # noqa: B018 - it is the looking that raises


def test_figures_are_told_with_their_spread_and_their_unit() -> None:
    assert ratio_text(SOON) == "100 (60 to 200)"
    assert line(SOON) == "    ok  a stop: 100 (60 to 200), goal ≥ 70  (ours 60 ms, lock 6 s)"
    assert line(DEAR).startswith("MISSED  a stop: 2 (2 to 2), goal ≤ 1.5  (ours 400 µs")
    assert sample_text((1570.0,), Unit.BYTES) == "1.57 kB"


def test_a_tenth_of_the_pairs_at_each_end_is_left_out_of_the_spread() -> None:
    one = figure((1.0, *[2.0] * 8, 99.0), (1.0,) * 10, Goal(limit=3))
    assert ratio_text(one) == "2 (2 to 2)"


def test_the_page_shows_what_is_missed() -> None:
    text = page({"Stops": ("In words.", [SOON, DEAR])})
    assert "## Stops\n\nIn words.\n" in text
    assert "| a stop | ours: 60 ms | lock: 6 s | 100 (60 to 200) | ≥ 70 | yes |" in text
    assert "| ≤ 1.5 | **no** |" in text


def test_programs_get_every_sample() -> None:
    told = json.loads(json.dumps(facts(SOON)))
    assert (told["ours"], told["met"], told["unit"]) == ([0.06, 0.03, 0.1], True, "s")


def test_a_suite_that_is_not_there_is_told_before_anything_is_measured() -> None:
    run = subprocess.run(
        [sys.executable, "bench", "nothing"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "no such suite: there is stop_in_line, stop_in_flood, " in run.stderr
