"""Moments are understood as people say them, in UTC."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gattkeeper.daemon.audit.moments import moment_us, utc_text
from gattkeeper.errors import UsageError

NOW_US = 1_795_267_800_000_000  # 2026-11-21T13:30:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21", "2026-11-21T00:00:00.000Z"),
        ("2026-11-21T10:00", "2026-11-21T10:00:00.000Z"),
        ("2026-11-21 10:00:00.5", "2026-11-21T10:00:00.500Z"),
        ("2026-11-21T10:00+01:00", "2026-11-21T09:00:00.000Z"),
        ("2026-11-21T10:00Z", "2026-11-21T10:00:00.000Z"),
        ("1969-12-31", "1969-12-31T00:00:00.000Z"),
        ("today", "2026-11-21T00:00:00.000Z"),
        ("yesterday", "2026-11-20T00:00:00.000Z"),
        ("2 h ago", "2026-11-21T11:30:00.000Z"),
        ("90min", "2026-11-21T12:00:00.000Z"),
        ("1 w", "2026-11-14T13:30:00.000Z"),
        (" 30 s ago ", "2026-11-21T13:29:30.000Z"),
    ],
)
def test_what_people_say(text: str, expected: str) -> None:
    assert utc_text(moment_us(text, NOW_US)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-13-01", "10:00", "2 years ago", "-2 h", "9999999 d", "٢ h", "0001-01-01T00:00+23:59x"],
)
def test_what_is_no_moment_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="is no moment: say 2026-11-21"):
        moment_us(text, NOW_US)


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_any_number_of_a_row_can_be_shown(utc_us: int) -> None:
    assert utc_text(utc_us).endswith(("Z", " us"))


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_what_is_shown_is_understood(ms: int) -> None:
    assert moment_us(utc_text(ms * 1000), NOW_US) == ms * 1000
