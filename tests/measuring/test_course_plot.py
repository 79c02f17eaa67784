"""The picture of a course: a line from the left to the right, above a floor that is nought."""

from xml.etree import ElementTree as ET

from measured.course_plot import PANEL, WIDTH, drawn
from measured.figures import Course, Unit

SVG = "{http://www.w3.org/2000/svg}"


def lines(*courses: Course) -> tuple[ET.Element, list[list[tuple[float, float]]]]:
    root = ET.fromstring(drawn(courses))  # noqa: S314 - our own
    found = root.findall(f"{SVG}polyline")
    return root, [[tuple(map(float, one.split(","))) for one in each.get("points", "").split()] for each in found]


def test_what_doubles_is_twice_as_high_and_what_is_flat_is_flat() -> None:
    _, (rising, flat) = lines(
        Course(name="memory", step="hour", values=(1e6, 2e6), unit=Unit.BYTES),
        Course(name="files", step="hour", values=(9.0, 9.0, 9.0), unit=Unit.COUNT),
    )
    floor = PANEL - 24
    (_, low), (_, high) = rising
    assert floor - high == 2 * (floor - low) > 0
    assert len({y for _, y in flat}) == 1
    assert all(0 <= x <= WIDTH for x, _ in (*rising, *flat))


def test_a_course_without_anything_lies_on_its_floor() -> None:
    _, (line,) = lines(Course(name="losses", step="hour", values=(0.0, 0.0), unit=Unit.COUNT))
    assert {y for _, y in line} == {PANEL - 24}


def test_names_and_units_are_told_whatever_they_hold() -> None:
    root, _ = lines(Course(name="<a> & b", step="hour", values=(1e6, 5.5e7), unit=Unit.BYTES))
    words = [text.text for text in root.findall(f"{SVG}text")]
    assert words == ["<a> & b", "55.0 MB", "0", "hour 1", "hour 2"]
