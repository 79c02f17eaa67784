"""Which files belong to a journal, and how sealed ones are read."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from journal_rows import rows
from rotating import fill, with_journal

from gattkeeper.errors import StorageError
from gattkeeper.storage import journal_file, segments


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_the_first_file_has_the_journals_own_name_and_the_others_a_number(path: Path) -> None:
    assert segments.file_of(path, 1) == path
    assert segments.file_of(path, 2).name == "journal-000002.db"
    assert segments.file_of(path, 12_345_678).name == "journal-12345678.db"


def test_only_its_own_files_count_oldest_first(path: Path) -> None:
    names = ["journal.db", "journal-000002.db", "journal-1000000.db", "journal-000010.db"]
    others = ["journal-2.db", "journal-000001.db", "journal-000002.db-wal", "journal-000003.db.new", "bonds.json"]
    for name in names + others + ["journal-0000002.db", "journal.db.lock", "journal-abcdef.db"]:
        path.with_name(name).touch()
    found = [file.name for file in segments.files_of(path)]
    assert found == ["journal.db", "journal-000002.db", "journal-000010.db", "journal-1000000.db"]
    assert segments.newest(path).name == "journal-1000000.db"
    assert [file.name for file in segments.sealed_files(path)][0] == "journal-000010.db"


def test_where_nothing_is_the_first_file_is_the_one_to_write(path: Path) -> None:
    assert segments.newest(path) == path
    assert segments.newest(path.parent / "no folder" / "journal.db").name == "journal.db"


def test_a_folder_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be read: Not a directory"):
        segments.files_of(tmp_path / "file" / "journal.db")


def test_a_sealed_file_says_where_it_begins_and_ends(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 200))
    sealed = segments.look_into(path)
    (last,) = rows(path, "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
    assert (sealed.segment.number, sealed.segment.first_seq) == (1, 1)
    assert (sealed.head.seq, sealed.head.hash) == last


def test_reading_a_sealed_file_leaves_nothing_beside_it(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 200))
    before = sorted(file.name for file in path.parent.iterdir())
    segments.look_into(path)
    assert sorted(file.name for file in path.parent.iterdir()) == before


def test_what_is_no_journal_is_said(path: Path) -> None:
    path.write_bytes(b"shopping list")
    with pytest.raises(StorageError, match="is not a gattkeeper journal"):
        segments.look_into(path)


def test_sealing_twice_changes_nothing(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 200))
    content = path.read_bytes()
    segments.seal(path)
    path.chmod(0o600)
    segments.seal(path)
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o400


@contextmanager
def read_by_another_program(path: Path) -> Iterator[None]:
    """As of a moment ago: SQLite's log has more since then, and cannot be emptied meanwhile."""
    path.chmod(0o600)
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as reader,
        closing(journal_file.connect(path, read_only=False)) as writer,
    ):
        same = f"PRAGMA user_version = {journal_file.SCHEMA_VERSION}"
        writer.execute(same)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM journal").fetchone()
        writer.execute(same)
        writer.close()
        yield


def test_a_file_that_is_read_is_sealed_when_it_is_not_any_more(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 200))
    with read_by_another_program(path):
        with pytest.raises(StorageError, match="another program reads it"):
            segments.seal(path)
        assert path.stat().st_mode & 0o777 == 0o600
    segments.seal(path)
    assert path.stat().st_mode & 0o777 == 0o400
    assert not path.with_name("journal.db-wal").exists()


def test_a_file_that_cannot_be_sealed_yet_keeps_nothing_else_from_going_on(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 200))
    with read_by_another_program(path):
        with_journal(path, lambda journal: fill(journal, 200, 1))
    assert "journal.db is not sealed yet: another program reads it" in caplog.text
    with_journal(path, lambda journal: fill(journal, 201, 1))
    assert path.stat().st_mode & 0o777 == 0o400
