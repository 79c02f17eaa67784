"""A full file is followed by another, which has all that is needed to go on; old ones go as the rules say."""

import asyncio
import contextlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from journal_rows import accepted, durable, ended, intended, rows
from rotating import SMALL, fill, three_files, unknown, with_journal

from gattkeeper.errors import StorageError
from gattkeeper.model.outcome import Resolution
from gattkeeper.model.record import Resolved
from gattkeeper.storage import journal_file, rotation, segments
from gattkeeper.storage.chain import Head
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rotation import SegmentRules
from gattkeeper.storage.succession import Whole, verify_journal

DAY_US = rotation.DAY_US


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def sealed_size(path: Path) -> int:
    """What the sealed files take; one may go while it is looked at."""
    sizes = []
    for file in segments.files_of(path)[:-1]:
        with contextlib.suppress(FileNotFoundError):
            sizes.append(file.stat().st_size)
    return sum(sizes)


def whole(path: Path) -> Whole:
    found = verify_journal(path)
    assert isinstance(found, Whole), found
    return found


def test_a_full_file_is_followed_by_another_and_sealed(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 400))
    with_journal(
        path, lambda journal: fill(journal, 400, 0)
    )  # what began while it was closed is sealed at the start
    files = segments.files_of(path)
    assert len(files) > 2
    assert [file.stat().st_mode & 0o777 for file in files] == [0o400] * (len(files) - 1) + [0o600]
    assert {file.name for file in path.parent.iterdir()} == {*(file.name for file in files), "journal.db.lock"}
    assert whole(path).head.seq == 1202
    numbers = [seq for file in files for seq, _ in rows(file)]
    assert numbers == list(range(1, 1203)), "one row after the other, over all files"


def test_what_is_open_or_unresolved_is_carried_and_nothing_else(path: Path) -> None:
    async def story(journal: SqliteJournal) -> None:
        for record in (accepted("open"), intended("open"), accepted("lost"), intended("lost"), unknown("lost")):
            journal.append(record)
        await fill(journal, 0, 400)

    with_journal(path, story)
    newest = segments.newest(path)
    assert rows(newest, "SELECT DISTINCT command_id FROM carried ORDER BY command_id") == [("lost",), ("open",)]
    assert rows(newest, "SELECT command_id FROM open_command") == [("open",)]

    async def again(journal: SqliteJournal) -> None:
        assert [command.id for command in journal.unresolved()] == ["lost"]
        assert [outcome.command_id for outcome in await journal.recover(version="0")] == ["open"]
        resolution = Resolution(command_id="lost", applied=True, who="ann", why="seen")
        await durable(journal, Resolved(resolution=resolution, at_us=5))
        assert [command.id for command in journal.unresolved()] == ["open"], "it had an intent and no end"
        assert len(journal.records_of("lost")) == 4

    with_journal(path, again)
    assert whole(path)


def test_a_command_of_a_sealed_file_and_its_key_are_found(path: Path) -> None:
    async def story(journal: SqliteJournal) -> None:
        await fill(journal, 0, 400)
        assert journal.records_of("c1") == [accepted("c1", key="key-c1"), intended("c1"), ended("c1")]
        assert journal.find_key("key-c1") == "c1"
        assert journal.find_key("key-c399") == "c399"
        assert journal.records_of("nobody") == []
        assert journal.find_key("nobody") == ""

    with_journal(path, story)


def test_a_key_is_carried_for_its_lifetime(path: Path) -> None:
    async def story() -> None:
        now = [DAY_US * 20_000]
        journal = await SqliteJournal.open(path, rules=SMALL, utc_us=lambda: now[0], mono_us=lambda: now[0])
        await fill(journal, 0, 1)
        await fill(journal, 1, 200)
        assert journal.find_key("key-c0") == "c0", "carried into the second file"
        now[0] += rotation.KEY_LIFETIME_US + 1
        await fill(journal, 201, 400)
        assert journal.find_key("key-c0") == ""
        assert journal.find_key("key-c600") == "c600"
        await journal.close()

    asyncio.run(story())


def test_reads_follow_the_writer_at_once(path: Path) -> None:
    async def story(journal: SqliteJournal) -> None:
        for number in range(300):
            name = f"c{number}"
            assert await durable(journal, accepted(name)) is None
            assert journal.records_of(name) == [accepted(name)], "durable means that it can be read"

    with_journal(path, story)
    assert len(segments.files_of(path)) > 1


