"""Looking things up in a journal: in the file that is written, and in sealed ones where that is not enough.

Knows queries that go by an index, or from the end. Every answer is of durable rows.
"""

import sqlite3
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.record import Accepted, Record
from gattkeeper.storage import segments
from gattkeeper.storage.rows import records_in
from gattkeeper.storage.sqlite_faults import explain

SEALED_FILES_MAX = 64
"""How many sealed files are searched for a command, newest first: each costs about a tenth of a millisecond."""

_TABLES = ("carried", "journal")  # where rows of a file are, oldest first

_RECORDS_OF = "SELECT seq, body FROM {0} WHERE command_id = ? ORDER BY seq"

_KEYS = (
    "SELECT command_id FROM carried_key WHERE idempotency_key = ?",
    "SELECT command_id FROM journal WHERE idempotency_key = ? ORDER BY seq LIMIT 1",
)

# CROSS JOIN fixes the order: from the few open commands to their rows, never through the whole journal.
_OPEN = """
    SELECT {0}.seq, {0}.body FROM open_command CROSS JOIN {0} USING (command_id)
    ORDER BY open_command.seq, {0}.seq
"""

_UNRESOLVED = """
    SELECT {0}.seq, {0}.body FROM unresolved_command CROSS JOIN {0} USING (command_id)
    WHERE {0}.kind = 'accepted' ORDER BY unresolved_command.seq
"""


class Lookup:
    """Owns the connection that reads. Belongs to the event loop; raises StorageError."""

    def __init__(self, reader: sqlite3.Connection, journal: Path) -> None:
        self._reader = reader
        self._journal = journal

    def follow(self, reader: sqlite3.Connection) -> None:
        """The file that is written is another one from now on."""
        self._reader.close()
        self._reader = reader

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def key(self, idempotency_key: str) -> str:
        """The command id that was accepted under this key, or an empty string."""
        found = [row for query in _KEYS for row in self._ask(query, idempotency_key)]
        return str(found[0][0]) if found else ""

    def records_of(self, command_id: str) -> list[Record]:
        """Every row about one command, oldest first."""
        rows = self._in_both(_RECORDS_OF, command_id)
        if not any(isinstance(record, Accepted) for record in records_in(rows)):
            rows = self._in_sealed(command_id) + rows
        return records_in(rows)

    def open_records(self) -> list[Record]:
        """The rows of commands that were accepted and have not ended."""
        return records_in(self._in_both(_OPEN))

    def unresolved(self) -> list[Command]:
        """Commands that ended unknown and have no resolution, oldest first."""
        rows = records_in(self._in_both(_UNRESOLVED))
        return [row.command for row in rows if isinstance(row, Accepted)]

    def _in_both(self, query: str, *values: str) -> list[tuple[int, bytes]]:
        return [row for table in _TABLES for row in self._ask(query.format(table), *values)]

    def _in_sealed(self, command_id: str) -> list[tuple[int, bytes]]:
        """Its rows in the newest sealed file that has any."""
        for path in islice(segments.sealed_files(self._journal), SEALED_FILES_MAX):
            with closing(segments.read(path)) as sealed:
                rows = [row for table in _TABLES for row in _ask(sealed, _RECORDS_OF.format(table), command_id)]
            if rows:
                return rows
        return []

    def _ask(self, query: str, *values: str | int) -> list[Any]:
        return _ask(self._reader, query, *values)


def _ask(connection: sqlite3.Connection, query: str, *values: str | int) -> list[Any]:
    try:
        return connection.execute(query, values).fetchall()
    except sqlite3.Error as fault:
        raise StorageError(f"the journal cannot be read: {explain(fault)}") from fault
    except UnicodeEncodeError:
        return []  # nothing was ever stored under text that is not valid Unicode
