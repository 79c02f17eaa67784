"""Moments as people say them, and as they are shown: always UTC.

Knows words and ISO 8601. Which clock wrote a row is the journal's business.
"""

import re
from datetime import UTC, datetime, timedelta

from gattkeeper.errors import UsageError

SECOND_US = 1_000_000

_LENGTHS_S = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

_AGO = re.compile(r"(\d{1,6})\s*(s|min|h|d|w)(?:\s+ago)?", re.ASCII)


def moment_us(text: str, now_us: int) -> int:
    """Microseconds since 1970: "2 h ago", "today", "yesterday", "2026-11-21", "2026-11-21T10:00+01:00".

    What names no zone is UTC, as all that is shown. Raises UsageError.
    """
    said = text.strip()
    now = datetime.fromtimestamp(now_us // SECOND_US, tz=UTC)
    midnight = now.replace(hour=0, minute=0, second=0)
    if said in ("today", "yesterday"):
        return _us(midnight - timedelta(days=said == "yesterday"))
    if ago := _AGO.fullmatch(said):
        return now_us - int(ago[1]) * _LENGTHS_S[ago[2]] * SECOND_US
    try:
        at = datetime.fromisoformat(said)
        return _us(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!a} is no moment: say 2026-11-21, 2026-11-21T10:00, 2 h ago (s, min, h, d, w), today, yesterday"
        ) from None


def utc_text(utc_us: int) -> str:
    """ISO 8601 in milliseconds; the number itself where there is no such date."""
    try:
        at = datetime.fromtimestamp(utc_us // SECOND_US, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return f"{utc_us} us"
    return f"{at:%Y-%m-%dT%H:%M:%S}.{utc_us % SECOND_US // 1000:03}Z"


def _us(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