def test_a_file_can_be_followed_at_once_and_has_all_its_rows_without_its_log(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 3))
    with closing(journal_file.connect(path, read_only=False)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        following = rotation.next_file(connection, path, utc_us=1, at_once=True)
        assert following is not None
        assert journal_file.segment_of(following.connection).number == 2
        following.connection.close()
        following.reader.close()
        assert path.with_name("journal.db-wal").stat().st_size == 0
    assert whole(path).files == 2


def test_a_file_that_cannot_be_begun_lets_the_old_one_get_longer(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    obstacle = path.with_name("journal-000002.db.new")
    obstacle.mkdir()  # in the way of what is being made

    async def story(journal: SqliteJournal) -> None:
        await fill(journal, 0, 200)
        obstacle.rmdir()
        await fill(journal, 200, 10)

    with_journal(path, story)
    assert sum("goes on in" in record.getMessage() for record in caplog.records) == 1
    assert len(segments.files_of(path)) == 2
    assert whole(path).head.seq == 631


@pytest.mark.parametrize("step", ["made", "written to", "half sealed"])
def test_a_death_between_two_files_is_made_good_at_the_next_start(path: Path, step: str) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 10))
    with closing(journal_file.connect(path, read_only=False)) as connection:
        following = rotation.begin_next(connection, path, utc_us=DAY_US)
        if step == "written to":  # by a process that could not open the new one
            connection.execute(
                "INSERT INTO journal (seq, kind, utc_us, mono_us, boot_id, body, hash)"
                " VALUES (32, 'closed', 1, 1, '', x'00', zeroblob(32))"
            )
    if step == "half sealed":
        path.with_name("journal.db-wal").touch()
    assert rotation.file_to_write(path) == (path if step == "written to" else following)
    assert following.exists() is (step != "written to")
    if step != "written to":
        with_journal(path, lambda journal: fill(journal, 10, 10))
        assert path.stat().st_mode & 0o777 == 0o400
        assert not path.with_name("journal.db-wal").exists()
        assert whole(path).head.seq == 62


def test_a_file_that_does_not_go_on_from_the_one_before_is_refused(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "journal.db"
    for each in (path, other):
        with_journal(each, lambda journal: fill(journal, 0, 200))
    segments.newest(other).replace(segments.newest(path))
    with pytest.raises(StorageError, match="does not go on from .*: restore one"):
        rotation.file_to_write(path)


def test_a_start_says_which_file_in_between_is_missing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    three_files(path)
    segments.file_of(path, 2).unlink()

    async def story(journal: SqliteJournal) -> None:
        assert "journal-000002.db is missing" in journal.flaws[0]
        await fill(journal, 400, 1)  # what is needed to go on is in the last file

    with_journal(path, story)
    assert "journal-000002.db is missing" in caplog.text


def test_files_that_the_rules_took_away_are_not_missing(path: Path) -> None:
    three_files(path)
    path.unlink()
    assert segments.gaps_of(path) == []


def test_nothing_is_deleted_unless_the_rules_say_so(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 600))
    assert rotation.deletable(path, SMALL, utc_us=DAY_US * 365 * 1000) == []


def test_the_oldest_go_when_all_together_are_too_large_and_a_row_says_so(path: Path) -> None:
    rules = SegmentRules(size_max=SMALL.size_max, kept_size_max=300_000)
    for start in (0, 400, 800):
        with_journal(path, lambda journal, start=start: fill(journal, start, 400), rules=rules)

    async def until_few(_journal: SqliteJournal) -> None:
        async with asyncio.timeout(60):
            while sealed_size(path) > 300_000:
                await asyncio.to_thread(os.sched_yield)  # the journal's thread seals, asks for the rows, deletes

    with_journal(path, until_few, rules=rules)
    assert not path.exists(), "the first file is gone"
    deletions = [row for file in segments.files_of(path) for row in rows(file, _DELETIONS)]
    assert deletions
    found = whole(path)
    assert found.first_seq > 1


def test_files_go_when_they_are_too_old(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 300))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    rules = SegmentRules(kept_us=30 * DAY_US)
    ((gone, row),) = rotation.deletable(path, rules, utc_us=1_000_000_000_000_000 + 31 * DAY_US)[:1]
    assert gone == path
    assert (row.number, row.first_seq) == (1, 1)
    assert row.why == "its last row is 31.0 days old, and 30 are kept"
    assert rotation.deletable(path, rules, utc_us=1_000_000_000_000_000 + 29 * DAY_US) == []


def test_a_file_is_there_until_the_row_about_its_end_is_durable(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 300))

    async def story() -> None:
        journal = await SqliteJournal.open(path, rules=SegmentRules(kept_size_max=1))
        await durable(journal, accepted("c1000"))
        await asyncio.sleep(0)
        await journal.close()

    asyncio.run(story())
    gone = [file for file in (path,) if not file.exists()]
    deletions = [row for file in segments.files_of(path) for row in rows(file, _DELETIONS)]
    assert len(gone) <= len(deletions)
    assert isinstance(whole(path).head, Head)


_DELETIONS = "SELECT seq FROM journal WHERE kind = 'segment_deleted'"


def test_what_is_carried_is_the_same_row(path: Path) -> None:
    async def story(journal: SqliteJournal) -> None:
        journal.append(accepted("open"))
        await fill(journal, 0, 200)

    with_journal(path, story)
    (copy,) = rows(segments.newest(path), "SELECT * FROM carried")
    (original,) = rows(path, "SELECT * FROM journal WHERE command_id = 'open'")
    assert copy == original


def test_what_is_carried_cannot_be_changed(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 200))
    with closing(sqlite3.connect(segments.newest(path), isolation_level=None)) as connection:
        for statement in (
            "INSERT INTO carried SELECT * FROM journal",
            "INSERT INTO carried_key VALUES ('a', 'b', 1)",
            "UPDATE carried_key SET utc_us = 0",
            "DELETE FROM carried_key",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
