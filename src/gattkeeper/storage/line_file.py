"""Files of lines that only grow: a line is there whole and durable, or not at all.

Knows appending and a torn end. What the lines say is none of its business.
"""

import os
from pathlib import Path

from gattkeeper.runtime.private_file import open_private
from gattkeeper.storage.journal_file import sync_folder

_CHUNK = 65_536


def append(path: Path, lines: bytes) -> None:
    """Add whole lines and sync them; the file is made with mode 0600. Raises OSError, after which none was added.

    What stands behind the last line break is of a write that was cut short, and is taken away.
    """
    made = not path.exists()
    descriptor = open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        end = _end_of_lines(descriptor)
        os.ftruncate(descriptor, end)
        try:
            _write(descriptor, lines, end)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, end)
            raise
    finally:
        os.close(descriptor)
    if made:
        sync_folder(path.parent)


def read_from(path: Path, offset: int) -> bytes:
    """The whole lines behind `offset`; all of them when the file is shorter than that. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(offset if offset <= size else 0)
        found = file.read()
    return found[: found.rfind(b"\n") + 1]


def _write(descriptor: int, lines: bytes, at: int) -> None:
    os.lseek(descriptor, at, os.SEEK_SET)
    while lines:
        lines = lines[os.write(descriptor, lines) :]


def _end_of_lines(descriptor: int) -> int:
    """Behind the last line break."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    while end:
        begin = max(0, end - _CHUNK)
        os.lseek(descriptor, begin, os.SEEK_SET)
        found = os.read(descriptor, end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0
