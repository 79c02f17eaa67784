"""The journal as the keeper sees it: appending, looking up, closing, recovering."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from journal_rows import READ, accepted, attempt_failed, durable, ended, intended, rows, seqs

from gattkeeper.errors import StorageError
from gattkeeper.model.fault import Ran
from gattkeeper.model.outcome import Cause, Outcome, Resolution, Verdict
from gattkeeper.model.record import ClockStep, Ended, Record, Resolved, Started
from gattkeeper.runtime.ports import Journal
from gattkeeper.storage import clock
from gattkeeper.storage.journal import CLOCK_LOOK_EVERY_US, SqliteJournal
from gattkeeper.storage.rows import records_in

KINDS = "SELECT kind, command_id FROM journal ORDER BY seq"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.mark.asyncio
async def test_it_is_the_journal_the_runtime_asks_for(path: Path) -> None:
    journal: Journal = await SqliteJournal.open(path)
    await journal.close()


@pytest.mark.asyncio
async def test_folder_and_files_are_for_their_owner_alone(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    assert await durable(journal, accepted("c1")) is None
    assert path.parent.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"), 0o600)
    await journal.close()


@pytest.mark.asyncio
async def test_rows_of_a_command_come_back_oldest_first(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    resolved = Resolved(resolution=Resolution(command_id="c1", applied=True, who="ann", why="seen"), at_us=5)
    records: list[Record] = [
        accepted("c1"),
        intended("c1"),
        attempt_failed("c1", Ran.MAYBE),
        ended("c1"),
        resolved,
    ]
    for record in records:
        journal.append(record)
    assert await durable(journal, accepted("c2")) is None
    assert journal.records_of("c1") == records
    assert journal.records_of("c3") == []
    await journal.close()


@pytest.mark.asyncio
async def test_answers_come_in_the_order_of_appending(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    order: list[int] = []
    for n in range(300):
        journal.append(accepted(f"c{n}"), lambda _, n=n: order.append(n))  # type: ignore[misc]
    await durable(journal, accepted("last"))
    assert order == list(range(300))
    await journal.close()


@pytest.mark.asyncio
async def test_key_is_found_after_reopening(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    await durable(journal, accepted("c1", key="k1"))
    await durable(journal, accepted("c2"))
    await journal.close()
    journal = await SqliteJournal.open(path)
    assert journal.find_key("k1") == "c1"
    assert journal.find_key("k2") == ""
    assert journal.find_key("") == ""
    assert journal.find_key("\udc80") == ""
    await journal.close()


@pytest.mark.asyncio
async def test_row_carries_both_clocks_and_the_boot(path: Path) -> None:
    journal = await SqliteJournal.open(path, utc_us=lambda: 1_800_000_000_000_000, mono_us=lambda: 7)
    await durable(journal, accepted("c1"))
    await journal.close()
    ((utc_us, mono_us, boot_id),) = rows(path, "SELECT utc_us, mono_us, boot_id FROM journal WHERE seq = 1")
    assert (utc_us, mono_us) == (1_800_000_000_000_000, 7)
    source = Path("/proc/sys/kernel/random/boot_id")
    assert boot_id == (source.read_text().strip() if source.exists() else "")


@pytest.mark.asyncio
@pytest.mark.parametrize("step_us", [3_600_000_000, -1_000_000])
async def test_a_wall_clock_that_was_set_is_a_row_of_its_own(path: Path, step_us: int) -> None:
    wall = [1_800_000_000_000_000]
    journal = await SqliteJournal.open(path, utc_us=lambda: wall[0], mono_us=lambda: 7)
    await durable(journal, accepted("c1"))
    wall[0] += step_us
    await durable(journal, accepted("c2"))
    wall[0] += 999_999
    await durable(journal, accepted("c3"))
    await journal.close()
    assert [kind for kind, _ in rows(path, KINDS)] == ["accepted", "clock_step", "accepted", "accepted", "closed"]
    ((body,),) = rows(path, "SELECT body FROM journal WHERE kind = 'clock_step'")
    assert records_in([(2, body)]) == [ClockStep(step_us=step_us)]


@pytest.mark.asyncio
async def test_rows_say_whether_the_clock_was_kept_right(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mono = [0]
    monkeypatch.setattr(clock, "synchronised", lambda: False)
    journal = await SqliteJournal.open(path, utc_us=lambda: mono[0], mono_us=lambda: mono[0])
    await durable(journal, accepted("c1"))
    monkeypatch.setattr(clock, "synchronised", lambda: True)
    await durable(journal, accepted("c2"))
    mono[0] += CLOCK_LOOK_EVERY_US
    await durable(journal, accepted("c3"))
    assert rows(path, "SELECT clock_synced FROM journal ORDER BY seq") == [(0,), (0,), (1,)]
    await journal.close()


@pytest.mark.asyncio
async def test_closing_writes_what_was_appended_and_then_that_it_closed(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    answers = [durable(journal, accepted(f"c{n}")) for n in range(50)]
    await journal.close()
    assert [answer.result() for answer in answers] == [None] * 50
    assert [kind for _, kind in rows(path)] == ["accepted"] * 50 + ["closed"]


@pytest.mark.asyncio
async def test_closing_again_does_nothing_and_appending_then_is_answered(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    await journal.close()
    await journal.close()
    journal.append(accepted("c1"))
    assert "the journal is closed" in str(await durable(journal, accepted("c2")))
    assert rows(path) == [(1, "closed")]


@pytest.mark.asyncio
async def test_second_opening_is_refused_under_any_name_and_harms_nothing(path: Path, tmp_path: Path) -> None:
    journal = await SqliteJournal.open(path)
    alias = tmp_path / "alias.db"
    alias.symlink_to(path)
    for name in (path, alias):
        with pytest.raises(StorageError, match="held by this very process"):
            await SqliteJournal.open(name)
    assert await durable(journal, accepted("c1")) is None
    await journal.close()


@pytest.mark.asyncio
async def test_refused_file_leaves_the_lock_free(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("not a journal")
    for _ in range(2):
        with pytest.raises(StorageError, match="not a gattkeeper journal"):
            await SqliteJournal.open(path)


@pytest.mark.asyncio
async def test_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be made: Not a directory"):
        await SqliteJournal.open(tmp_path / "file" / "folder" / "journal.db")


@pytest.mark.asyncio
async def test_damage_found_while_reading_is_explained(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    journal._lookup._reader.close()
    with pytest.raises(StorageError, match="the journal cannot be read"):
        journal.records_of("c1")
    await journal.close()


@pytest.mark.asyncio
async def test_new_journal_has_nothing_to_recover_and_says_who_started(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    assert await journal.recover(version="1.2.3", adapters=("hci0",)) == []
    await journal.close()
    ((body,),) = rows(path, "SELECT body FROM journal WHERE kind = 'started'")
    assert records_in([(1, body)]) == [Started(version="1.2.3", pid=os.getpid(), adapters=("hci0",))]


@pytest.mark.asyncio
async def test_recovery_ends_what_was_open_once_and_durably(path: Path) -> None:
    journal = await SqliteJournal.open(path, mono_us=lambda: 77)
    records: list[Record] = [
        accepted("waited"),
        accepted("wrote"),
        accepted("read", operation=READ),
        accepted("done"),
    ]
    records += [intended("read"), intended("wrote"), intended("done"), ended("done")]
    for record in records:
        journal.append(record)
    await journal.close()
    journal = await SqliteJournal.open(path, mono_us=lambda: 77)
    outcomes = await journal.recover(version="0")
    assert [(outcome.command_id, outcome.verdict, outcome.cause) for outcome in outcomes] == [
        ("waited", Verdict.NOT_DELIVERED, Cause.NEVER_SENT),
        ("wrote", Verdict.UNKNOWN, Cause.CRASHED_IN_FLIGHT),
        ("read", Verdict.NOT_DELIVERED, Cause.FAILED),
    ]
    assert rows(path, KINDS)[-4:] == [
        ("started", None),
        ("ended", "waited"),
        ("ended", "wrote"),
        ("ended", "read"),
    ]
    assert journal.records_of("wrote")[-1] == Ended(outcome=outcomes[1], at_us=77)
    assert await journal.recover(version="0") == []
    await journal.close()


@pytest.mark.asyncio
async def test_recovery_interrupted_after_some_outcomes_gives_the_others_only(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    for record in (accepted("c1"), accepted("c2"), Started(version="0", pid=1), ended("c1")):
        journal.append(record)
    await journal.close()
    journal = await SqliteJournal.open(path)
    assert [outcome.command_id for outcome in await journal.recover(version="0")] == ["c2"]
    await journal.close()
    assert rows(path, "SELECT command_id FROM journal WHERE kind = 'ended'") == [("c1",), ("c2",)]


@pytest.mark.asyncio
async def test_more_open_commands_than_a_transaction_holds_all_end(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    for n in range(600):
        journal.append(accepted(f"c{n}"))
    await journal.close()
    journal = await SqliteJournal.open(path)
    outcomes = await journal.recover(version="0")
    assert [outcome.command_id for outcome in outcomes] == [f"c{n}" for n in range(600)]
    await journal.close()
    assert rows(path, "SELECT count(*) FROM open_command") == [(0,)]


@pytest.mark.asyncio
async def test_recovery_that_cannot_be_written_is_refused_and_can_be_repeated(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    await durable(journal, accepted("c1"))
    away = path.with_name("away.db")
    path.rename(away)
    with pytest.raises(StorageError, match="cannot be written"):
        await journal.recover(version="0")
    away.rename(path)
    assert [outcome.command_id for outcome in await journal.recover(version="0")] == ["c1"]
    await journal.close()


@pytest.mark.asyncio
async def test_looking_up_and_recovering_never_read_the_whole_log(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    asked: list[str] = []
    journal._lookup._reader.set_trace_callback(asked.append)
    await journal.recover(version="0")
    journal.records_of("c1")
    journal.find_key("k1")
    await journal.close()
    assert len(asked) == 6
    with closing(sqlite3.connect(path)) as connection:
        for query in asked:
            plan = [detail for *_, detail in connection.execute("EXPLAIN QUERY PLAN " + query)]
            assert any(step.startswith(("SEARCH journal USING", "SEARCH carried")) for step in plan), plan
            assert not any(step.startswith(("SCAN journal", "SCAN carried")) for step in plan), plan


@pytest.mark.asyncio
async def test_open_commands_are_those_the_journal_itself_says(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    for n in range(20):
        journal.append(accepted(f"c{n}"))
        if n % 3:
            journal.append(ended(f"c{n}"))
    await journal.close()
    derived = """
        SELECT command_id FROM journal WHERE kind = 'accepted'
        EXCEPT SELECT command_id FROM journal WHERE kind = 'ended'
    """
    assert sorted(rows(path, "SELECT command_id FROM open_command")) == sorted(rows(path, derived))
    assert seqs(path) == list(range(1, 35))


@pytest.mark.asyncio
async def test_caller_that_gave_up_on_recovery_harms_nothing(path: Path) -> None:
    journal = await SqliteJournal.open(path)
    recovery = asyncio.ensure_future(journal.recover(version="0"))
    asyncio.get_running_loop().call_soon(recovery.cancel)
    with pytest.raises(asyncio.CancelledError):
        await recovery
    assert await durable(journal, accepted("c1")) is None
    await journal.close()


@pytest.mark.asyncio
async def test_unknown_outcome_is_unresolved_until_a_resolution_is_durable(path: Path) -> None:
    unknown = Outcome(command_id="c1", verdict=Verdict.UNKNOWN, cause=Cause.LINK_LOST_IN_FLIGHT)
    journal = await SqliteJournal.open(path)
    for record in (accepted("c1"), Ended(outcome=unknown, at_us=4), accepted("c2"), ended("c2")):
        journal.append(record)
    assert await durable(journal, accepted("c3")) is None
    assert [command.id for command in journal.unresolved()] == ["c1"]
    await journal.close()
    journal = await SqliteJournal.open(path)
    assert [command.id for command in journal.unresolved()] == ["c1"]
    resolution = Resolution(command_id="c1", applied=True, who="ann", why="seen")
    assert await durable(journal, Resolved(resolution=resolution, at_us=5)) is None
    assert journal.unresolved() == []
    await journal.close()
