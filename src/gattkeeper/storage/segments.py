"""The files of a journal: `journal.db`, then `journal-000002.db` and so on. All but the last are sealed.

Knows names, and how a sealed file is read. When a new one begins, and what it carries over, stands in `rotation`.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from gattkeeper.errors import StorageError
from gattkeeper.storage import journal_file
from gattkeeper.storage.chain import Head, Segment
from gattkeeper.storage.sqlite_faults import explain

_NUMBER = re.compile(r"-([0-9]{6,})")

_SEALED_MODE = 0o400


class Sealed(Struct, frozen=True, kw_only=True):
    """A file that nobody writes any more."""

    path: Path
    segment: Segment
    head: Head  # its last row


def file_of(journal: Path, number: int) -> Path:
    """The name of a segment; the first one has the journal's own."""
    return journal if number == 1 else journal.with_name(f"{journal.stem}-{number:06}{journal.suffix}")


def files_of(journal: Path) -> list[Path]:
    """Those that are there, oldest first. Raises StorageError when their folder cannot be read."""
    try:
        names = [path.name for path in journal.parent.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as fault:
        raise StorageError(f"the folder {journal.parent} cannot be read: {fault.strerror}") from fault
    numbers = sorted(number for number in (number_of(journal, name) for name in names) if number)
    return [file_of(journal, number) for number in numbers]


def gaps_of(journal: Path) -> list[Path]:
    """Files that should be between those that are there. Raises StorageError like `files_of`."""
    files = files_of(journal)
    numbers = [number_of(journal, file.name) for file in files]
    between = range(min(numbers, default=1), max(numbers, default=1))
    return [file_of(journal, number) for number in between if number not in numbers]


def newest(journal: Path) -> Path:
    """The file to write: the last one, or the first where there is none yet. Raises StorageError."""
    return next(reversed(files_of(journal)), journal)


def number_of(journal: Path, name: str) -> int:
    """Which segment this is the name of; 0 for other files."""
    if name == journal.name:
        return 1
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
    match = _NUMBER.fullmatch(stem.removeprefix(journal.stem)) if stem.startswith(journal.stem) else None
    number = int(match[1]) if match and suffix == journal.suffix else 0
    return number if number > 1 and file_of(journal, number).name == name else 0


def read(path: Path) -> sqlite3.Connection:
    """Open a sealed file to look things up, also from a medium that cannot be written. Raises StorageError."""
    return journal_file.open_as_it_is(path, sealed=not path.with_name(path.name + "-wal").exists())


def sealed_files(journal: Path) -> Iterator[Path]:
    """All but the one that is written, newest first."""
    yield from reversed(files_of(journal)[:-1])


def look_into(path: Path) -> Sealed:
    """What a sealed file begins and ends with. Raises StorageError."""
    try:
        with closing(read(path)) as connection:
            return Sealed(
                path=path, segment=journal_file.segment_of(connection), head=journal_file.head(connection)
            )
    except sqlite3.Error as fault:
        raise StorageError(f"{path} cannot be read: {explain(fault)}") from fault


def seal(path: Path) -> None:
    """Move what SQLite still has in its log into the file, and take the right to write it away.

    For files that nobody writes. Raises StorageError at once while another program reads an older state of it,
    OSError or sqlite3.Error: then it is not sealed, and the next start or file does it again.
    """
    if path.stat().st_mode & 0o777 == _SEALED_MODE and not path.with_name(path.name + "-wal").exists():
        return
    path.chmod(0o600)
    with closing(journal_file.connect(path, read_only=False)) as connection:
        connection.execute("PRAGMA busy_timeout = 0")  # rows of commands wait behind this
        journal_file.empty_log(connection)
    path.chmod(_SEALED_MODE)
