"""Whatever is changed behind the journal's back is found, and the first bad row is named."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from journal_rows import accepted, durable, ended, intended
from tampering import tamper

from gattkeeper.storage.chain import Head
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.verification import Flaw, verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed journal of eight rows: two commands delivered, one open, and that it was closed."""

    async def write() -> None:
        journal = await SqliteJournal.open(tmp_path / "journal.db")
        for command_id in ("c1", "c2"):
            for record in (accepted(command_id, key=f"key-{command_id}"), intended(command_id), ended(command_id)):
                journal.append(record)
        await durable(journal, accepted("c3"))
        await journal.close()

    asyncio.run(write())
    return tmp_path / "journal.db"


def look(path: Path, *, after: Head | None = None) -> Head | Flaw:
    with closing(sqlite3.connect(path)) as connection:
        return verify(connection, after=after)


def flaw(path: Path) -> Flaw:
    found = look(path)
    assert isinstance(found, Flaw)
    return found


def test_a_journal_that_nobody_touched_is_whole(path: Path) -> None:
    head = look(path)
    assert isinstance(head, Head)
    assert head.seq == 8


def test_a_new_journal_is_whole(tmp_path: Path) -> None:
    async def make() -> None:
        await (await SqliteJournal.open(tmp_path / "new.db")).close()

    asyncio.run(make())
    assert look(tmp_path / "new.db") == look(tmp_path / "new.db")
    assert isinstance(look(tmp_path / "new.db"), Head)


@pytest.mark.parametrize(
    "column",
    [
        "kind",
        "command_id",
        "device",
        "idempotency_key",
        "utc_us",
        "mono_us",
        "boot_id",
        "clock_synced",
        "body",
        "hash",
    ],
)
@pytest.mark.parametrize("seq", [1, 4, 8])
def test_a_changed_column_names_its_row(path: Path, column: str, seq: int) -> None:
    value = {"utc_us": "7", "mono_us": "7", "clock_synced": "7", "hash": "zeroblob(32)", "body": "x'7b7d'"}
    tamper(path, f"UPDATE journal SET {column} = {value.get(column, repr('x'))} WHERE seq = {seq}")  # noqa: S608 - a test's own
    assert flaw(path).seq == seq


@pytest.mark.parametrize("seq", [1, 4, 7])
def test_a_row_that_was_taken_out_is_missed(path: Path, seq: int) -> None:
    tamper(path, f"DELETE FROM journal WHERE seq = {seq}")  # noqa: S608 - a test's own
    assert flaw(path) == Flaw(seq=seq, what=f"row {seq} is missing: row {seq + 1} stands in its place")


def test_a_row_that_was_taken_out_is_missed_though_the_rest_moved_up(path: Path) -> None:
    tamper(path, "DELETE FROM journal WHERE seq = 4", "UPDATE journal SET seq = seq - 1 WHERE seq > 4")
    assert flaw(path).seq == 4


def test_rows_that_changed_places_are_found(path: Path) -> None:
    tamper(
        path,
        "UPDATE journal SET seq = -2 WHERE seq = 2",
        "UPDATE journal SET seq = 2 WHERE seq = 5",
        "UPDATE journal SET seq = 5 WHERE seq = -2",
    )
    assert flaw(path).seq == 2


def test_a_row_that_was_put_in_is_found(path: Path) -> None:
    tamper(
        path,
        "INSERT INTO journal SELECT 9, 'closed', NULL, NULL, NULL, 1, 1, '', NULL, body, hash FROM journal LIMIT 1",
    )
    assert flaw(path).seq == 9


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE segment SET install_id = 'another'", "row 1 is not as it was written"),
        ("DELETE FROM segment", "its beginning is gone"),
        ("DELETE FROM open_command", "open_command does not say what the rows say"),
        ("INSERT INTO unresolved_command VALUES ('c1', 3)", "unresolved_command does not say"),
        ("DROP INDEX journal_command", "are not a journal's"),
    ],
)
def test_what_stands_beside_the_rows_counts(path: Path, statement: str, said: str) -> None:
    tamper(path, statement)
    assert said in flaw(path).what


def test_triggers_that_are_gone_are_missed(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER journal_is_never_updated")
    assert "triggers are not a journal's" in flaw(path).what


def test_a_segment_goes_on_from_the_one_before(path: Path) -> None:
    assert "does not go on from row 41" in str(look(path, after=Head(seq=41, hash=bytes(32))))
    assert isinstance(look(path, after=Head(seq=0, hash=bytes(32))), Head)


def test_each_flipped_byte_is_found_or_changes_nothing_that_was_said(path: Path) -> None:
    """Bytes that no row uses (free space, counters of SQLite) may differ: the rows must not."""
    whole = path.read_bytes()
    rows = said(path)
    missed: list[int] = []
    for place in flips(whole, rows):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        if isinstance(look_at_damage(path), Head) and said(path) != rows:
            missed.append(place)
    assert missed == []


def flips(whole: bytes, rows: list[tuple[object, ...]]) -> list[int]:
    """Every byte around two of the rows, and every 97th of the file: each takes milliseconds."""
    bodies = [row[9] for row in rows[2:4]]
    around = {whole.index(body) + offset for body in bodies for offset in range(-120, len(body) + 60)}
    return sorted(around | set(range(0, len(whole), 97)))


def look_at_damage(path: Path) -> Head | Flaw:
    try:
        return look(path)
    except sqlite3.Error as fault:
        return Flaw(what=str(fault))


def said(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM journal ORDER BY seq").fetchall()


def test_progress_is_told_for_each_lot_of_rows(path: Path) -> None:
    told: list[int] = []
    tell: Callable[[int], None] = told.append
    with closing(sqlite3.connect(path)) as connection:
        verify(connection, on_progress=tell)
    assert told == [8]
