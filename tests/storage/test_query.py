"""Commands come out of real journals with all that belongs to them, over all files, and as the filters say."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_rows import READ, WRITE, accepted, durable, ended, intended
from rotating import fill, unknown, with_journal

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command, Origin
from gattkeeper.model.outcome import Cause, Outcome, Resolution, Verdict
from gattkeeper.model.record import Accepted, Ended, Record, Resolved
from gattkeeper.storage import query, segments
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.query import Found, Wanted, commands
from gattkeeper.storage.rotation import SegmentRules

ONE_FILE = SegmentRules(size_max=0)


def resolved(command_id: str) -> Resolved:
    return Resolved(resolution=Resolution(command_id=command_id, applied=True, who="eve", why="looked"), at_us=9)


def writing(*records: Record) -> Callable[[SqliteJournal], Awaitable[None]]:
    async def story(journal: SqliteJournal) -> None:
        answers = [durable(journal, record) for record in records]
        assert [await answer for answer in answers] == [None] * len(answers)

    return story


def found_in(path: Path, **wanted: object) -> list[Found]:
    return list(commands(path, Wanted(**wanted)))  # type: ignore[arg-type]  # each test names what it means


def ids(path: Path, **wanted: object) -> list[str]:
    return [found.command.id for found in found_in(path, **wanted)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_a_command_comes_with_its_outcome_attempts_latency_and_resolution(path: Path) -> None:
    with_journal(
        path, writing(accepted("a"), intended("a"), intended("a", attempt=2), unknown("a"), resolved("a"))
    )
    (found,) = found_in(path)
    assert found.outcome == unknown("a").outcome
    assert found.resolution == resolved("a").resolution
    assert found.attempts == 2
    assert found.latency_us is not None
    assert 0 <= found.latency_us < 60_000_000
    assert found.ended_utc_us is not None
    assert found.utc_us <= found.ended_utc_us


def test_the_newest_comes_first_and_pages_follow_each_other(path: Path) -> None:
    with_journal(path, writing(*(accepted(name) for name in "abcde")))
    first = found_in(path)[:2]
    assert [found.command.id for found in first] == ["e", "d"]
    assert ids(path, before=first[-1].seq) == ["c", "b", "a"]


def test_pages_of_one_file_leave_nothing_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "COMMANDS_AT_ONCE", 2)
    with_journal(path, writing(*(accepted(f"c{number}") for number in range(5))))
    told: list[int] = []
    found = list(commands(path, Wanted(), on_progress=told.append))
    assert [one.command.id for one in found] == ["c4", "c3", "c2", "c1", "c0"]
    assert told == sorted(told, reverse=True)


def test_a_command_that_has_not_ended_is_open(path: Path) -> None:
    with_journal(path, writing(accepted("a"), accepted("b"), ended("b")))
    assert ids(path, verdicts=frozenset({"open"})) == ["a"]
    assert ids(path, verdicts=frozenset({"open", "delivered"})) == ["b", "a"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"devices": frozenset({"lounge"})}, ["b", "a"]),
        ({"devices": frozenset({"lounge", "pump"})}, ["c", "b", "a"]),
        ({"devices": frozenset({"nobody"})}, []),
        ({"devices": frozenset({"\udcff"})}, []),
        ({"command_id": "\udcff"}, []),
        ({"label": "\udcff"}, []),
        ({"verdicts": frozenset({"unknown"})}, ["b"]),
        ({"causes": frozenset({"superseded", "timed_out_in_flight"})}, ["c", "b"]),
        ({"operation": "read"}, ["c"]),
        ({"front": "socket"}, ["c"]),
        ({"principal": "nurse"}, ["c"]),
        ({"command_id": "b"}, ["b"]),
        ({"label": "POSITION"}, ["b"]),
        ({"since_us": 0}, ["c", "b", "a"]),
        ({"until_us": 0}, []),
        ({"since_us": 2**60}, []),
        ({"devices": frozenset({"lounge"}), "verdicts": frozenset({"delivered"})}, ["a"]),
    ],
)
def test_filters(path: Path, wanted: dict[str, object], expected: list[str]) -> None:
    nurse = Origin(front="socket", principal="nurse", uid=1000)
    superseded = Outcome(command_id="c", verdict=Verdict.NOT_DELIVERED, cause=Cause.SUPERSEDED, by="d")
    with_journal(
        path,
        writing(
            accepted("a"),
            ended("a"),
            accepted("b", label="set_position 73"),
            unknown("b"),
            Accepted(command=Command(device="pump", id="c", operation=READ, origin=nurse), at_us=1),
            Ended(outcome=superseded, at_us=2),
        ),
    )
    assert ids(path, **wanted) == expected


def test_every_file_is_read_and_nothing_twice(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 400))
    assert len(segments.files_of(path)) > 2
    assert ids(path) == [f"c{number}" for number in reversed(range(400))]
    assert all(found.outcome for found in found_in(path))


def test_an_end_in_a_later_file_belongs_to_its_command(path: Path) -> None:
    async def story(journal: SqliteJournal) -> None:
        await writing(accepted("early"), intended("early"))(journal)
        await fill(journal, 0, 250)
        await writing(unknown("early"))(journal)
        await fill(journal, 250, 250)
        await writing(resolved("early"))(journal)

    with_journal(path, story)
    assert len(segments.files_of(path)) > 2
    (found,) = found_in(path, command_id="early")
    assert found.outcome == unknown("early").outcome
    assert found.resolution == resolved("early").resolution


def test_an_unknown_one_is_still_there_when_its_file_was_deleted(path: Path) -> None:
    async def story(journal: SqliteJournal) -> None:
        await writing(accepted("early"), intended("early"), unknown("early"))(journal)
        await fill(journal, 0, 400)

    with_journal(path, story)
    for sealed in segments.files_of(path)[:-1]:
        sealed.unlink()
    (found,) = found_in(path, verdicts=frozenset({"unknown"}))
    assert found.command.id == "early"
    assert found.seq == 1  # the number that it always had


def test_a_sealed_file_with_nothing_new_enough_ends_the_search(path: Path) -> None:
    with_journal(path, lambda journal: fill(journal, 0, 600))
    newest = found_in(path)[0]
    first, *others = segments.files_of(path)
    assert len(others) > 2
    first.unlink()
    first.write_bytes(b"no journal")  # it would be seen if it were opened
    assert newest.command.id in ids(path, since_us=newest.utc_us)
    with pytest.raises(StorageError, match="is not a gattkeeper journal"):
        ids(path)


def test_a_clock_that_was_set_back_hides_nothing(path: Path) -> None:
    wall_us = 9_000_000_000

    async def story() -> None:
        nonlocal wall_us
        journal = await SqliteJournal.open(path, utc_us=lambda: wall_us)
        for name, at_us in (("a", 9_000_000_000), ("b", 1_000_000_000), ("c", 8_000_000_000)):
            wall_us = at_us
            await durable(journal, accepted(name))
        await journal.close()

    asyncio.run(story())
    assert ids(path, since_us=5_000_000_000) == ["c", "a"]
    assert ids(path, until_us=5_000_000_000) == ["b"]


def test_it_reads_beside_a_journal_that_is_written(path: Path) -> None:
    async def story(journal: SqliteJournal) -> None:
        await writing(accepted("a"))(journal)
        reading = commands(path, Wanted())
        assert next(reading).command.id == "a"
        await writing(accepted("b"))(journal)
        assert ids(path) == ["b", "a"]

    with_journal(path, story)


def test_a_damaged_row_is_named(path: Path) -> None:
    with_journal(path, writing(accepted("a")))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER journal_is_never_updated")
        connection.execute("UPDATE journal SET body = x'00' WHERE kind = 'accepted'")
    with pytest.raises(StorageError, match="row 1 of the journal is damaged"):
        ids(path)


@pytest.mark.parametrize(("content", "said"), [(None, "No such file"), (b"list", "is not a gattkeeper journal")])
def test_what_is_no_journal_is_refused(path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StorageError, match=said):
        ids(path)


def test_a_file_that_sqlite_cannot_read_is_said_to_be_so(path: Path) -> None:
    with_journal(path, writing(accepted("a")))
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    with pytest.raises(StorageError, match="cannot be (read|used|opened)"):
        ids(path)


verdicts_of = st.lists(st.sampled_from(["open", "delivered", "unknown", "resolved"]), min_size=1, max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ends=verdicts_of, texts=st.data())
def test_any_journal_is_read_as_it_was_written(
    ends: list[str], texts: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "journal.db"
    text = st.text(st.characters(codec="utf-8"), max_size=20)
    written: list[Command] = []
    records: list[Record] = []
    for number, end in enumerate(ends):
        name = f"c{number}"
        command = Command(
            device=texts.draw(text) or "-",
            id=name,
            operation=WRITE,
            label=texts.draw(text),
            origin=Origin(principal=texts.draw(text)),
        )
        written.append(command)
        records.append(Accepted(command=command, at_us=number))
        records += [ended(name)] if end == "delivered" else []
        records += [unknown(name)] if end in ("unknown", "resolved") else []
        records += [resolved(name)] if end == "resolved" else []
    with_journal(path, writing(*records), rules=ONE_FILE)
    found = found_in(path)
    assert [one.command for one in found] == written[::-1]
    for one, end in zip(found, reversed(ends), strict=True):
        said = "resolved" if one.resolution else one.outcome.verdict.value if one.outcome else "open"
        assert said == end
