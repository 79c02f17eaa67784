"""Tables become structs, and everything that is wrong is told at once."""

from enum import Enum
from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct

from gattkeeper.devices.tables import MESSAGE_LENGTH_MAX, near_miss, phrase, read_struct
from gattkeeper.devices.toml_file import Problem


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Hex(Struct, frozen=True):
    value: int


class Square(Struct, frozen=True, kw_only=True, tag_field="form", tag="square"):
    side: int


class Circle(Struct, frozen=True, kw_only=True, tag_field="form", tag="circle"):
    radius: float


class Thing(Struct, frozen=True, kw_only=True):
    name: str
    count: Annotated[int, Meta(ge=0, le=9)] = 1
    size: float = 1.0
    colour: Colour = Colour.RED
    words: tuple[str, ...] = ()
    code: Hex | None = None
    shape: Square | Circle | None = None
    shapes: dict[str, Square | Circle] = {}
    inner: "Inner | None" = None


class Inner(Struct, frozen=True, kw_only=True):
    flag: bool = False


def _hex(value: object) -> Hex:
    return Hex(int(str(value), 16))


def read(table):
    problems: list[Problem] = []
    return read_struct(table, Thing, {Hex: _hex}, problems), [(problem.at, problem.text) for problem in problems]


def test_a_good_table_becomes_its_struct():
    thing, problems = read(
        {
            "name": "x",
            "size": 2,
            "colour": "blue",
            "words": ["a", "b"],
            "code": "ff",
            "shape": {"form": "circle", "radius": 1.5},
            "shapes": {"one": {"form": "square", "side": 2}},
            "inner": {"flag": True},
        }
    )
    assert problems == []
    assert thing == Thing(
        name="x",
        size=2.0,
        colour=Colour.BLUE,
        words=("a", "b"),
        code=Hex(255),
        shape=Circle(radius=1.5),
        shapes={"one": Square(side=2)},
        inner=Inner(flag=True),
    )


@pytest.mark.parametrize(
    ("table", "at", "text"),
    [
        ({"count": 10}, ("count",), "count takes a whole number from 0 to 9, not 10"),
        ({"count": True}, ("count",), "count takes a whole number from 0 to 9, not true"),
        ({"count": 1.5}, ("count",), "count takes a whole number from 0 to 9, not 1.5"),
        ({"count": 10**30}, ("count",), "count takes a whole number from 0 to 9, not a number that large"),
        ({"size": float("nan")}, ("size",), "size takes a number, not nan"),
        ({"size": float("inf")}, ("size",), "size takes a number, not inf"),
        ({"colour": "green"}, ("colour",), "colour takes one of red, blue, not 'green'"),
        ({"words": "a"}, ("words",), "words takes a list of text in quotes, not 'a'"),
        ({"words": [1]}, ("words",), "words takes a list of text in quotes, not [1]"),
        ({"code": "xy"}, ("code",), "code: invalid literal for int() with base 16: 'xy'"),
        ({"inner": 1}, ("inner",), "inner takes a table of keys, not 1"),
        ({"inner": {"flag": 1}}, ("inner", "flag"), "flag takes true or false, not 1"),
        ({"shape": {"form": "oval"}}, ("shape", "form"), "form takes one of square, circle, not 'oval'"),
        ({"shape": {}}, ("shape", "form"), "form takes one of square, circle, not nothing"),
        ({"shape": 1}, ("shape",), "shape takes a table of keys, not 1"),
        ({"shapes": 1}, ("shapes",), "shapes takes a table of keys, not 1"),
        ({"shapes": {"a": {"form": "square"}}}, ("shapes", "a"), "side is missing in a"),
        ({"cuont": "secret"}, ("cuont",), "unknown key 'cuont'; did you mean count?"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_value_that_is_wrong_is_named_with_what_is_taken(table, at, text):
    thing, problems = read({"name": "x", **table})
    assert problems == [(at, text)]
    assert thing is not None  # what else there is can still be checked


def test_everything_is_told_at_once():
    thing, problems = read({"count": "a", "size": "b", "zzz": 1})
    assert thing is None
    assert [at for at, _ in problems] == [("zzz",), (), ("count",), ("size",)]


def test_a_key_like_no_other_gets_the_list():
    _, problems = read({"name": "x", "zzz": 1})
    assert problems == [
        (("zzz",), "unknown key 'zzz'; there are name, count, size, colour, words, code, shape, shapes, inner")
    ]


def test_what_a_parser_says_is_kept_short():
    _, problems = read({"name": "x", "code": "z" * 100_000})
    assert len(problems[0][1]) <= MESSAGE_LENGTH_MAX + len("code: ")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Annotated[float, Meta(gt=0, le=5)], "a number of more than 0 and at most 5"),
        (Literal["a", "b"], "one of a, b"),
        (bool | str, "true or false or text in quotes"),
        (dict[str, int], "a table that gives each word a whole number"),
        (int | None, "a whole number"),
    ],
    ids=str,
)
def test_types_are_said_in_words(wanted, words):
    assert phrase(wanted) == words


def test_a_near_miss_is_found_and_a_long_word_costs_nothing():
    assert near_miss("lonuge", ["kitchen", "lounge"]) == "lounge"
    assert near_miss("x" * 1_000_000, ["kitchen"]) == ""
