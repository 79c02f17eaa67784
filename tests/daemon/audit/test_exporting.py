"""`gattkeeper audit export`: whole files, and bounded memory."""

import csv
import json
import tracemalloc
from pathlib import Path

import pytest
from found import found
from journals import audit, write

from gattkeeper.daemon.audit.csv_lines import csv_lines
from gattkeeper.model.outcome import Verdict


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return write(tmp_path / "journal.db", *Verdict, None)


def test_jsonl_goes_to_stdout_row_by_row(journal: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert audit("export", journal, "--format", "jsonl") == 0
    segment, *rows = map(json.loads, capfdbinary.readouterr().out.splitlines())
    assert segment["segment"]["first_seq"] == 1
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))


def test_csv_takes_filters(journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out.csv"
    assert audit("export", journal, "--format", "csv", "--output", str(path), "--verdict", "unknown") == 0
    with path.open(newline="") as file:
        assert [row["command_id"] for row in csv.DictReader(file)] == ["c4"]
    assert f"{path}: {path.stat().st_size} bytes" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--device", "lounge"), ("--since", "today"), ("--id", "c1")])
def test_jsonl_is_every_row_or_nothing(
    journal: Path, tmp_path: Path, option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.jsonl"
    assert audit("export", journal, "--format", "jsonl", "--output", str(path), *option) == 2
    assert "filters go with csv and html" in capsys.readouterr().err
    assert not path.exists()


def test_a_file_that_is_there_is_replaced_only_when_asked(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    options = ("--format", "csv", "--output", str(path))
    assert audit("export", journal, *options) == 2
    assert "say --force to replace it" in capsys.readouterr().err
    assert path.read_text() == "old"
    assert audit("export", journal, *options, "--force") == 0
    assert path.read_text().startswith("seq,")


def test_no_file_is_left_when_there_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert audit("export", tmp_path / "none.db", "--format", "csv", "--output", str(path)) != 0
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_number_of_commands() -> None:
    one = found(Verdict.UNKNOWN)
    tracemalloc.start()
    try:
        for _ in csv_lines(one for _ in range(5_000)):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000
