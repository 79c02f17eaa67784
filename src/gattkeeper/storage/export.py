"""Every row of a journal as lines of JSON, from which its chain can be computed again.

Knows the form of a line: `{"segment": {...}}` at the beginning of each file, then its rows with all their columns.
Hashes are hex digits, `body` is the stored text as one string. What is hashed stands in `chain`.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import asdict

from gattkeeper.errors import StorageError
from gattkeeper.storage import journal_file, segments
from gattkeeper.storage.chain import Segment
from gattkeeper.storage.query import readable
from gattkeeper.storage.rows import COLUMN_LIST, COLUMNS

ROWS_AT_ONCE = 2000
"""Rows between two calls of `on_progress`; a few milliseconds."""

_PAGE = f"SELECT {COLUMN_LIST} FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"  # noqa: S608 - ours

_encode = msgspec.json.Encoder().encode


def lines_of(journal: Path, *, on_progress: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Lines up to the row that is the last one when its file is opened, oldest first. Raises StorageError."""
    files = segments.files_of(journal) or [journal]
    for path in files:
        with readable(path, sealed=path != files[-1]) as connection:
            segment, last = journal_file.segment_of(connection), journal_file.head(connection).seq
            yield _segment_line(segment)
            yield from _rows(connection, segment.first_seq - 1, last, on_progress)


def _rows(
    connection: sqlite3.Connection, after: int, last: int, on_progress: Callable[[int], None] | None
) -> Iterator[bytes]:
    while rows := connection.execute(_PAGE, (after, last, ROWS_AT_ONCE)).fetchall():
        for *columns, body, hash_ in rows:
            try:
                text = body.decode()
            except UnicodeDecodeError as fault:
                raise StorageError(
                    f"row {columns[0]} of the journal is damaged ({fault}): keep a copy of the file itself"
                ) from fault
            yield _encode(dict(zip(COLUMNS, (*columns, text, hash_.hex()), strict=True))) + b"\n"
        after = rows[-1][0]
        if on_progress is not None:
            on_progress(after)


def _segment_line(segment: Segment) -> bytes:
    hashes = {"previous_hash": segment.previous_hash.hex(), "carried_hash": segment.carried_hash.hex()}
    return _encode({"segment": asdict(segment) | hashes}) + b"\n"
