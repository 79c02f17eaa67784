"""What the verbs of `gattkeeper audit` show while they work.

Knows the terminal of this process.
"""

import sys
from time import monotonic

PROGRESS_S = 0.5
"""How often a terminal is told how far it got."""


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
