"""Glyphs, colours and lengths of time."""

import pytest

from fronts.cli.story import outcome
from gattkeeper.fronts.cli.style import (
    Terminal,
    clean,
    glyph_of,
    paint,
    seconds_text,
    shorten,
    terminal_here,
    verdict_word,
)


@pytest.mark.parametrize(
    ("length_us", "text"),
    [
        (0, "0 µs"),
        (850, "850 µs"),
        (12_400, "12 ms"),
        (999_499, "999 ms"),
        (999_500, "1.00 s"),
        (1_840_000, "1.84 s"),
        (12_400_000, "12.4 s"),
        (59_949_000, "59.9 s"),
        (59_960_000, "1 min 0 s"),
        (185_000_000, "3 min 5 s"),
        (7_500_000_000, "2 h 5 min"),
    ],
)
def test_lengths_of_time(length_us, text):
    assert seconds_text(length_us) == text


@pytest.mark.parametrize(
    ("verdict", "cause", "glyph", "word"),
    [
        ("delivered", "acknowledged", "✓", "delivered"),
        ("sent", "accepted_locally", "→", "sent"),
        ("not_delivered", "rejected", "✗", "not delivered"),
        ("unknown", "timed_out_in_flight", "?", "unknown"),
        ("not_delivered", "superseded", "»", "superseded"),
        ("not_delivered", "cancelled", "-", "cancelled"),
        ("not_delivered", "stopped", "■", "stopped"),
    ],
)
def test_each_ending_has_its_sign_and_its_word(verdict, cause, glyph, word):
    ended = outcome("c1", verdict, cause)
    assert (glyph_of(ended)[0], verdict_word(ended)) == (glyph, word)


def test_paint_is_for_those_who_want_it():
    assert paint("x", "31", Terminal(color=True)) == "\x1b[31mx\x1b[0m"
    assert paint("x", "31", Terminal()) == "x"


def test_nothing_from_outside_steers_the_terminal():
    assert clean("a\x1b[2J\r\n\x9bé\u202e") == "a?[2J???é?"


def test_shortened_text_fits():
    assert (shorten("abc", 3), shorten("abcd", 3), shorten("abcd", 0)) == ("abc", "ab…", "…")


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_are_left_out_where_they_are_unwelcome(monkeypatch, variable):
    assert not terminal_here().tty
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert terminal_here().color
    monkeypatch.setenv(*variable)
    assert not terminal_here().color
