"""`gattkeeper audit query` on real files, as a person and as a program see it."""

import json
from pathlib import Path

import pytest
from found import HOSTILE, found, resolution
from journals import audit, write

from gattkeeper.daemon.audit.querying import table_of
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.model.outcome import Verdict

EVERY = (*Verdict, None)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return write(tmp_path / "journal.db", *EVERY)


def test_a_person_gets_a_line_for_each_the_newest_first(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("query", journal) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["row", "accepted", "(UTC)", "what", "verdict", "took", "who", "why"]
    for line, word in zip(lines, ("open", "unknown", "not delivered", "sent", "delivered"), strict=True):
        assert f"  lounge set_position 73  {word} " in line
        assert "socket nurse" in line
    assert "resolved: applied (eve)" in lines[1]


def test_a_page_says_how_the_next_one_is_had(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit("query", journal, "--limit", "2")
    said = capsys.readouterr().out
    assert "there are older ones: the same again with --before 8\n" in said
    audit("query", journal, "--limit", "3", "--before", "8", "--json")
    assert [json.loads(line)["command_id"] for line in capsys.readouterr().out.splitlines()] == ["c3", "c2", "c1"]


def test_a_program_gets_a_line_of_json_for_each(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        audit("query", journal, "--json", "--verdict", "unknown", "--since", "2 h ago", "--device", "lounge") == 0
    )
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["command_id"], told["verdict"], told["resolved"]) == ("c4", "unknown", "applied")
    assert told["stack_text"] == HOSTILE


def test_nothing_found_is_said(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("query", journal, "--until", "2000-01-01") == 0
    assert capsys.readouterr().out == "no such command is in the journal\n"
    assert audit("query", journal, "--until", "2000-01-01", "--json") == 0
    assert capsys.readouterr().out == ""


def test_a_moment_that_is_none_is_a_usage_error(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("query", journal, "--since", "soon") == 2
    assert "'soon' is no moment" in capsys.readouterr().err


def test_a_journal_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("query", tmp_path / "none.db") != 0
    assert "No such file" in capsys.readouterr().err


def test_no_text_steers_the_terminal() -> None:
    one = found(Verdict.UNKNOWN, device=HOSTILE, label=HOSTILE, principal=HOSTILE)
    other = found(Verdict.UNKNOWN, resolution=resolution(who=HOSTILE))
    assert all(line.isprintable() for line in table_of([one, other], Terminal()))


def test_a_terminal_gets_colour_and_lines_that_fit() -> None:
    lines = table_of([found(Verdict.UNKNOWN, label="x" * 300)], Terminal(tty=True, color=True, columns=100))
    assert "\x1b[33m?\x1b[0m" in lines[1]
    plain = table_of([found(Verdict.UNKNOWN, label="x" * 300)], Terminal(tty=True, columns=100))
    assert max(map(len, plain)) <= 100
