"""When checkpoints are made: at the start, by the rules, at the end; and that rows wait for none of it."""

import asyncio
import os
from pathlib import Path

import pytest
from journal_rows import accepted, durable, intended, seqs
from rotating import fill
from signed_journals import EACH_ROW, EVOLVING, key, lines, ours, tamper, write

from gattkeeper.errors import StorageError
from gattkeeper.storage import segments
from gattkeeper.storage.checkpointing import CheckpointRules, checkpoints_of, key_of
from gattkeeper.storage.checkpoints import Checkpoint, checkpoint_in
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rotation import SegmentRules

SELDOM = CheckpointRules(rows=1_000_000, every_s=3600.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def checkpoints(path: Path) -> list[Checkpoint]:
    found = [checkpoint_in(line) for line in lines(path)]
    return [one for one in found if one is not None]


async def until(path: Path, seq: int) -> None:
    """The thread beside has signed so far."""
    async with asyncio.timeout(60):
        while not (checkpoints_of(path).exists() and lines(path) and checkpoints(path)[-1].seq >= seq):
            await asyncio.to_thread(os.sched_yield)


def test_the_first_rows_and_the_end_are_signed_whatever_the_rules(path: Path) -> None:
    async def story() -> None:
        journal = await SqliteJournal.open(path, checkpoints=SELDOM)
        await durable(journal, accepted("c1"))
        await until(path, 1)
        await durable(journal, intended("c1"))
        await journal.close()

    asyncio.run(story())
    assert [one.seq for one in checkpoints(path)] == [1, 3]
    assert {one.segment for one in checkpoints(path)} == {1}


def test_so_many_rows_are_signed_while_it_runs(path: Path) -> None:
    async def story() -> None:
        journal = await SqliteJournal.open(path, checkpoints=CheckpointRules(rows=10, every_s=3600.0))
        await fill(journal, 0, 10)
        await until(path, 20)
        await journal.close()

    asyncio.run(story())
    assert ours(path).whole


def test_so_long_after_a_row_it_is_signed(path: Path) -> None:
    async def story() -> None:
        journal = await SqliteJournal.open(path, checkpoints=CheckpointRules(rows=1_000_000, every_s=0.01))
        await durable(journal, accepted("c1"))
        await until(path, 1)
        await durable(journal, intended("c1"))
        await until(path, 2)
        await journal.close()

    asyncio.run(story())


def test_a_journal_that_was_only_closed_has_a_checkpoint_of_that(path: Path) -> None:
    write(path, checkpoints=EACH_ROW)  # only that it was closed
    assert [one.seq for one in checkpoints(path)] == [1]


def test_rows_of_the_next_file_are_signed_as_of_that(path: Path) -> None:
    async def story() -> None:
        rules = SegmentRules(size_max=120_000)
        journal = await SqliteJournal.open(path, rules=rules, checkpoints=EACH_ROW)
        await fill(journal, 0, 150)
        await journal.close()

    asyncio.run(story())
    assert checkpoints(path)[-1].segment == len(segments.files_of(path)) > 1
    assert ours(path).whole


def test_files_beside_the_journal_are_private(path: Path) -> None:
    write(path, "c1", checkpoints=CheckpointRules(push=(f"file:{path}.copy",)))
    for name in ("journal.db.checkpoints", "journal.db.key", "journal.db.pushed", "journal.db.copy"):
        assert path.with_name(name).stat().st_mode & 0o777 == 0o600


def test_what_was_pushed_is_what_stands_beside(path: Path) -> None:
    write(path, "c1", checkpoints=CheckpointRules(rows=1, push=(f"file:{path}.copy", f"file:{path}/none")))
    assert path.with_name("journal.db.copy").read_bytes() == checkpoints_of(path).read_bytes()


@pytest.mark.parametrize("rules", [EACH_ROW, EVOLVING])
def test_the_keys_of_later_starts_are_vouched_for_by_the_first(path: Path, rules: CheckpointRules) -> None:
    for command_id in ("c1", "c2", "c3"):
        write(path, command_id, checkpoints=rules)
    found = ours(path, key=key(path))
    assert (found.whole, found.signed_to) == (True, 12)


def test_a_line_that_was_cut_short_by_a_crash_is_made_again(path: Path) -> None:
    write(path, "c1", checkpoints=EVOLVING)
    whole = checkpoints_of(path).read_bytes()
    checkpoints_of(path).write_bytes(whole + whole[:99])
    write(path, "c2", checkpoints=EVOLVING)
    assert ours(path, key=key(path)).whole


def test_a_start_says_that_rows_are_missing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(path, "c1")
    write(path)
    assert "the journal is not what" not in caplog.text
    tamper(path, "DELETE FROM journal WHERE seq > 3")
    write(path, "c2")
    assert "the journal is not what the checkpoint of row 5" in caplog.text
    assert not ours(path).whole  # and going on does not cover it up


def test_a_start_says_that_the_last_line_is_damaged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(path, "c1")
    checkpoints_of(path).write_bytes(b"{}\n")
    write(path)
    assert "is damaged" in caplog.text


def test_a_place_for_checkpoints_that_cannot_be_read_is_refused(path: Path) -> None:
    checkpoints_of(path).mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        write(path)


def test_a_key_that_cannot_be_used_is_refused_and_the_journal_let_go(path: Path) -> None:
    key_of(path).write_text("{}")
    with pytest.raises(StorageError, match="may be read by others"):
        write(path)
    key_of(path).unlink()
    write(path, "c1")


def test_rows_do_not_wait_for_checkpoints_that_cannot_be_written(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        journal = await SqliteJournal.open(path, checkpoints=EACH_ROW)
        await durable(journal, accepted("c1"))
        await until(path, 1)
        whole = checkpoints_of(path).read_bytes()
        checkpoints_of(path).unlink()
        checkpoints_of(path).symlink_to(path / "nowhere")
        assert await durable(journal, intended("c1")) is None
        async with asyncio.timeout(60):
            while "cannot be written to" not in caplog.text:
                await asyncio.to_thread(os.sched_yield)
        checkpoints_of(path).unlink()
        checkpoints_of(path).write_bytes(whole)
        await journal.close()

    asyncio.run(story())
    assert seqs(path) == [1, 2, 3]
    assert "can be written to" in caplog.text
    assert [one.seq for one in checkpoints(path)] == [1, 3]
