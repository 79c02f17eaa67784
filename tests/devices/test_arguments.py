"""What people hand in: taken when it is clear, refused with a sentence when it is not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gattkeeper.devices.arguments import Meant, shown, takes, understand
from gattkeeper.model.profile import Choice, Integer, Number, Raw

PERCENT = Integer(min=0, max=100)
MODE = Choice(values={"heat": 1, "cool": 2})


@pytest.mark.parametrize("percent", [0, 1, 50, 99, 100])
@pytest.mark.parametrize("spelling", [int, float, str, lambda n: f" {n} ", lambda n: f"{n}.0", lambda n: f"+{n}"])
def test_every_spelling_of_a_whole_number_is_the_same(percent, spelling):
    assert understand(PERCENT, spelling(percent)) == Meant(value=percent, text=str(percent))


@pytest.mark.parametrize(
    "given",
    [101, -1, 73.5, "73.5", "abc", "", " ", None, math.nan, math.inf, -math.inf, "nan", "inf", True, False,
     "7_3", "١", "0x10", "1e1", "73%", 10**400, "9" * 5000, "--1"],
    ids=lambda value: shown(value),
)  # fmt: skip
def test_anything_else_is_refused_and_says_what_is_taken(given):
    with pytest.raises(ValueError, match="^takes a whole number from 0 to 100, not ") as caught:
        understand(PERCENT, given)
    assert len(str(caught.value)) < 100


def test_the_refusal_is_a_sentence():
    with pytest.raises(ValueError, match="^takes a whole number from 0 to 100, not 101$"):
        understand(PERCENT, 101)


@given(st.text() | st.floats() | st.integers() | st.none() | st.booleans())
def test_nothing_but_a_number_in_range_comes_through(given):
    try:
        meant = understand(PERCENT, given)
    except ValueError:
        return
    assert isinstance(meant.value, int)
    assert 0 <= meant.value <= 100


def test_a_number_may_have_a_fraction():
    assert understand(Number(min=5, max=30), "21.5") == Meant(value=21.5, text="21.5")


def test_a_word_is_one_of_those_that_there_are():
    assert understand(MODE, " cool ") == Meant(value=2, text="cool")
    for wrong in ("warm", None, 1, ""):
        with pytest.raises(ValueError, match="takes one of heat, cool, not"):
            understand(MODE, wrong)


def test_bytes_are_hex_digits_within_their_length():
    assert understand(Raw(length_max=2), "0A ff") == Meant(value=b"\x0a\xff", text="0aff")
    for wrong in ("", "0", "zz", "010203", None, 12):
        with pytest.raises(ValueError, match="takes 1 to 2 bytes as hex digits"):
            understand(Raw(length_max=2), wrong)


def test_an_action_without_argument_takes_none():
    assert understand(None, None) == Meant(value=None, text="")
    with pytest.raises(ValueError, match="^takes no argument, not 5$"):
        understand(None, 5)


def test_a_number_range_is_said_shortly():
    assert takes(Number(min=5.0, max=30.5)) == "a number from 5 to 30.5"


def test_what_is_shown_is_short():
    assert len(shown("x" * 1_000_000)) < 50
    assert shown(10**5000) == "a number that large"
    assert (shown(None), shown(True), shown(False)) == ("nothing", "true", "false")
