"""`gattkeeper audit verify` on real files, as a person and as a program see it."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gattkeeper.daemon.cli import main
from gattkeeper.model.record import Closed, Started
from gattkeeper.storage.journal import SqliteJournal


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    async def write() -> None:
        opened = await SqliteJournal.open(tmp_path / "journal.db")
        opened.append(Started(version="0.1.0", pid=7))
        opened.append(Closed())
        await opened.close()

    asyncio.run(write())
    return tmp_path / "journal.db"


def verify(journal: Path, *options: str) -> int:
    return main(["audit", "verify", "--journal", str(journal), *options])


def spoil(journal: Path) -> None:
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER journal_is_never_updated")
        connection.execute("UPDATE journal SET utc_us = utc_us + 1 WHERE seq = 2")


def test_a_whole_journal_is_said_to_be(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(journal) == 0
    assert "is whole: every row from 1 to 3 is as it was written" in capsys.readouterr().out


def test_the_first_bad_row_is_named(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(journal)
    assert verify(journal) == 1
    said = capsys.readouterr().out
    assert "is NOT whole: row 2 is not as it was written" in said
    assert "keep a copy" in said


def test_programs_get_one_line(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(journal, "--json") == 0
    whole = json.loads(capsys.readouterr().out)
    assert (whole["whole"], whole["rows_to"], len(whole["hash"])) == (True, 3, 64)
    spoil(journal)
    assert verify(journal, "--json") == 1
    assert json.loads(capsys.readouterr().out)["bad_row"] == 2


def test_the_journal_of_the_settings_is_the_default(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = journal.with_name("gattkeeper.toml")
    settings.write_text(f'[keeper]\njournal = "{journal}"\n\n[adapters.radio]\nlink = "virtual"\n')
    assert main(["audit", "verify", "--config", str(settings)]) == 0
    assert f"{journal} is whole" in capsys.readouterr().out


def test_it_may_run_while_the_journal_is_written(journal: Path) -> None:
    async def beside() -> int:
        opened = await SqliteJournal.open(journal)
        try:
            return await asyncio.to_thread(verify, journal)
        finally:
            await opened.close()

    assert asyncio.run(beside()) == 0


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), (b"shopping list", "is not a gattkeeper journal")]
)
def test_what_is_no_journal_is_said_to_be_none(
    tmp_path: Path, content: bytes | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.db"
    if content is not None:
        path.write_bytes(content)
    assert verify(path) != 0
    assert said in capsys.readouterr().err


def test_a_terminal_sees_how_far_it_got(
    journal: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("gattkeeper.daemon.audit.verifying.PROGRESS_S", 0)
    assert verify(journal) == 0
    assert "verified up to row 3" in capsys.readouterr().err
