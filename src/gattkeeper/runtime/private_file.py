"""Files for their owner alone: locks, recordings, journals.

Knows a flag and a mode that Windows has not: files there are as private as their folder.
"""

import os
from pathlib import Path

_WHERE_KNOWN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a file of mode 0600. A symbolic link in its place is not followed. Raises OSError."""
    return os.open(path, flags | _WHERE_KNOWN, 0o600)
