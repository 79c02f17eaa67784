"""Whether a journal is what was written: its chain computed anew, and all that follows from its rows.

Knows one file. Segments, one after the other, are checked by going on from the head of the one before; that the
last rows are missing only a checkpoint shows (`checkpoints`).
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

from msgspec import Struct

from gattkeeper.errors import StorageError
from gattkeeper.storage import journal_file
from gattkeeper.storage.chain import Head, Row, Segment, carried, link, origin
from gattkeeper.storage.rows import COLUMN_LIST
from gattkeeper.storage.sqlite_faults import explain

ROWS_AT_ONCE = 1000
"""Rows between two calls of `on_progress`: about 2 ms. More at once do not stay in a processor's caches."""

_ROWS = f"SELECT {COLUMN_LIST} FROM journal ORDER BY seq"  # noqa: S608 - ours

_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"

_CARRIED = f"SELECT {COLUMN_LIST} FROM carried ORDER BY seq"  # noqa: S608 - ours

_CARRIED_KEYS = "SELECT idempotency_key, command_id, utc_us FROM carried_key ORDER BY idempotency_key"

_KNOWN = "(SELECT kind, command_id, body FROM carried UNION ALL SELECT kind, command_id, body FROM journal)"

# What the triggers keep must be what the rows say.
_KEPT_TABLES = {
    "open_command": f"SELECT command_id FROM {_KNOWN} WHERE kind = 'accepted'"  # noqa: S608 - made of the above
    f" EXCEPT SELECT command_id FROM {_KNOWN} WHERE kind = 'ended'",
    "unresolved_command": f"SELECT command_id FROM {_KNOWN} WHERE kind = 'ended'"  # noqa: S608 - the same
    " AND json_extract(CAST(body AS TEXT), '$.outcome.verdict') = 'unknown'"
    f" EXCEPT SELECT command_id FROM {_KNOWN} WHERE kind = 'resolved'",
}


class Flaw(Struct, frozen=True, kw_only=True):
    """The first thing that is not as it was written."""

    what: str  # for people
    seq: int | None = None  # the first bad row; None: it is no row, or nobody can say which


def verify(
    connection: sqlite3.Connection, *, after: Head | None = None, on_progress: Callable[[int], None] | None = None
) -> Head | Flaw:
    """Check a whole file; gives how far its chain goes, or the first flaw.

    `after` is the head of the segment before, which this one must go on from; None: it may begin anywhere, and
    what was before is not checked. `on_progress` is told the number of the last row looked at. Reads only; a long
    journal takes seconds to minutes.
    """
    try:
        return _verify(connection, after, on_progress)
    except sqlite3.Error as fault:
        return Flaw(what=f"the file cannot be read to its end: {explain(fault)}")
    except StorageError as fault:
        return Flaw(what=str(fault))


def _verify(
    connection: sqlite3.Connection, after: Head | None, on_progress: Callable[[int], None] | None
) -> Head | Flaw:
    segment = journal_file.segment_of(connection)
    if after is not None and (segment.first_seq, segment.previous_hash) != (after.seq + 1, after.hash):
        return Flaw(
            seq=segment.first_seq,
            what=f"it does not go on from row {after.seq} of the segment before: one is missing or was replaced",
        )
    if carried(connection.execute(_CARRIED), connection.execute(_CARRIED_KEYS)) != segment.carried_hash:
        return Flaw(what="what it carries over from the segment before is not as it was written")
    found = _verify_rows(_rows(connection), segment, on_progress)
    return found if isinstance(found, Flaw) else _verify_file(connection) or found


def _rows(connection: sqlite3.Connection) -> Iterator[list[Row]]:
    cursor = connection.execute(_ROWS)
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield rows


def _verify_rows(
    batches: Iterator[list[Row]], segment: Segment, on_progress: Callable[[int], None] | None
) -> Head | Flaw:
    begin = origin(segment)
    seq, last = begin.seq, begin.hash
    for batch in batches:
        for row in batch:
            seq += 1
            if row[0] != seq:
                return Flaw(seq=seq, what=f"row {seq} is missing: row {row[0]!r} stands in its place")
            last = link(last, row[:-1])
            if last != row[-1]:
                return Flaw(seq=seq, what=f"row {seq} is not as it was written, or a row before it was exchanged")
        if on_progress is not None:
            on_progress(seq)
    return Head(seq=seq, hash=last)


def _verify_file(connection: sqlite3.Connection) -> Flaw | None:
    """What is in the file besides the rows."""
    if _schema_of(connection) != _schema_ours():
        return Flaw(what="its tables, indexes or triggers are not a journal's: rows could be changed")
    for table, query in _KEPT_TABLES.items():
        if _kept(connection, table) != {command_id for (command_id,) in connection.execute(query)}:
            return Flaw(what=f"{table} does not say what the rows say")
    (sound,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return None if sound == "ok" else Flaw(what=f"the file is damaged: {sound}")


def _kept(connection: sqlite3.Connection, table: str) -> set[str]:
    return {command_id for (command_id,) in connection.execute(f"SELECT command_id FROM {table}")}  # noqa: S608 - ours


def _schema_of(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return connection.execute(_SCHEMA).fetchall()


def _schema_ours() -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(journal_file.schema())
        return _schema_of(fresh)
