"""Which files are opened, which are refused, and what is never touched."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gattkeeper.errors import StorageError
from gattkeeper.storage.chain import NOTHING_BEFORE, origin
from gattkeeper.storage.journal_file import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    connect,
    empty_log,
    head,
    make_durable,
    prepare,
    segment_of,
    try_out,
)

ROW = (
    "INSERT INTO journal (seq, kind, utc_us, mono_us, boot_id, body, hash)"
    " VALUES ({}, 'closed', 1, 1, '', x'00', zeroblob(32))"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def made(path: Path) -> Path:
    prepare(path)
    return path


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


def test_new_journal_is_one_private_file_with_our_numbers(made: Path) -> None:
    assert [file.name for file in made.parent.iterdir()] == ["journal.db"]
    assert made.stat().st_mode & 0o777 == 0o600
    with closing(connect(made, read_only=True)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_every_commit_is_synced(made: Path) -> None:
    with closing(connect(made, read_only=False)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_connection_that_cannot_do_wal_is_refused() -> None:
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(StorageError, match="journal_mode memory, synchronous 2.; put it on a local disk"),
    ):
        make_durable(connection)


def test_sync_that_does_not_read_back_is_refused(made: Path) -> None:
    def deaf(action: int, name: str | None, value: str | None, *_: str | None) -> int:
        unheard = action == sqlite3.SQLITE_PRAGMA and name == "synchronous" and value is not None
        return sqlite3.SQLITE_IGNORE if unheard else sqlite3.SQLITE_OK

    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.set_authorizer(deaf)
        with pytest.raises(StorageError, match="journal_mode wal, synchronous 1"):
            make_durable(connection)


def test_preparing_twice_keeps_the_rows(made: Path) -> None:
    with closing(connect(made, read_only=False)) as connection:
        connection.execute(ROW.format(1))
    prepare(made)
    with closing(connect(made, read_only=True)) as connection:
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (1,)


def test_leftovers_of_a_process_that_died_while_making_it_are_no_obstacle(path: Path) -> None:
    path.with_name("journal.db.new").write_bytes(b"half")
    path.with_name("journal.db.new-journal").write_bytes(b"half")
    prepare(path)
    connect(path, read_only=False).close()


def test_empty_file_becomes_a_journal(path: Path) -> None:
    path.touch()
    prepare(path)
    connect(path, read_only=True).close()


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_foreign_database_is_refused_and_left_as_it_is(path: Path, mode: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode = {mode}")
        other.execute("CREATE TABLE precious (a)")
        before = content(path.parent)  # with WAL: rows that are not in the file yet
        with pytest.raises(StorageError, match="is not a gattkeeper journal and was left as it is"):
            prepare(path)
        assert content(path.parent) == before


def test_any_other_file_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_text("shopping list")
    before = content(path.parent)
    with pytest.raises(StorageError, match="is not a gattkeeper journal"):
        prepare(path)
    assert content(path.parent) == before


def test_folder_in_place_of_the_file_is_explained(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()
    with pytest.raises(StorageError, match="cannot be opened.*Is a directory"):
        prepare(path)


def test_newer_schema_is_refused(made: Path) -> None:
    with closing(sqlite3.connect(made)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    prepare(made)
    with pytest.raises(
        StorageError, match="written by a newer gattkeeper .schema 3, known here up to 2.; upgrade"
    ):
        connect(made, read_only=False)


def test_older_schema_is_refused_and_can_be_kept(made: Path) -> None:
    with closing(sqlite3.connect(made)) as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(StorageError, match="written by an older gattkeeper.*keep it as it is under another name"):
        connect(made, read_only=False)


def test_the_first_file_of_an_installation_begins_with_nothing_before_it(made: Path) -> None:
    with closing(connect(made, read_only=True)) as connection:
        segment = segment_of(connection)
        assert (segment.number, segment.first_seq, segment.previous_hash) == (1, 1, NOTHING_BEFORE)
        assert len(bytes.fromhex(segment.install_id)) == 16
        assert head(connection) == origin(segment)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM segment", "its beginning is gone"),
        ("UPDATE segment SET install_id = x'00'", "beginning is damaged"),
    ],
)
def test_file_without_a_beginning_is_refused(made: Path, statement: str, said: str) -> None:
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        for trigger in ("segment_is_never_updated", "segment_is_never_deleted"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = 'segment'")
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.execute(statement)
    with pytest.raises(StorageError, match=said):
        connect(made, read_only=False)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE segment SET number = 2",
        "DELETE FROM segment",
        "INSERT INTO segment VALUES (2, 1, 'a', 1, zeroblob(32), zeroblob(32))",
    ],
)
def test_the_beginning_cannot_be_changed(made: Path, statement: str) -> None:
    with (
        closing(connect(made, read_only=False)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(statement)


def test_log_without_its_file_is_not_taken_for_the_new_ones(path: Path) -> None:
    path.with_name("journal.db-wal").write_bytes(b"rows of a journal that was removed")
    with pytest.raises(StorageError, match="is gone but .*-wal is there"):
        prepare(path)
    assert not path.exists()


def test_damaged_pages_are_refused(made: Path) -> None:
    whole = made.read_bytes()
    made.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    prepare(made)
    with pytest.raises(StorageError, match="cannot be opened.*it is damaged: keep a copy"):
        connect(made, read_only=False)


def test_missing_file_is_not_made_by_connecting(path: Path) -> None:
    with pytest.raises(StorageError, match="unable to open"):
        connect(path, read_only=False)
    assert not path.exists()


def test_path_may_hold_characters_that_mean_something_in_a_uri(tmp_path: Path) -> None:
    path = tmp_path / "what? 100%25 #1.db"
    prepare(path)
    connect(path, read_only=False).close()
    assert path.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET kind = 'ended'",
        "DELETE FROM journal",
        "REPLACE INTO journal (seq, kind, utc_us, mono_us, boot_id, body, hash) VALUES (1, 'x', 1, 1, '', x'', x'')",
        "UPDATE OR REPLACE journal SET seq = 2",
    ],
)
def test_rows_cannot_be_changed_or_removed(made: Path, statement: str) -> None:
    with closing(connect(made, read_only=False)) as connection:
        connection.execute(ROW.format(1))
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
        assert connection.execute("SELECT seq, kind FROM journal").fetchall() == [(1, "closed")]


@pytest.mark.parametrize("seq", [0, 1, 3, "NULL"])
def test_only_the_next_number_is_taken(made: Path, seq: int | str) -> None:
    with closing(connect(made, read_only=False)) as connection:
        connection.execute(ROW.format(1))
        with pytest.raises(sqlite3.IntegrityError, match="seq must be the next number"):
            connection.execute(ROW.format(seq))
        connection.execute(ROW.format(2))


def test_an_empty_log_leaves_every_row_in_the_file(made: Path) -> None:
    with closing(connect(made, read_only=False)) as connection:
        connection.execute(ROW.format(1))
        empty_log(connection)
        assert made.with_name("journal.db-wal").stat().st_size == 0
        with closing(sqlite3.connect(f"file:{made}?immutable=1", uri=True)) as without_log:
            assert without_log.execute("SELECT seq FROM journal").fetchall() == [(1,)]


def test_a_log_that_somebody_reads_is_not_emptied(made: Path) -> None:
    with closing(connect(made, read_only=False)) as connection, closing(connect(made, read_only=True)) as reader:
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute(ROW.format(1))
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM journal").fetchone() == (1,)
        connection.execute(ROW.format(2))
        with pytest.raises(StorageError, match="another program reads it"):
            empty_log(connection)


def test_trying_out_says_when_there_is_hardly_any_room(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(connect(made, read_only=False)) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(
                os, "write", lambda _descriptor, content: len(content) // 2
            )  # as on a disk that is nearly full
            with pytest.raises(StorageError, match="free space on its disk"):
                try_out(connection, made)
        assert not made.with_name("journal.db.trial").exists()
        try_out(connection, made)
