"""The journal's file: made, recognised, and opened so that a commit is on the disk.

Knows what makes a file ours and which settings make it durable. Rows stand in `rows` and `writer`.
"""

import os
import secrets
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec.structs import astuple

from gattkeeper.errors import StorageError
from gattkeeper.runtime.private_file import open_private
from gattkeeper.storage.chain import Head, Row, Segment, origin
from gattkeeper.storage.clock import wall_us
from gattkeeper.storage.sqlite_faults import explain

APPLICATION_ID = 0x47415454
"""`application_id` in schema.sql."""

SCHEMA_VERSION = 3
"""`user_version` in schema.sql: the one schema known here."""

ROOM_MIN = 64_000
"""Bytes that must fit on the disk before a journal counts as one that can be written again: a few rows' pages."""

BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for another program that holds the file (a backup, a shell)."""

_MAGIC = b"SQLite format 3\0"
_HEADER_LENGTH = 100  # https://www.sqlite.org/fileformat2.html, 1.3
_APPLICATION_ID_AT = slice(68, 72)
_SYNCHRONOUS_FULL = 2


def prepare(path: Path) -> None:
    """Make the journal where there is none; refuse what is not one. The caller holds the lock.

    A file that is not ours is read here, byte by byte, and never given to SQLite: opening it there
    could already change it. Raises StorageError.
    """
    try:
        if path.exists() and path.stat().st_size:
            _check_ours(path)
        else:
            create(path, _first_segment(), {})
    except (OSError, sqlite3.Error) as fault:
        raise StorageError(f"the journal {path} cannot be opened: {explain(fault)}") from fault


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open what `prepare` has seen to; a connection that writes is durable, or refused.

    The connection may be used by any thread, one at a time. Raises StorageError.
    """
    connection = _connect(path, mode="ro" if read_only else "rw")
    try:
        _check_schema(connection)
        if not read_only:
            make_durable(connection)
    except sqlite3.Error as fault:
        connection.close()
        raise StorageError(f"the journal {path} cannot be opened: {explain(fault)}") from fault
    except StorageError as fault:
        connection.close()
        raise StorageError(f"the journal {path} cannot be used: {fault}") from fault
    return connection


def open_as_it_is(path: Path, *, sealed: bool = False) -> sqlite3.Connection:
    """Open a journal to look at it, whatever is wrong inside. Raises StorageError where there is none.

    A `sealed` one is promised not to change: then its folder may be one that cannot be written either.
    """
    try:
        _check_ours(path)
    except OSError as fault:
        raise StorageError(f"the journal {path} cannot be read: {fault.strerror}") from fault
    return _connect(path, mode="ro&immutable=1" if sealed else "ro")


def _connect(path: Path, *, mode: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"file:{quote(os.fsencode(path))}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,  # transactions are begun and ended where they are meant
            check_same_thread=False,
        )
    except sqlite3.Error as fault:
        raise StorageError(f"the journal {path} cannot be opened: {explain(fault)}") from fault


