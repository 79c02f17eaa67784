"""The journal's file: made, recognised, and opened so that a commit is on the disk.

Knows what makes a file ours and which settings make it durable. Rows stand in `rows` and `writer`.
"""

import os
import sqlite3
import sys
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from gattkeeper.errors import StorageError
from gattkeeper.runtime.private_file import open_private
from gattkeeper.storage.sqlite_faults import explain

APPLICATION_ID = 0x47415454
"""`application_id` in schema.sql."""

SCHEMA_VERSION = 1
"""`user_version` in schema.sql: the newest schema known here."""

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
            _create(path)
    except (OSError, sqlite3.Error) as fault:
        raise StorageError(f"the journal {path} cannot be opened: {explain(fault)}") from fault


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Open what `prepare` has seen to; a connection that writes is durable, or refused.

    The connection may be used by any thread, one at a time. Raises StorageError.
    """
    mode = "ro" if read_only else "rw"
    try:
        connection = sqlite3.connect(
            f"file:{quote(os.fsencode(path))}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,  # transactions are begun and ended where they are meant
            check_same_thread=False,
        )
    except sqlite3.Error as fault:
        raise StorageError(f"the journal {path} cannot be opened: {explain(fault)}") from fault
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
    connection.execute("SELECT max(seq) FROM journal").fetchone()


def _create(path: Path) -> None:
    wal = path.with_name(path.name + "-wal")
    if wal.exists():
        # SQLite would take its rows for those of the new file.
        raise StorageError(f"{path} is gone but {wal} is there: restore the one, or move the other away")
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)  # of a process that died here
    os.close(open_private(new, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    with closing(sqlite3.connect(new, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(files("gattkeeper.storage").joinpath("schema.sql").read_text(encoding="utf-8"))
    new.replace(path)
    if sys.platform != "win32":  # which opens no folders
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # its name is as durable as its content
        finally:
            os.close(folder)
