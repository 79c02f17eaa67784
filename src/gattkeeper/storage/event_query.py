"""Rows that are about no command, newest first: starts, settings, stops, latches, alerts, denials and more.

Knows one index. Commands, with the rows that belong to each, are found by `query`.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from gattkeeper.model.record import Record, device_of, origin_of
from gattkeeper.storage import segments
from gattkeeper.storage.query import SEQ_MAX, is_all_before, readable
from gattkeeper.storage.rows import records_in

EVENTS_AT_ONCE = 500
"""Rows between two calls of `on_progress`; a few milliseconds."""

_PAGE = """
    SELECT seq, utc_us, mono_us, boot_id, clock_synced, body FROM journal
    WHERE command_id IS NULL AND seq < ?{conditions} ORDER BY seq DESC LIMIT ?
"""


class WantedEvents(Struct, frozen=True, kw_only=True):
    """Which rows are asked for; what is empty asks for nothing in particular. Texts must be equal."""

    kinds: frozenset[str] = frozenset()  # tags of records
    devices: frozenset[str] = frozenset()
    since_us: int | None = None  # wall clock when it was written, from this moment on
    until_us: int | None = None  # and before this one
    front: str = ""
    principal: str = ""
    before: int = SEQ_MAX  # in a row before this one: where the page before ended


class FoundEvent(Struct, frozen=True, kw_only=True):
    """One row, with its moment on both clocks."""

    seq: int
    utc_us: int
    mono_us: int
    boot_id: str
    clock_synced: bool | None
    record: Record


def events(
    journal: Path, wanted: WantedEvents, *, on_progress: Callable[[int], None] | None = None
) -> Iterator[FoundEvent]:
    """The rows that are wanted, newest first. Otherwise as `query.commands`; raises StorageError."""
    files = segments.files_of(journal) or [journal]
    for path in reversed(files):
        sealed = path != files[-1]
        with readable(path, sealed=sealed) as connection:
            if sealed and is_all_before(connection, wanted.since_us):
                return
            yield from _in_file(connection, wanted, on_progress)


def _in_file(
    connection: sqlite3.Connection, wanted: WantedEvents, on_progress: Callable[[int], None] | None
) -> Iterator[FoundEvent]:
    conditions, values = _conditions(wanted)
    page = _PAGE.format(conditions=conditions)
    before = wanted.before
    while rows := connection.execute(page, (before, *values, EVENTS_AT_ONCE)).fetchall():
        for seq, utc_us, mono_us, boot_id, synced, body in rows:
            (record,) = records_in([(seq, body)])
            if _is_wanted(record, wanted):
                yield FoundEvent(
                    seq=seq,
                    utc_us=utc_us,
                    mono_us=mono_us,
                    boot_id=boot_id,
                    clock_synced=None if synced is None else bool(synced),
                    record=record,
                )
        before = rows[-1][0]
        if on_progress is not None:
            on_progress(before)


def _conditions(wanted: WantedEvents) -> tuple[str, list[str | int]]:
    conditions, values = "", list[str | int](sorted(wanted.kinds))
    if values:
        conditions += f" AND kind IN ({', '.join('?' * len(values))})"
    for condition, moment_us in (("utc_us >= ?", wanted.since_us), ("utc_us < ?", wanted.until_us)):
        if moment_us is not None:
            conditions += f" AND {condition}"
            values.append(moment_us)
    return conditions, values


def _is_wanted(record: Record, wanted: WantedEvents) -> bool:
    """What only the body can say."""
    origin = origin_of(record)
    return (
        (not wanted.devices or device_of(record) in wanted.devices)
        and (not wanted.front or (origin is not None and origin.front == wanted.front))
        and (not wanted.principal or (origin is not None and origin.principal == wanted.principal))
    )
