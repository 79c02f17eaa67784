"""All files of a journal together: what is missing between them or was exchanged is found."""

import asyncio
import os
from pathlib import Path

import pytest
from rotating import three_files, with_journal
from tampering import KEPT_RIGHT, tamper

from gattkeeper.errors import StorageError
from gattkeeper.storage import segments
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rotation import SegmentRules
from gattkeeper.storage.succession import Broken, Whole, verify_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return three_files(tmp_path / "journal.db")


def broken(path: Path) -> Broken:
    found = verify_journal(path)
    assert isinstance(found, Broken)
    return found


def test_files_that_nobody_touched_are_whole(path: Path) -> None:
    found = verify_journal(path)
    assert isinstance(found, Whole)
    assert (found.first_seq, found.head.seq, found.files) == (1, 1201, len(segments.files_of(path)))


def test_a_file_from_the_middle_is_missed(path: Path) -> None:
    second = segments.file_of(path, 2)
    second.unlink()
    found = broken(path)
    assert found.path == segments.file_of(path, 3)
    assert "does not go on from row" in found.flaw.what


def test_the_oldest_file_is_missed_unless_a_row_says_that_it_was_deleted(path: Path) -> None:
    path.unlink()
    assert "no row says that their file was deleted" in broken(path).flaw.what


def test_a_deletion_by_the_rules_is_no_flaw(path: Path) -> None:
    async def until_deleted(_journal: SqliteJournal) -> None:
        async with asyncio.timeout(60):
            while path.exists():  # its thread seals, asks for the row, deletes
                await asyncio.to_thread(os.sched_yield)

    with_journal(path, until_deleted, rules=SegmentRules(kept_size_max=1))
    found = verify_journal(path)
    assert isinstance(found, Whole)
    assert found.first_seq > 1


def test_a_changed_row_of_a_sealed_file_names_file_and_row(path: Path) -> None:
    tamper(path, "UPDATE journal SET utc_us = utc_us + 1 WHERE seq = 7")
    found = broken(path)
    assert (found.path, found.flaw.seq) == (path, 7)


def test_rows_cut_off_a_sealed_file_are_missed(path: Path) -> None:
    tamper(path, "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)", *KEPT_RIGHT)
    assert broken(path).path == segments.file_of(path, 2)


@pytest.mark.parametrize("statement", ["DELETE FROM carried_key", "UPDATE carried_key SET command_id = 'other'"])
def test_what_was_carried_over_counts(path: Path, statement: str) -> None:
    tamper(segments.file_of(path, 2), statement)
    assert "what it carries over" in broken(path).flaw.what


def test_a_journal_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        verify_journal(tmp_path / "none.db")
