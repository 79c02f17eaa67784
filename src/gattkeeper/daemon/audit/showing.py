"""What the verbs of `gattkeeper audit` show while they work, and on what.

Knows the terminal of this process.
"""

import os
import shutil
import sys
from time import monotonic

from gattkeeper.fronts.cli.style import Terminal

PROGRESS_S = 0.5
"""How often a terminal is told how far it got."""


def terminal_here() -> Terminal:
    """What this process's stdout can show."""
    tty = sys.stdout.isatty()
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Terminal(tty=tty, color=tty and not plain, columns=shutil.get_terminal_size().columns)


class Progress:
    """A line on the terminal that is written over. `doing`: what is done, up to a row or down to one."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._shown = False
        self._next_at = monotonic() + PROGRESS_S

    def __call__(self, seq: int) -> None:
        """It got to the row `seq`."""
        if monotonic() >= self._next_at and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{self._doing} row {seq}")
            sys.stderr.flush()
            self._shown = True
            self._next_at = monotonic() + PROGRESS_S

    def clear(self) -> None:
        """Something else is written now."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False
