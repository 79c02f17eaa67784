"""How text looks on a terminal: glyphs, colours, lengths of time.

Knows nothing of commands beyond their verdicts.
"""

import os
import shutil
import sys

from msgspec import Struct

from gattkeeper.model.outcome import Cause, Outcome, Verdict

COLUMNS_MIN = 40
COLUMNS_MAX = 200

RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, GREY = "31", "32", "33", "34", "35", "36", "90"

_VERDICTS: dict[Verdict, tuple[str, str]] = {
    Verdict.DELIVERED: ("✓", GREEN),
    Verdict.SENT: ("→", GREEN),
    Verdict.NOT_DELIVERED: ("✗", RED),
    Verdict.UNKNOWN: ("?", YELLOW),
}


class Terminal(Struct, frozen=True, kw_only=True):
    """What the other end can show."""

    tty: bool = False  # progress lines are welcome
    color: bool = False
    columns: int = 80

    @property
    def width(self) -> int:
        """Columns within reason."""
        return max(COLUMNS_MIN, min(COLUMNS_MAX, self.columns))


def terminal_here(*, columns_elsewhere: int = 80) -> Terminal:
    """What this process's stdout can show; so many columns where it is no terminal."""
    tty = sys.stdout.isatty()
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    columns = shutil.get_terminal_size((columns_elsewhere, 24)).columns
    return Terminal(tty=tty, color=tty and not plain, columns=columns)


def paint(text: str, code: str, terminal: Terminal) -> str:
    """The text in a colour, where colours are shown."""
    return f"\x1b[{code}m{text}\x1b[0m" if terminal.color and text else text


def clean(text: str) -> str:
    """Text from the air, a stack or a caller, without anything that steers a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def glyph_of(outcome: Outcome) -> tuple[str, str]:
    """The sign and the colour of an outcome."""
    if outcome.cause is Cause.SUPERSEDED:
        return "»", GREY
    if outcome.cause is Cause.CANCELLED:
        return "-", GREY
    if outcome.cause is Cause.STOPPED:
        return "■", RED
    return _VERDICTS[outcome.verdict]


def verdict_word(outcome: Outcome) -> str:
    """The verdict in people's words; the two that somebody asked for by their own names."""
    if outcome.cause in (Cause.SUPERSEDED, Cause.CANCELLED, Cause.STOPPED):
        return str(outcome.cause.value)
    return str(outcome.verdict.value).replace("_", " ")


def seconds_text(length_us: int) -> str:
    """A length of time as people read it: 850 µs, 12 ms, 1.84 s, 12.4 s, 3 min 5 s."""
    if length_us < 1000:
        return f"{length_us} µs"
    if length_us < 999_500:
        return f"{length_us / 1000:.0f} ms"
    if length_us < 9_995_000:
        return f"{length_us / 1e6:.2f} s"
    if length_us < 59_950_000:
        return f"{length_us / 1e6:.1f} s"
    minutes, rest = divmod(round(length_us / 1e6), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def shorten(text: str, width: int) -> str:
    """The text in at most `width` columns."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
