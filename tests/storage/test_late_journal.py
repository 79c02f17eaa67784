"""A journal that comes late: rows fail with its fault until then, and are written from then on."""

import asyncio
from pathlib import Path

import pytest
from journal_rows import accepted, durable, ended

from gattkeeper.errors import StorageError
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.late_journal import LateJournal


@pytest.mark.asyncio
async def test_until_it_comes_rows_fail_in_order_and_nothing_is_known() -> None:
    fault = StorageError("gone")
    late = LateJournal(fault)
    answers: list[StorageError | None] = []
    late.append(accepted("a"), answers.append)
    late.append(accepted("b"))
    assert answers == [], "told on the loop, as by any journal"
    await asyncio.sleep(0)
    assert answers == [fault]
    assert (late.find_key("key"), late.records_of("a"), late.unresolved()) == ("", [], [])
    await late.close()


@pytest.mark.asyncio
async def test_from_then_on_it_is_the_journal(tmp_path: Path) -> None:
    late = LateJournal(StorageError("gone"))
    late.take(await SqliteJournal.open(tmp_path / "journal.db"))
    assert late.fault is None
    assert await durable(late, accepted("a", key="key")) is None
    assert await durable(late, ended("a")) is None
    assert late.find_key("key") == "a"
    assert len(late.records_of("a")) == 2
    assert late.unresolved() == []
    await late.close()
    assert (await asyncio.to_thread(_held_by_nobody, tmp_path / "journal.db")) is None


def _held_by_nobody(path: Path) -> None:
    async def again() -> None:
        await (await SqliteJournal.open(path)).close()

    asyncio.run(again())
