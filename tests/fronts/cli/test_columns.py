"""Columns stay straight with letters that take two places, and lines stay inside a terminal."""

import pytest

from gattkeeper.fronts.cli.columns import fit, in_columns, places
from gattkeeper.fronts.cli.style import RED, Terminal


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("寝室", 4), ("e\u0301", 1), ("", 0)])
def test_places(text: str, width: int) -> None:
    assert places(text) == width


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("寝室の", 4, "寝…"), ("abc", 1, "…"), ("abc", 0, "")],
)
def test_fit(text: str, width: int, fitted: str) -> None:
    assert fit(text, width) == fitted
    assert places(fitted) <= width


def test_columns_begin_at_the_same_place() -> None:
    lines = in_columns([[("寝", ""), ("x", "")], [("long", ""), ("y", "")]], Terminal(), flexible=0)
    assert lines == ["寝    x", "long  y"]


def test_no_line_is_wider_than_the_terminal_while_the_rest_fits() -> None:
    rows = [[("1", ""), ("w" * 90, ""), ("v" * 90, "")]]
    (line,) = in_columns(rows, Terminal(tty=True, columns=60), flexible=1)
    assert places(line) <= 60
    assert line.startswith("1  wwwwwwwwwwwwwww…")


def test_what_is_no_terminal_gets_whole_lines() -> None:
    (line,) = in_columns([[("w" * 300, ""), ("v" * 90, "")]], Terminal(columns=60), flexible=0)
    assert len(line) == 392


def test_colour_takes_no_place() -> None:
    lines = in_columns([[("a", RED), ("x", "")], [("bb", ""), ("y", "")]], Terminal(color=True), flexible=0)
    assert lines == ["\x1b[31ma\x1b[0m   x", "bb  y"]
