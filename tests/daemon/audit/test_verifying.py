"""`gattkeeper audit verify` on real files, as a person and as a program see it."""

import asyncio
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gattkeeper.daemon.cli import main
from gattkeeper.model.record import Closed, Started
from gattkeeper.storage.checkpointing import CheckpointRules, checkpoints_of, key_of
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.signing import public_key


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
    monkeypatch.setattr("gattkeeper.daemon.audit.showing.PROGRESS_S", 0)
    assert verify(journal) == 0
    assert "verified up to row 3" in capsys.readouterr().err


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    """Of a keeper that signs each row, on another path than the one that signs nothing."""

    async def write() -> None:
        opened = await SqliteJournal.open(tmp_path / "signed.db", checkpoints=CheckpointRules(rows=1))
        opened.append(Started(version="0.1.0", pid=7))
        await opened.close()

    asyncio.run(write())
    return tmp_path / "signed.db"


def test_without_checkpoints_it_is_said_what_that_leaves_open(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(journal) == 0
    assert "no checkpoints: that the last rows are missing" in capsys.readouterr().out


def test_checkpoints_beside_the_journal_are_looked_at(signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(signed) == 0
    said = capsys.readouterr().out
    assert "agree; the newest 0 rows are signed by none" in said
    assert "which nobody vouched for: give --key" in said


@pytest.mark.parametrize("named", ["itself", "a file"])
def test_the_key_that_was_kept_is_held_against_them(
    signed: Path, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = public_key(key_of(signed))
    file = signed.with_name("kept.key")
    file.write_text(key + "\n")
    assert verify(signed, "--key", key if named == "itself" else str(file)) == 0
    assert "which is the key that was given" in capsys.readouterr().out
    file.write_text("ab" * 32)
    assert verify(signed, "--key", str(file)) == 1
    assert "does not vouch" in capsys.readouterr().out


@pytest.mark.parametrize("way", ["a file", "stdin"])
def test_checkpoints_that_were_kept_elsewhere_show_a_cut_tail(
    signed: Path, way: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = checkpoints_of(signed).rename(signed.with_name("elsewhere.jsonl"))
    with closing(sqlite3.connect(signed, isolation_level=None)) as connection:
        (trigger,) = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE name = 'journal_is_never_deleted'"
        ).fetchone()
        connection.execute("DROP TRIGGER journal_is_never_deleted")
        connection.execute("DELETE FROM journal WHERE seq = 2")
        connection.execute(trigger)
    assert verify(signed) == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a log\n" + elsewhere.read_bytes())))
    assert verify(signed, "--json", "--checkpoints", str(elsewhere) if way == "a file" else "-") == 1
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (found["bad_row"], "rows 2 to 2 are missing" in found["what"]) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--checkpoints", "/nowhere/at/all"], "/nowhere/at/all cannot be read"),
        (["--key", "lounge"], "a public key is 64 hex digits"),
        (["--key", "/"], "the key file / cannot be read"),
    ],
)
def test_what_cannot_be_used_is_said(
    signed: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(signed, *options) != 0
    assert said in capsys.readouterr().err


def test_damaged_checkpoints_are_a_flaw(signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoints_of(signed).write_text("{}\n")
    assert verify(signed) == 1
    assert "line 1 of the checkpoints is damaged" in capsys.readouterr().out


def test_every_row_has_to_be_whole_first(signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(signed)
    assert verify(signed) == 1
    assert "row 2 is not as it was written" in capsys.readouterr().out
