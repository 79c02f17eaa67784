"""Ratios: which way they go, what is judged, and how they are told."""

import pytest

from measured.figures import NONE, Figure, Goal, Unit, ratio_text, sample_text


def figure(ours: tuple[float, ...], theirs: tuple[float, ...], goal: Goal, **fields) -> Figure:
    return Figure(name="a stop", ours_is="ours", theirs_is="lock", ours=ours, theirs=theirs, goal=goal, **fields)


SOON = figure((0.06, 0.03, 0.1), (6.0, 6.0, 6.0), Goal(limit=70, sooner=True))
DEAR = figure((400e-6,), (200e-6,), Goal(limit=1.5))


def test_a_ratio_is_the_median_of_pairs_and_its_goal_says_which_way_it_goes() -> None:
    assert SOON.ratio == pytest.approx(100)
    assert SOON.met
    assert DEAR.ratio == pytest.approx(2)
    assert not DEAR.met


def test_a_stretch_goes_the_same_way_as_its_goal() -> None:
    soon, dear = Goal(limit=10, sooner=True, stretch=18), Goal(limit=2, stretch=1.3)
    assert [soon.holds(15), soon.holds(15, 18), soon.holds(20, 18)] == [True, False, True]
    assert [dear.holds(1.5), dear.holds(1.5, 1.3), dear.holds(1.2, 1.3)] == [True, False, True]
    assert (soon.text(18), str(dear)) == ("≥ 18", "≤ 2")


def test_samples_that_were_not_taken_side_by_side_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="longer"):
        figure((1.0,), (1.0, 2.0), Goal(limit=1)).ratios  # noqa: B018 - it is the looking that raises


def test_what_must_not_happen_is_missed_by_one_whatever_happens_to_others() -> None:
    for theirs in (0.0, 1.0, 20_000.0):
        assert figure((0.0,), (theirs,), NONE, unit=Unit.COUNT).met
        assert not figure((1.0,), (theirs,), NONE, unit=Unit.COUNT).met


def test_figures_are_told_with_their_spread_and_their_unit() -> None:
    assert ratio_text(SOON) == "100 (60 to 200)"
    assert sample_text((1570.0,), Unit.BYTES) == "1.57 kB"
    assert sample_text((46.7e6,), Unit.BYTES) == "46.7 MB"
    assert sample_text((9.0,), Unit.COUNT) == "9"


def test_a_tenth_of_the_pairs_at_each_end_is_left_out_of_the_spread() -> None:
    one = figure((1.0, *[2.0] * 8, 99.0), (1.0,) * 10, Goal(limit=3))
    assert ratio_text(one) == "2 (2 to 2)"
