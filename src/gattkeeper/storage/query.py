"""Commands out of a journal's files, newest first, each with how it ended.

Knows which rows belong to one command, over all files. Reads beside the daemon: a page of rows at a time, so that
neither memory nor SQLite's log grows with what is read. There is no index by time, and no search that halves: rows
are looked through from the newest on, because a clock that was set back would hide rows from anything cleverer.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.digest import Digest
from gattkeeper.model.operation import kind_of
from gattkeeper.model.outcome import Outcome, Resolution
from gattkeeper.model.record import Accepted, Ended, Intended, Resolved
from gattkeeper.storage import journal_file, segments
from gattkeeper.storage.rows import records_in
from gattkeeper.storage.sqlite_faults import explain

COMMANDS_AT_ONCE = 500
"""Commands between two calls of `on_progress`; a few milliseconds."""

SEQ_MAX = 2**63 - 1
"""No row has a higher number: SQLite's largest integer."""

OPEN = "open"
"""What stands for the verdict of a command that has not ended."""

_Line = tuple[int, int, int, str, int | None, bytes]  # seq, utc_us, mono_us, boot_id, clock_synced, body
_Later = dict[str, list[_Line]]  # by command id, what newer files say of it

_PAGE = """
    SELECT seq, command_id FROM {table} WHERE kind = 'accepted' AND seq < ?{conditions}
    ORDER BY seq DESC LIMIT ?
"""

_LINES = "SELECT seq, utc_us, mono_us, boot_id, clock_synced, body FROM {table} WHERE command_id = ? ORDER BY seq"


class Wanted(Struct, frozen=True, kw_only=True):
    """Which commands are asked for; what is empty asks for nothing in particular. Texts must be equal."""

    devices: frozenset[str] = frozenset()
    since_us: int | None = None  # wall clock at acceptance, from this moment on
    until_us: int | None = None  # and before this one
    verdicts: frozenset[str] = frozenset()  # values of Verdict, or OPEN
    causes: frozenset[str] = frozenset()  # values of Cause
    operation: str = ""  # its kind: "write", "read", ...
    front: str = ""
    principal: str = ""
    command_id: str = ""
    label: str = ""  # a part of it, in either case
    before: int = SEQ_MAX  # accepted in a row before this one: where the page before ended


class Found(Struct, frozen=True, kw_only=True):
    """A command with what the journal has about it."""

    seq: int  # of the row that accepted it
    utc_us: int  # wall clock then
    mono_us: int = 0  # monotonic clock then, of this boot:
    boot_id: str = ""
    clock_synced: bool | None = None  # whether the wall clock was kept right then; None: nobody knows
    command: Command  # without its payloads, where they were not kept
    digests: tuple[Digest, ...] = ()  # of its payloads
    value_digests: tuple[Digest, ...] = ()  # of the values that it brought
    outcome: Outcome | None = None  # None: it has not ended
    ended_utc_us: int | None = None
    latency_us: int | None = None  # from acceptance to the end, by the monotonic clock; None: nobody can say
    attempts: int = 0  # how often it was about to be handed to the stack
    resolution: Resolution | None = None
    resolved_utc_us: int | None = None


def commands(
    journal: Path, wanted: Wanted, *, on_progress: Callable[[int], None] | None = None
) -> Iterator[Found]:
    """The commands that are wanted, newest first.

    A sealed file in which nothing is new enough ends the search. `on_progress` is told the number of the row that
    it got to. Raises StorageError.
    """
    files = segments.files_of(journal) or [journal]
    later: _Later = {}
    for path in reversed(files):
        with readable(path, sealed=path != files[-1]) as connection:
            if path != files[-1] and is_all_before(connection, wanted.since_us):
                return
            for table in ("journal", "carried") if path == files[0] else ("journal",):
                try:
                    yield from _in_table(connection, table, wanted, later, on_progress)
                except UnicodeEncodeError:
                    return  # nothing was ever stored under text that is not valid Unicode
            later = _carried_on(connection, later)


@contextlib.contextmanager
def readable(path: Path, *, sealed: bool) -> Iterator[sqlite3.Connection]:
    """A connection that reads one file; SQLite's errors come out as StorageError."""
    try:
        journal_file.open_as_it_is(path, sealed=sealed).close()  # says so when it is no journal
        with closing(segments.read(path) if sealed else journal_file.connect(path, read_only=True)) as connection:
            yield connection
    except sqlite3.Error as fault:
        raise StorageError(f"the journal {path} cannot be read: {explain(fault)}") from fault


