"""What a chain alone cannot show: a tail that was cut, a log that was written anew. Both programs find it."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from signed_journals import (
    EACH_ROW,
    EVOLVING,
    key,
    lines,
    ours,
    tamper,
    theirs,
    write,
    write_anew,
    write_several_files,
)

from gattkeeper.storage import segments
from gattkeeper.storage.checkpointing import CheckpointRules, checkpoints_of, key_of
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rotation import SegmentRules

CUT_THREE = "DELETE FROM journal WHERE seq > 4"


@pytest.fixture(params=[EACH_ROW, EVOLVING], ids=["fixed key", "evolving keys"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Seven rows, signed."""
    write(tmp_path / "journal.db", "c1", "c2", checkpoints=request.param)
    return tmp_path / "journal.db"


def test_a_journal_that_nobody_touched_agrees_with_its_checkpoints(path: Path) -> None:
    found = ours(path, key=key(path))
    assert (found.whole, found.rows_to, found.signed_to, found.key_given) == (True, 7, 7, True)
    assert found.checkpoints == len(lines(path)) >= 2
    assert theirs(path, key=key(path)) == ""


def test_a_tail_that_was_cut_is_found(path: Path) -> None:
    tamper(path, CUT_THREE)
    found = ours(path)
    assert (found.whole, found.bad_row) == (False, 5)
    assert "rows 5 to 7 are missing: the checkpoint of row 7" in found.what
    assert "rows 5 to 7 are missing" in theirs(path)


def test_rows_that_were_only_in_the_log_of_sqlite_are_missed_with_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write(path, "c1")

    async def copy_without_log() -> None:
        journal = await SqliteJournal.open(path, checkpoints=EACH_ROW)
        await journal.recover(version="1")
        (tmp_path / "copy").mkdir()
        assert path.with_name("journal.db-wal").stat().st_size > 0
        shutil.copy(path, tmp_path / "copy" / "journal.db")
        await journal.close()

    asyncio.run(copy_without_log())
    copy = tmp_path / "copy" / "journal.db"
    assert "rows 5 to 6 are missing" in ours(copy, elsewhere=lines(path)).what
    assert "rows 5 to 6 are missing" in theirs(copy, elsewhere=lines(path))


def older(rows: list[Any]) -> None:
    rows[2][5] -= 1


def without_the_middle(rows: list[Any]) -> None:
    del rows[3]
    for seq, row in enumerate(rows, start=1):
        row[0] = seq


@pytest.mark.parametrize("change", [older, without_the_middle, list.pop])
def test_a_log_that_was_written_anew_with_a_right_chain_is_found(
    path: Path, change: Callable[[list[Any]], None]
) -> None:
    write_anew(path, change)
    assert not ours(path).whole
    assert theirs(path)
    checkpoints_of(path).unlink()
    assert ours(path).whole  # the chain alone shows nothing
    assert theirs(path) == ""


def test_where_it_was_written_anew_is_said_as_closely_as_the_checkpoints_know(path: Path) -> None:
    write_anew(path, older)
    known = sorted({checkpoint.seq for checkpoint in _checkpoints(path)})
    first = next(seq for seq in known if seq >= 3)
    before = max((seq for seq in known if seq < 3), default=0)
    assert ours(path).bad_row == first
    assert f"some row from {before + 1} to {first} is not the one that was signed" in ours(path).what


def _checkpoints(path: Path) -> list[Any]:
    from gattkeeper.storage.checkpoints import Signed, signed_in

    signed = signed_in(lines(path))
    assert isinstance(signed, Signed)
    return list(signed.checkpoints)


def test_the_journal_of_another_installation_is_found(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "journal.db"
    write(other, "c1", "c2")
    shutil.copy(other, path)
    assert "of another installation" in ours(path).what
    assert "or of another keeper" in theirs(path)


def test_a_journal_and_checkpoints_that_were_exchanged_together_need_the_key(path: Path, tmp_path: Path) -> None:
    kept = key(path)
    other = tmp_path / "other" / "journal.db"
    write(other, "c1", "c2")
    for name in (path, checkpoints_of(path), key_of(path)):
        shutil.copy(other.with_name(name.name), name)
    assert ours(path).whole
    assert "does not vouch" in ours(path, key=kept).what
    assert "does not vouch" in theirs(path, key=kept)


def test_an_older_state_of_all_files_is_found_by_what_was_kept_elsewhere(path: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in (path, checkpoints_of(path), key_of(path)):
        shutil.copy(name, old)
    write(path, "c3", checkpoints=EVOLVING)
    elsewhere = lines(path)
    for name in old.iterdir():
        shutil.copy(name, path.parent)
    assert ours(path, key=key(path)).whole  # nothing here knows better
    assert "rows 8 to 11 are missing" in ours(path, elsewhere=elsewhere).what
    assert "rows 8 to 11 are missing" in theirs(path, elsewhere=elsewhere)


def test_checkpoints_that_were_taken_away_are_missed_by_who_has_the_key(path: Path) -> None:
    kept = key(path)
    checkpoints_of(path).unlink()
    assert "there are no checkpoints" in ours(path, key=kept).what
    assert "there are no checkpoints" in theirs(path, key=kept)


@pytest.fixture
def several(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    write_several_files(path, 150, checkpoints=CheckpointRules(rows=20))
    assert len(segments.files_of(path)) > 1
    return path


def test_checkpoints_of_several_files_agree(several: Path) -> None:
    assert (ours(several).whole, ours(several).signed_to) == (True, 451)
    assert theirs(several) == ""


def test_a_last_file_that_is_gone_is_missed(several: Path) -> None:
    segments.newest(several).unlink()
    assert "are missing: the checkpoint of row 451" in ours(several).what
    assert "to 451 are missing" in theirs(several)


def test_checkpoints_of_files_that_the_rules_deleted_are_no_flaw(several: Path) -> None:
    async def delete() -> None:
        journal = await SqliteJournal.open(several, rules=SegmentRules(kept_size_max=1), checkpoints=EACH_ROW)
        async with asyncio.timeout(60):
            while several.exists():  # its thread seals, asks for the row, deletes
                await asyncio.to_thread(os.sched_yield)
        await journal.close()

    asyncio.run(delete())
    found = ours(several)
    assert found.whole, found.what
    assert found.rows_from is not None
    assert found.rows_from > 1
    assert theirs(several) == ""
