"""Room for the log before there are rows in it: there, passed over by SQLite, and no trouble where there is none."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from journal_rows import seqs

from gattkeeper.storage.journal_file import connect, prepare
from gattkeeper.storage.log_room import FREE_TIMES, LOG_BYTES, make_room

ROW = (
    "INSERT INTO journal (seq, kind, utc_us, mono_us, boot_id, body, hash)"
    " VALUES ({}, 'closed', 1, 1, '', x'00', zeroblob(32))"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "journal.db"
    prepare(made)
    return made


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(path, read_only=False)) as made:
        yield made


def size_of_log(path: Path) -> int:
    log = path.with_name("journal.db-wal")
    return log.stat().st_size if log.exists() else 0


def test_rows_go_into_the_room_until_the_log_begins_anew(path: Path, connection: sqlite3.Connection) -> None:
    make_room(connection, path, LOG_BYTES)
    blocks = path.with_name("journal.db-wal").stat().st_blocks
    assert size_of_log(path) == LOG_BYTES
    assert blocks * 512 >= LOG_BYTES
    for seq in range(1, 1_501):
        connection.execute(ROW.format(seq))
    assert size_of_log(path) == LOG_BYTES
    assert path.with_name("journal.db-wal").stat().st_blocks == blocks
    assert seqs(path) == list(range(1, 1_501))


def test_room_behind_rows_that_are_there_keeps_them(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute(ROW.format(1))
    make_room(connection, path, LOG_BYTES)
    for name in ("journal.db", "journal.db-wal"):  # as after a death
        shutil.copy(path.with_name(name), path.with_name("left-" + name))
    assert size_of_log(path) == LOG_BYTES
    assert seqs(path.with_name("left-journal.db")) == [1]
    connection.execute(ROW.format(2))
    assert seqs(path) == [1, 2]


def test_a_log_that_is_long_enough_and_one_that_shall_have_none_stay(
    path: Path, connection: sqlite3.Connection
) -> None:
    connection.execute(ROW.format(1))
    before = size_of_log(path)
    make_room(connection, path, 0)
    make_room(connection, path, before)
    assert size_of_log(path) == before


def test_on_a_disk_that_is_nearly_full_there_is_none(
    path: Path, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = FREE_TIMES * LOG_BYTES
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(1, 1, free - 1))
    make_room(connection, path, LOG_BYTES)
    assert size_of_log(path) == 0


def test_room_that_cannot_be_had_leaves_the_log_as_it_was(
    path: Path, connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute(ROW.format(1))
    before = size_of_log(path)

    def full(_descriptor: int) -> None:  # a quota that ends here cannot be had
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    make_room(connection, path, LOG_BYTES)
    assert size_of_log(path) == before
    connection.execute(ROW.format(2))
    assert seqs(path) == [1, 2]


def test_while_another_program_writes_there_is_none(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        make_room(connection, path, LOG_BYTES)
        assert size_of_log(path) == 0
        other.execute("ROLLBACK")
    make_room(connection, path, LOG_BYTES)
    assert size_of_log(path) == LOG_BYTES
