"""What a start finds missing or changed, again and again until somebody accepts it, and never afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from journal_rows import accepted, durable
from signed_journals import EACH_ROW, lines, tamper, write, write_anew, write_several_files

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Origin
from gattkeeper.model.record import FlawAccepted
from gattkeeper.storage import journal_file, segments
from gattkeeper.storage.checkpointing import CheckpointRules, checkpoints_of
from gattkeeper.storage.checkpoints import Checkpoint, checkpoint_in
from gattkeeper.storage.flaws import flaws_of
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.late_journal import LateJournal

SELDOM = CheckpointRules(rows=1_000_000, every_s=3600.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def newest(path: Path) -> Checkpoint:
    found = checkpoint_in(lines(path)[-1])
    assert found is not None
    return found


def found_by(path: Path) -> tuple[str, ...]:
    with closing(journal_file.connect(segments.newest(path), read_only=True)) as connection:
        return flaws_of(path, connection, newest(path) if checkpoints_of(path).exists() else None)


def cut(path: Path, seq: int) -> None:
    """As if SQLite's log had been lost: the rows after this one are not there."""
    tamper(path, f"DELETE FROM journal WHERE seq > {seq}")  # noqa: S608 - a number of ours


def live(path: Path, story: Callable[[SqliteJournal], Awaitable[None]], *, hold_on_flaw: bool = True) -> None:
    async def run() -> None:
        journal = await SqliteJournal.open(path, checkpoints=EACH_ROW, hold_on_flaw=hold_on_flaw)
        try:
            await story(journal)
        finally:
            await journal.close()

    asyncio.run(run())


async def nothing(journal: SqliteJournal) -> None:
    del journal


async def accept(journal: SqliteJournal) -> None:
    row = FlawAccepted(flaws=journal.flaws, who="Ann", why="looked", origin=Origin(), at_us=1)
    await durable(journal, row)
    journal.accept_flaws()


def test_a_journal_as_it_was_signed_has_no_flaw(path: Path) -> None:
    write(path, "a", "b")
    assert found_by(path) == ()
    write_several_files(path.with_name("long.db"), 200, checkpoints=EACH_ROW)
    assert found_by(path.with_name("long.db")) == ()


def test_rows_that_were_cut_off_are_missed_although_others_have_come_since(path: Path) -> None:
    write(path, "a", "b")
    cut(path, 3)
    (before,) = found_by(path)
    assert f"not what the checkpoint of row {newest(path).seq}" in before

    async def story(journal: SqliteJournal) -> None:
        for number in range(20):
            await durable(journal, accepted(f"later-{number}"))

    for _ in range(2):
        live(path, story)
        assert found_by(path) == (before,), "nothing was signed that would hide it"


def test_without_a_hold_it_is_found_once(path: Path) -> None:
    write(path, "a", "b")
    cut(path, 3)

    async def story(journal: SqliteJournal) -> None:
        assert journal.flaws
        assert not journal.holds

    live(path, story, hold_on_flaw=False)
    assert found_by(path) == ()


def test_what_was_accepted_is_not_found_again_and_another_flaw_is(path: Path) -> None:
    write(path, "a", "b")
    cut(path, 3)
    live(path, accept)
    assert found_by(path) == ()
    live(path, nothing)
    cut(path, newest(path).seq - 1)
    assert len(found_by(path)) == 1


def test_an_acceptance_that_no_checkpoint_was_made_of_counts(path: Path) -> None:
    write(path, "a", "b")
    cut(path, 3)
    before = lines(path)
    live(path, accept)
    checkpoints_of(path).write_bytes(b"".join(line + b"\n" for line in before))
    assert found_by(path) == ()


def test_after_an_acceptance_rows_are_signed_again(path: Path) -> None:
    write(path, "a", "b")
    cut(path, 3)
    before = newest(path)
    live(path, nothing)
    assert newest(path) == before
    live(path, accept)
    assert newest(path).utc_us > before.utc_us


def test_an_end_of_the_same_length_that_was_written_anew_is_found(path: Path) -> None:
    write(path, "a")
    write_anew(path, lambda rows: rows[-1].__setitem__(5, 1))
    assert len(found_by(path)) == 1


def test_a_file_in_between_is_missed_at_each_start_until_that_is_accepted(path: Path) -> None:
    write_several_files(path, 400, checkpoints=SELDOM)
    segments.file_of(path, 2).unlink()
    for _ in range(2):
        live(path, nothing)
        assert found_by(path) == ("the journal's file journal-000002.db is missing",)
    live(path, accept)
    assert found_by(path) == ()


def test_an_acceptance_is_found_in_a_file_that_was_sealed_since(path: Path) -> None:
    write_several_files(path, 400, checkpoints=SELDOM)
    segments.file_of(path, 2).unlink()
    live(path, accept)
    files = len(segments.files_of(path))
    write_several_files(path, 200, checkpoints=SELDOM)
    assert len(segments.files_of(path)) > files
    assert found_by(path) == ()


def test_a_row_in_a_sealed_file_is_looked_at_there(path: Path) -> None:
    write_several_files(path, 200, checkpoints=EACH_ROW)
    first = segments.look_into(path)
    kept = [line for line in lines(path) if (one := checkpoint_in(line)) and one.segment == 1]
    checkpoints_of(path).write_bytes(b"".join(line + b"\n" for line in kept))
    assert newest(path).seq <= first.head.seq
    assert found_by(path) == ()
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(content[:100] + bytes(len(content) - 100))
    assert len(found_by(path)) == 1, "it cannot be read"
    path.unlink()
    assert found_by(path) == (), "as when the rules take it away: what is missing then, `verify` finds"


def test_a_journal_that_comes_late_brings_its_flaws(path: Path) -> None:
    write(path, "a", "b")
    cut(path, 3)

    async def story(journal: SqliteJournal) -> None:
        late = LateJournal(StorageError("gone"))
        late.accept_flaws()
        late.take(journal)
        assert (late.flaws, late.holds) == (journal.flaws, True)
        late.accept_flaws()
        assert (late.flaws, late.holds, journal.holds) == ((), False, False)

    live(path, story)
