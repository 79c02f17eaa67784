"""`gattkeeper audit key` and `gattkeeper audit verifier`: what is printed can be used, and is no secret."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gattkeeper.daemon.cli import main
from gattkeeper.model.record import Started
from gattkeeper.storage.checkpointing import CheckpointRules, key_of
from gattkeeper.storage.journal import SqliteJournal


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    async def write() -> None:
        opened = await SqliteJournal.open(tmp_path / "journal.db", checkpoints=CheckpointRules())
        opened.append(Started(version="0.1.0", pid=7))
        await opened.close()

    asyncio.run(write())
    return tmp_path / "journal.db"


def test_the_public_key_is_printed_alone_and_the_private_one_is_not(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "key", "--journal", str(journal)]) == 0
    printed = capsys.readouterr().out
    kept = json.loads(key_of(journal).read_text())
    assert printed == kept["first"] + "\n"
    assert kept["private"][0] not in printed


def test_a_journal_without_a_key_is_said_to_have_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "key", "--journal", str(tmp_path / "journal.db")]) != 0
    assert "the daemon makes it when it first starts" in capsys.readouterr().err


def test_the_verifier_that_is_printed_verifies(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verifier"]) == 0
    program = tmp_path / "verify.py"
    program.write_text(capsys.readouterr().out)
    done = subprocess.run(
        [sys.executable, "-I", "-S", program, journal], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "every row from 1 to 2 is as it was written" in done.stdout
