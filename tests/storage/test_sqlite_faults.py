"""Failures of SQLite, as sentences that say what to do."""

import sqlite3
from pathlib import Path

import pytest

from gattkeeper.storage.sqlite_faults import explain, is_io_error


def failure(path: Path | str, *statements: str) -> sqlite3.Error:
    connection = sqlite3.connect(path)
    try:
        for statement in statements:
            connection.execute(statement)
    except sqlite3.Error as fault:
        return fault
    finally:
        connection.close()
    raise AssertionError("nothing failed")


def test_full_disk_says_to_free_space() -> None:
    fault = failure(
        ":memory:", "PRAGMA max_page_count = 2", "CREATE TABLE a (b)", "INSERT INTO a VALUES (zeroblob(99999))"
    )
    assert explain(fault) == "database or disk is full: free space on its disk"


def test_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("not a database, but long enough to be looked at" * 100)
    assert "it is damaged" in explain(failure(path, "SELECT * FROM sqlite_schema"))


def test_extended_code_finds_the_advice_of_its_primary_code() -> None:
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    assert explain(fault) == "disk I/O error: look at its disk: full, over a limit, read-only, or failing"


@pytest.mark.parametrize(
    ("code", "is_one"),
    [
        (sqlite3.SQLITE_IOERR, True),
        (sqlite3.SQLITE_IOERR_FSYNC, True),
        (sqlite3.SQLITE_FULL, False),
        (sqlite3.SQLITE_BUSY, False),
    ],
)
def test_io_errors_are_told_from_other_trouble(code: int, is_one: bool) -> None:
    fault = sqlite3.OperationalError()
    fault.sqlite_errorcode = code
    assert is_io_error(fault) is is_one
    assert not is_io_error(OSError())


def test_what_nobody_has_advice_for_is_told_as_it_is() -> None:
    assert explain(failure(":memory:", "SELECT no_such_column")) == "no such column: no_such_column"
    assert explain(FileNotFoundError(2, "No such file")) == "[Errno 2] No such file"
