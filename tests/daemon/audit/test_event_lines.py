"""Rows about no command, as people and programs get them: who, what, when, and nothing that steers a terminal."""

import csv
import json
from pathlib import Path
from typing import get_args

import pytest
from found import HOSTILE
from hypothesis import given
from journals import audit, noted

from gattkeeper.daemon.audit.event_lines import event_table, event_text
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Origin, Priority
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.record import (
    Alerted,
    CancelAsked,
    ClockStep,
    Closed,
    Denied,
    FlawAccepted,
    KeeperRow,
    Latch,
    Record,
    Recovery,
    ReprioritiseAsked,
    ResumeAsked,
    SegmentDeleted,
    SettingsRead,
    Started,
    StopAsked,
)
from gattkeeper.model.status import Alert, AlertKind
from gattkeeper.storage.event_query import FoundEvent
from model.anything import anything

EVE = Origin(front="socket", principal="eve", uid=1000, pid=77)
NOBODY = Origin(front="socket", uid=1001)
STOP = StopAsked(scope="all", latch=True, commands=("c1", "c2"), origin=EVE, at_us=1)
LATCH = Latch(device="lounge", by="c1", held=True, at_us=2)
DENIED = Denied(origin=NOBODY, why="not among the users", times=3, at_us=3)
SETTINGS = SettingsRead(path="g.toml", sha256="ab", changed=tuple("abcdef"), at_us=4, after_restart=("a",))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (Started(version="1", pid=7, adapters=("a", "b")), "gattkeeper 1 began, process 7, adapters: a, b"),
        (Closed(), "it ended in good order"),
        (STOP, "stop all, held until resume: c1, c2"),
        (ResumeAsked(scope="lounge", devices=("lounge",), origin=EVE, at_us=1), "resume lounge: lounge"),
        (CancelAsked(asked="c1", device="lounge", origin=EVE, at_us=1), "lounge: take c1 back"),
        (
            ReprioritiseAsked(asked="c1", device="lounge", priority=Priority.URGENT, origin=EVE, at_us=1),
            "lounge: c1 is urgent from now on",
        ),
        (
            FlawAccepted(flaws=("a is gone", "b too"), who="Ann", why="looked", origin=EVE, at_us=1),
            "Ann takes the journal as it is: a is gone; b too (looked)",
        ),
        (LATCH, "lounge: held until it is known what c1 did"),
        (Latch(device="lounge", by="c1", held=False, at_us=2), "lounge: c1 is known: free"),
        (
            Alerted(
                alert=Alert(kind=AlertKind.STOP_FAILED, device="lounge", raised=True, value=4, text="4 tries"),
                at_us=1,
            ),
            "lounge: stop failed raised: 4 tries",
        ),
        (
            Alerted(alert=Alert(kind=AlertKind.DEPTH, device="lounge", raised=False, value=0), at_us=1),
            "lounge: depth cleared",
        ),
        (DENIED, "not let in: not among the users, 3 times"),
        (
            Recovery(
                adapter="radio",
                rung=Rung.HARD_RESET,
                why="3 signs",
                at_us=1,
                fault=Fault(kind=FaultKind.TIMED_OUT, stack="keeper"),
            ),
            "radio: hard reset could not be done: timed_out (keeper); 3 signs",
        ),
        (
            Recovery(adapter="radio", rung=Rung.POWER_CYCLE, why="3 signs", at_us=1),
            "radio: power cycle done; 3 signs",
        ),
        (ClockStep(step_us=-2_500_000), "the wall clock went back by 2.500 s against the monotonic one"),
        (
            SegmentDeleted(number=2, first_seq=5, last_seq=9, last_hash="", why="too old"),
            "file 2, rows 5 to 9, is removed: too old",
        ),
        (SETTINGS, "g.toml: in force, other values in a, b, c, d, e …; after a restart: a"),
        (
            SettingsRead(path="", sha256="", changed=(), at_us=1),
            "without a file, by default: in force, other values in nothing",
        ),
        (
            SettingsRead(path="g.toml", sha256="", changed=(), at_us=1, refused="line 3"),
            "g.toml: refused, everything stays as it was: line 3",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_has_a_sentence(row: Record, said: str) -> None:
    assert event_text(row) == said


@pytest.mark.parametrize("kind", get_args(KeeperRow), ids=lambda kind: kind.__name__)
def test_no_text_steers_the_terminal(kind: type) -> None:
    @given(anything(kind))
    def prints(record: Record) -> None:
        found = FoundEvent(seq=1, utc_us=0, mono_us=0, boot_id="", clock_synced=None, record=record)
        assert all(line.isprintable() for line in event_table([found], Terminal()))

    prints()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return noted(tmp_path / "journal.db", SETTINGS, STOP, LATCH, DENIED)


def test_a_person_gets_a_line_for_each_with_who(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("query", journal, "--events") == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["row", "written", "(UTC)", "kind", "what", "who"]
    closed, denied, latch, stop, settings = lines
    assert "closed" in closed
    assert denied.split()[-3:] == ["socket", "uid", "1001"]
    assert "lounge: held until it is known what c1 did" in latch
    assert stop.endswith("socket eve")
    assert "settings" in settings


def test_a_program_gets_every_field_of_the_row(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("query", journal, "--kind", "stop", "--json", "--principal", "eve", "--since", "today") == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["kind"], told["front"], told["principal"], told["uid"], told["pid"]) == (
        "stop",
        "socket",
        "eve",
        1000,
        77,
    )
    assert told["body"]["commands"] == ["c1", "c2"]
    assert told["mono_us"] > 0
    assert told["utc"].startswith("20")


def test_pages_and_an_empty_answer_are_said(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("query", journal, "--events", "--limit", "2") == 0
    assert "the same again with --before 4\n" in capsys.readouterr().out
    assert audit("query", journal, "--kind", "resume") == 0
    assert capsys.readouterr().out == "no such row is in the journal\n"


@pytest.mark.parametrize("option", [("--verdict", "unknown"), ("--id", "c1"), ("--label", "x")])
def test_filters_of_commands_are_refused(
    journal: Path, option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit("query", journal, "--events", *option) == 2
    assert f"{option[0]} is about commands" in capsys.readouterr().err


def test_csv_has_them_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    journal = noted(tmp_path / "journal.db", DENIED, Latch(device=HOSTILE, by=HOSTILE, held=True, at_us=1))
    path = tmp_path / "out.csv"
    assert audit("export", journal, "--format", "csv", "--output", str(path), "--kind", "latch") == 0
    with path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["kind"] == "latch"
    assert row["text"].startswith(f"'{HOSTILE}")


@pytest.mark.parametrize("kind", ["jsonl", "html"])
def test_other_formats_say_what_they_are_for(journal: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("export", journal, "--format", kind, "--events") == 2
    assert "--events and --kind go with csv" in capsys.readouterr().err