def make_durable(connection: sqlite3.Connection) -> None:
    """Ask for WAL and `synchronous=FULL`, and believe it only when it reads back.

    Raises StorageError when the file system, or SQLite as it was built, does not do it.
    """
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: without it a sync ends in the disk's own cache
    (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    if mode != "wal" or synchronous != _SYNCHRONOUS_FULL:
        raise StorageError(
            f"its file system cannot keep it safe (journal_mode {mode}, synchronous {synchronous});"
            " put it on a local disk"
        )


def _check_ours(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(_HEADER_LENGTH)
    ours = APPLICATION_ID.to_bytes(4, "big")
    if not header.startswith(_MAGIC) or header[_APPLICATION_ID_AT] != ours:
        raise StorageError(f"{path} is not a gattkeeper journal and was left as it is: use another path")


def _check_schema(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"it was written by a newer gattkeeper (schema {version}, known here up to {SCHEMA_VERSION});"
            " upgrade gattkeeper, or use another path"
        )
    if version < SCHEMA_VERSION:
        raise StorageError(
            f"it was written by an older gattkeeper (schema {version}, known here"
            f" {SCHEMA_VERSION}); keep it as it is under another name, and a new one is made"
        )
    head(connection)


def segment_of(connection: sqlite3.Connection) -> Segment:
    """What the file begins with. Raises StorageError where that is gone."""
    found = connection.execute(
        "SELECT number, first_seq, install_id, made_utc_us, previous_hash, carried_hash FROM segment"
    ).fetchone()
    if found is None:
        raise StorageError("its beginning is gone: restore it from a copy, or use another path")
    try:
        return msgspec.convert(dict(zip(Segment.__struct_fields__, found, strict=True)), Segment)
    except msgspec.ValidationError as fault:
        raise StorageError(f"its beginning is damaged ({fault}): restore it from a copy") from fault


def head(connection: sqlite3.Connection) -> Head:
    """Where the chain stands: at the last row, or at the file's beginning. It is believed, not computed."""
    last = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(seq=last[0], hash=last[1]) if last else origin(segment_of(connection))


def hash_of(connection: sqlite3.Connection, seq: int) -> str:
    """The hash that a row of this file has, as hex digits; empty where there is no such row."""
    found = connection.execute("SELECT hash FROM journal WHERE seq = ?", (seq,)).fetchone()
    return found[0].hex() if found else ""


def schema() -> str:
    """What makes the tables of a journal, as SQL."""
    return Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")


def _first_segment() -> Segment:
    return Segment(number=1, first_seq=1, install_id=secrets.token_hex(16), made_utc_us=wall_us())


def create(path: Path, segment: Segment, carried: Mapping[str, Sequence[Row]]) -> None:
    """Make a file with its beginning and what it carries, by table; it is there, durable and whole, or not at all.

    Raises StorageError, OSError or sqlite3.Error.
    """
    wal = path.with_name(path.name + "-wal")
    if wal.exists():
        # SQLite would take its rows for those of the new file.
        raise StorageError(f"{path} is gone but {wal} is there: restore the one, or move the other away")
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)  # of a process that died here
    os.close(open_private(new, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    with closing(sqlite3.connect(new, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(schema())
        connection.execute("BEGIN")
        for table, rows in carried.items():
            if rows:
                connection.executemany(f"INSERT INTO {table} VALUES ({_marks(rows[0])})", rows)  # noqa: S608 - ours
        beginning = astuple(segment)
        connection.execute(f"INSERT INTO segment VALUES ({_marks(beginning)})", beginning)  # noqa: S608 - ours
        connection.execute("COMMIT")
    new.replace(path)
    sync_folder(path.parent)


def empty_log(connection: sqlite3.Connection) -> None:
    """Move all that SQLite has in its log into the file, and have the log empty on the disk too.

    A log of which a part came back after a power cut would be taken for newer than the file. Raises StorageError
    while somebody reads an older state, sqlite3.Error or OSError.
    """
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StorageError("another program reads it: close that")
    (_, _, path) = connection.execute("PRAGMA database_list").fetchone()
    descriptor = os.open(f"{path}-wal", os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def try_out(connection: sqlite3.Connection, path: Path) -> None:
    """In a transaction: have a page written that says what it said before, and see that there is room for more.

    Raises StorageError, OSError or sqlite3.Error.
    """
    trial = path.with_name(path.name + ".trial")
    trial.unlink(missing_ok=True)  # of a process that died here
    descriptor = open_private(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        if os.write(descriptor, bytes(ROOM_MIN)) < ROOM_MIN:
            raise StorageError("there is hardly any room: free space on its disk")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        trial.unlink()
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _marks(row: Sequence[object]) -> str:
    return ", ".join("?" * len(row))


def sync_folder(folder: Path) -> None:
    """Make names in a folder as durable as what they name. Raises OSError."""
    if sys.platform != "win32":  # which opens no folders
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
