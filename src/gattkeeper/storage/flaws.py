"""What a start finds missing or changed in a journal without reading all of it, and what of that was accepted.

Knows the newest checkpoint, the names of files and the rows of kind `flaw_accepted`. The whole truth is found by
`succession` and `attestation`. What follows from a flaw is the keeper's to say.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from gattkeeper.errors import StorageError
from gattkeeper.model.record import FlawAccepted
from gattkeeper.storage import journal_file, segments
from gattkeeper.storage.chain import Head
from gattkeeper.storage.checkpoints import Checkpoint, told
from gattkeeper.storage.rows import records_in

_ACCEPTED = "SELECT seq, body FROM journal WHERE command_id IS NULL AND kind = 'flaw_accepted'"


def flaws_of(journal: Path, connection: sqlite3.Connection, newest: Checkpoint | None) -> tuple[str, ...]:
    """What is wrong and was not accepted, a sentence each. `connection`: of the file that is written.

    `newest`: the last checkpoint beside it. Raises StorageError when it cannot be looked at, or sqlite3.Error.
    """
    found = [f"the journal's file {path.name} is missing" for path in segments.gaps_of(journal)]
    if newest is not None and not _agrees(newest, journal, connection):
        found.insert(0, f"the journal is not what {told(newest)} says: rows are missing or were changed")
    accepted = _accepted(journal, connection) if found else set()
    return tuple(flaw for flaw in found if flaw not in accepted)


def _agrees(newest: Checkpoint, journal: Path, connection: sqlite3.Connection) -> bool:
    """Whether the row that was signed last is there, and as it was. One look, however long the journal is."""
    written, head = journal_file.segment_of(connection), journal_file.head(connection)
    if newest.install_id != written.install_id or newest.seq > head.seq:
        return False
    if newest.segment == written.number:
        return _is_there(newest, connection, head)
    path = segments.file_of(journal, newest.segment)
    if not path.exists():
        return True  # the rules took it away; else it is missing, and that is said
    try:
        with closing(segments.read(path)) as sealed:
            return _is_there(newest, sealed, journal_file.head(sealed))
    except (StorageError, sqlite3.Error):
        return False


def _is_there(newest: Checkpoint, connection: sqlite3.Connection, head: Head) -> bool:
    """The head may be the beginning of a file, which is no row."""
    if newest.seq == head.seq:
        return newest.hash == head.hash.hex()
    return newest.hash == journal_file.hash_of(connection, newest.seq)


def _accepted(journal: Path, connection: sqlite3.Connection) -> set[str]:
    """All that somebody accepted: every file is looked through, which only a journal with a flaw has to pay."""
    rows = [row.flaws for row in _acceptances(connection)]
    for path in segments.sealed_files(journal):
        with suppress(StorageError, sqlite3.Error), closing(segments.read(path)) as sealed:
            rows += [row.flaws for row in _acceptances(sealed)]
    return {flaw for flaws in rows for flaw in flaws}


def _acceptances(connection: sqlite3.Connection) -> Iterator[FlawAccepted]:
    for row in records_in(connection.execute(_ACCEPTED)):
        if isinstance(row, FlawAccepted):
            yield row
