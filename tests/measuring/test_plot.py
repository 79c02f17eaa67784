"""The picture of a run: each figure where its share of the goal is, and valid XML whatever its name."""

from xml.etree import ElementTree as ET

from measured.figures import Figure, Goal
from measured.plot import drawn, share

SVG = "{http://www.w3.org/2000/svg}"


def figure(ours: float, *, limit: float, sooner: bool = False, name: str = "a write") -> Figure:
    goal = Goal(limit=limit, sooner=sooner)
    return Figure(name=name, ours_is="ours", theirs_is="theirs", ours=(ours,), theirs=(1.0,), goal=goal)


def test_at_the_goal_all_of_it_is_used() -> None:
    assert share(figure(2.0, limit=2), 2.0) == 1
    assert share(figure(0.5, limit=2, sooner=True), 2.0) == 1
    assert share(figure(0.5, limit=2, sooner=True), 4.0) == 0.5, "sooner than asked for"


def test_where_nothing_is_allowed_anything_is_at_the_goal() -> None:
    assert (share(figure(0.0, limit=0), 0.0), share(figure(3.0, limit=0), 3.0)) == (0.0, 1.0)


def test_better_is_farther_left_and_colours_tell_what_was_met() -> None:
    figures = [figure(1.0, limit=2), figure(3.0, limit=2), figure(1e9, limit=1), figure(0.0, limit=0)]
    root = ET.fromstring(drawn({"a suite": figures}))  # noqa: S314 - our own
    dots = root.findall(f"{SVG}circle")
    places = [float(dot.get("cx", "")) for dot in dots]
    assert places[0] < places[1] < places[2]
    assert places[3] == min(places)
    assert len({dot.get("fill") for dot in dots}) == 2
    width = float(root.get("viewBox", "").split()[2])
    assert all(0 <= place <= width for place in places)


def test_any_name_is_only_text() -> None:
    root = ET.fromstring(drawn({"<a> & b": [figure(1.0, limit=2, name="x < y & z")]}))  # noqa: S314 - our own
    words = [text.text or "" for text in root.findall(f"{SVG}text")]
    assert "<a> & b" in words
    assert any(text.startswith("x < y & z") for text in words)
