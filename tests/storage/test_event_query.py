"""Rows about no command come out of real journals, over all files, newest first, and as the filters say."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from journal_rows import accepted, durable, ended
from rotating import SMALL, fill, with_journal

from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Origin
from gattkeeper.model.record import ClockStep, Denied, Latch, Record, Recovery, ResumeAsked, SettingsRead
from gattkeeper.storage import event_query, segments
from gattkeeper.storage.event_query import FoundEvent, WantedEvents, events
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rotation import SegmentRules

EVE = Origin(front="socket", principal="eve", uid=1000, pid=77)
NURSE = Origin(front="cli", principal="nurse", uid=1001, pid=78)
LATCH = Latch(device="lounge", by="c1", held=True, at_us=1)
RUNG = Recovery(adapter="radio", rung=Rung.POWER_CYCLE, why="wedged", at_us=2, device="kitchen")
RESUME = ResumeAsked(scope="all", devices=("lounge",), origin=NURSE, at_us=3)
DENIED = Denied(origin=EVE, why="not among the users", times=1, at_us=4)
READ = SettingsRead(path="/etc/g.toml", sha256="00", changed=(), at_us=5)


async def put(journal: SqliteJournal, *records: Record) -> None:
    assert [await answer for answer in [durable(journal, record) for record in records]] == [None] * len(records)


def found_in(path: Path, **wanted: object) -> list[FoundEvent]:
    return list(events(path, WantedEvents(**wanted)))  # type: ignore[arg-type]  # each test names what it means


def records(path: Path, **wanted: object) -> list[Record]:
    return [found.record for found in found_in(path, **wanted)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    rows = (LATCH, accepted("a"), RUNG, RESUME, ended("a"), DENIED, READ)
    with_journal(path, lambda journal: put(journal, *rows), rules=SegmentRules(size_max=0))
    return path


def test_rows_about_commands_are_left_out_and_the_newest_comes_first(path: Path) -> None:
    closed, *found = found_in(path)
    assert closed.record.__struct_config__.tag == "closed"
    assert [one.record for one in found] == [READ, DENIED, RESUME, RUNG, LATCH]
    assert [one.seq for one in found] == [7, 6, 4, 3, 1]
    assert {one.boot_id for one in found} == {closed.boot_id}
    assert all(0 < one.mono_us <= closed.mono_us for one in found)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"kinds": frozenset({"latch", "denied"})}, [DENIED, LATCH]),
        ({"devices": frozenset({"lounge", "kitchen"})}, [RUNG, LATCH]),
        ({"front": "socket"}, [DENIED]),
        ({"principal": "nurse"}, [RESUME]),
        ({"front": "socket", "principal": "nurse"}, []),
        ({"before": 4}, [RUNG, LATCH]),
        ({"until_us": 1}, []),
    ],
    ids=["kinds", "devices", "front", "principal", "front and principal", "before", "until"],
)
def test_filters_must_all_hold(path: Path, wanted: dict[str, object], expected: list[Record]) -> None:
    assert records(path, **wanted) == expected


def test_pages_of_one_file_leave_nothing_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_query, "EVENTS_AT_ONCE", 1)
    told: list[int] = []
    assert len(list(events(path, WantedEvents(), on_progress=told.append))) == 6
    assert told == sorted(told, reverse=True)


def test_what_stands_in_sealed_files_is_found_and_looked_for_no_longer_than_needed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def story(journal: SqliteJournal) -> None:
        await put(journal, LATCH)
        await fill(journal, 0, 400)
        await put(journal, RESUME)

    with_journal(path, story, rules=SMALL)
    assert len(segments.files_of(path)) > 2
    kinds = frozenset({"latch", "resume"})
    assert records(path, kinds=kinds) == [RESUME, LATCH]
    (resume,) = found_in(path, kinds=frozenset({"resume"}))
    assert records(path, kinds=kinds, since_us=resume.utc_us) == [RESUME]


def test_whether_the_clock_was_kept_right_may_be_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, synced in enumerate((None, False, True)):
        monkeypatch.setattr("gattkeeper.storage.clock.synchronised", lambda synced=synced: synced)
        path = tmp_path / f"{number}.db"
        with_journal(path, lambda journal: put(journal, ClockStep(step_us=1)))
        assert {found.clock_synced for found in found_in(path)} == {synced}


def test_they_are_found_by_an_index_of_their_own(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN {event_query._PAGE.format(conditions='')}", (9, 9)
        ).fetchall()
    assert "journal_keeper" in str(plan)


def test_the_journal_is_read_beside_its_keeper(tmp_path: Path) -> None:
    async def story() -> None:
        journal = await SqliteJournal.open(tmp_path / "journal.db")
        await put(journal, LATCH)
        assert records(tmp_path / "journal.db") == [LATCH]
        await journal.close()

    asyncio.run(story())