def is_all_before(connection: sqlite3.Connection, since_us: int | None) -> bool:
    """Whether every row of a file was written before that moment."""
    if since_us is None:
        return False
    return connection.execute("SELECT 1 FROM journal WHERE utc_us >= ? LIMIT 1", (since_us,)).fetchone() is None


def _in_table(
    connection: sqlite3.Connection,
    table: str,
    wanted: Wanted,
    later: _Later,
    on_progress: Callable[[int], None] | None,
) -> Iterator[Found]:
    conditions, values = _conditions(wanted)
    page = _PAGE.format(table=table, conditions=conditions)
    tables = ("carried", "journal") if table == "carried" else ("journal",)
    before = wanted.before
    while names := connection.execute(page, (before, *values, COMMANDS_AT_ONCE)).fetchall():
        for seq, command_id in names:
            found = _found(seq, _lines_of(connection, command_id, tables, later))
            if found is not None and _is_wanted(found, wanted):
                yield found
            before = seq
        if on_progress is not None:
            on_progress(before)


def _conditions(wanted: Wanted) -> tuple[str, list[str | int]]:
    """What columns can say, as SQL."""
    conditions = ""
    values: list[str | int] = []
    if wanted.devices:
        conditions += f" AND device IN ({', '.join('?' * len(wanted.devices))})"
        values += sorted(wanted.devices)
    for condition, value in (
        ("utc_us >= ?", wanted.since_us),
        ("utc_us < ?", wanted.until_us),
        ("command_id = ?", wanted.command_id or None),
    ):
        if value is not None:
            conditions += f" AND {condition}"
            values.append(value)
    return conditions, values


def _lines_of(
    connection: sqlite3.Connection, command_id: str, tables: tuple[str, ...], later: _Later
) -> list[_Line]:
    lines: list[_Line] = []
    for table in tables:
        lines += connection.execute(_LINES.format(table=table), (command_id,)).fetchall()
    return lines + later.get(command_id, [])


def _carried_on(connection: sqlite3.Connection, later: _Later) -> _Later:
    """What this file and newer ones say of the commands that were not done with when it began."""
    carried = connection.execute("SELECT DISTINCT command_id FROM carried").fetchall()
    return {command_id: _lines_of(connection, command_id, ("journal",), later) for (command_id,) in carried}


def _found(seq: int, lines: list[_Line]) -> Found | None:
    """The command that the row `seq` accepted, from all rows about it."""
    accepted: Accepted | None = None
    ended: Ended | None = None
    resolved: Resolved | None = None
    attempts = 0
    ended_utc_us = resolved_utc_us = latency_us = None
    began: _Line | None = None
    for line in lines:
        number, utc_us, mono_us, boot_id, _, body = line
        (record,) = records_in([(number, body)])
        match record:
            case Accepted() if number == seq:
                accepted, began = record, line
            case Intended():
                attempts = max(attempts, record.attempt)
            case Ended():
                ended, ended_utc_us = record, utc_us
                latency_us = mono_us - began[2] if began and began[3] == boot_id else None
            case Resolved():
                resolved, resolved_utc_us = record, utc_us
            case _:
                pass
    if accepted is None or began is None:
        return None
    return Found(
        seq=seq,
        utc_us=began[1],
        mono_us=began[2],
        boot_id=began[3],
        clock_synced=None if began[4] is None else bool(began[4]),
        command=accepted.command,
        digests=accepted.digests,
        value_digests=ended.digests if ended else (),
        outcome=ended.outcome if ended else None,
        ended_utc_us=ended_utc_us,
        latency_us=latency_us,
        attempts=max(attempts, len(ended.outcome.attempts) if ended else 0),
        resolution=resolved.resolution if resolved else None,
        resolved_utc_us=resolved_utc_us,
    )


def _is_wanted(found: Found, wanted: Wanted) -> bool:
    """What only the bodies can say."""
    command, outcome = found.command, found.outcome
    return (
        (not wanted.verdicts or (outcome.verdict.value if outcome else OPEN) in wanted.verdicts)
        and (not wanted.causes or (outcome is not None and outcome.cause.value in wanted.causes))
        and wanted.operation in ("", kind_of(command.operation))
        and wanted.front in ("", command.origin.front)
        and wanted.principal in ("", command.origin.principal)
        and wanted.label.casefold() in command.label.casefold()
    )
