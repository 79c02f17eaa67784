"""When a segment of the journal is full, what the next one begins with, and which old ones may go.

Knows rules and the two files concerned. Who calls it when stands in `writer` and `journal`.
"""

import contextlib
import sqlite3
from pathlib import Path

from msgspec import Struct

from gattkeeper.errors import StorageError
from gattkeeper.model.record import SegmentDeleted
from gattkeeper.storage import chain, journal_file, segments
from gattkeeper.storage.chain import Row, Segment
from gattkeeper.storage.rows import COLUMN_LIST
from gattkeeper.storage.writer import NextFile

DAY_US = 24 * 3600 * 1_000_000

KEY_LIFETIME_US = DAY_US
"""How long an idempotency key is found at least: as long as the longest deadline (`model.command`)."""

MEGABYTE = 1_000_000

_NEEDED = "SELECT command_id FROM open_command UNION SELECT command_id FROM unresolved_command"

_ROWS = f"""
    SELECT {COLUMN_LIST} FROM carried WHERE command_id IN ({_NEEDED})
    UNION ALL SELECT {COLUMN_LIST} FROM journal WHERE command_id IN ({_NEEDED})
    ORDER BY seq
"""  # noqa: S608 - made of what stands above

# max() makes SQLite take the other columns from the same row (https://www.sqlite.org/lang_select.html, 2.5).
_KEYS = """
    SELECT idempotency_key, command_id, max(utc_us) FROM (
        SELECT idempotency_key, command_id, utc_us FROM carried_key WHERE utc_us >= ?1
        UNION ALL SELECT idempotency_key, command_id, utc_us FROM journal
        WHERE idempotency_key IS NOT NULL AND utc_us >= ?1)
    GROUP BY idempotency_key ORDER BY idempotency_key
"""


class SegmentRules(Struct, frozen=True, kw_only=True):
    """How long files get, and how long they are kept. 0: no limit."""

    size_max: int = 64 * MEGABYTE  # bytes of one file; the next begins when it has so many
    kept_size_max: int = 0  # bytes of all sealed files together
    kept_us: int = 0  # how long after its end a sealed file is kept


def is_full(connection: sqlite3.Connection, rules: SegmentRules) -> bool:
    """Whether the next row belongs into a new file. Asked in a transaction it needs no lock of its own."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    return bool(rules.size_max and pages * page >= rules.size_max)


def begin_next(connection: sqlite3.Connection, journal: Path, *, utc_us: int) -> Path:
    """Make the file that follows the one this connection writes, durable and whole, and give its path.

    From then on the old one must not be written. Raises sqlite3.Error, OSError or StorageError; then there is no
    new file, and the old one goes on.
    """
    before, head = journal_file.segment_of(connection), journal_file.head(connection)
    rows: list[Row] = connection.execute(_ROWS).fetchall()
    keys: list[Row] = connection.execute(_KEYS, (utc_us - KEY_LIFETIME_US,)).fetchall()
    segment = Segment(
        number=before.number + 1,
        first_seq=head.seq + 1,
        install_id=before.install_id,
        made_utc_us=utc_us,
        previous_hash=head.hash,
        carried_hash=chain.carried(rows, keys),
    )
    tables = {
        "carried": rows,
        "carried_key": keys,
        "open_command": connection.execute("SELECT command_id, seq FROM open_command").fetchall(),
        "unresolved_command": connection.execute("SELECT command_id, seq FROM unresolved_command").fetchall(),
    }
    path = segments.file_of(journal, segment.number)
    journal_file.create(path, segment, tables)
    return path


def next_file(connection: sqlite3.Connection, journal: Path, *, utc_us: int, at_once: bool = False) -> NextFile:
    """The file to go on in after the one that this connection writes, open. Raises as above.

    `at_once`: that one is not full, but can be trusted no more with another row.
    """
    if at_once:
        journal_file.empty_log(connection)
    path = begin_next(connection, journal, utc_us=utc_us)
    with contextlib.ExitStack() as undo:
        undo.callback(path.unlink)
        fresh = journal_file.connect(path, read_only=False)
        undo.callback(fresh.close)
        reader = journal_file.connect(path, read_only=True)
        undo.pop_all()
    return NextFile(path=path, connection=fresh, reader=reader)


def file_to_write(journal: Path) -> Path:
    """Which file to go on in at a start; it may not be there yet. Raises StorageError.

    A file that was begun by a process which then wrote to the one before all the same is taken away: there is
    nothing in it.
    """
    files = segments.files_of(journal) or [journal]
    if len(files) == 1:
        return files[0]
    before, last = files[-2:]
    begun, ended = segments.look_into(last), segments.look_into(before)
    if begun.segment.first_seq == ended.head.seq + 1 and begun.segment.previous_hash == ended.head.hash:
        return last
    if begun.head.seq >= begun.segment.first_seq:
        raise StorageError(f"{last} does not go on from {before}: restore one of them from a copy")
    last.unlink()
    return before


def deletable(journal: Path, rules: SegmentRules, *, utc_us: int) -> list[tuple[Path, SegmentDeleted]]:
    """The sealed files that the rules do not keep, oldest first, each with the row that says so.

    Always the oldest: what is kept has no gaps. Raises StorageError.
    """
    sealed = segments.files_of(journal)[:-1]
    sizes = [path.stat().st_size for path in sealed]
    gone: list[tuple[Path, SegmentDeleted]] = []
    for index, path in enumerate(sealed):
        why = _why_gone(path, sum(sizes[index:]), rules, utc_us)
        if not why:
            break
        known = segments.look_into(path)
        row = SegmentDeleted(
            number=known.segment.number,
            first_seq=known.segment.first_seq,
            last_seq=known.head.seq,
            last_hash=known.head.hash.hex(),
            why=why,
        )
        gone.append((path, row))
    return gone


def _why_gone(path: Path, kept_size: int, rules: SegmentRules, utc_us: int) -> str:
    """Empty when the file is kept. Its last change is its last row."""
    if rules.kept_size_max and kept_size > rules.kept_size_max:
        return f"sealed files took {kept_size} bytes, and {rules.kept_size_max} are kept"
    age_us = utc_us - path.stat().st_mtime_ns // 1000
    if rules.kept_us and age_us > rules.kept_us:
        return f"its last row is {age_us / DAY_US:.1f} days old, and {rules.kept_us / DAY_US:g} are kept"
    return ""
