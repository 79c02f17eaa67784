"""Rows in memory: durable later, in order, or not at all."""

import asyncio

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.operation import Connect
from gattkeeper.model.outcome import Cause, Outcome, Resolution, Verdict
from gattkeeper.model.record import Accepted, Closed, Ended, Resolved, Started
from gattkeeper.world import run_virtual
from sim.memory_journal import MemoryJournal

STARTED = Started(version="1", pid=1)
COMMAND = Command(device="lamp", operation=Connect(), id="c-1", idempotency_key="key")
ACCEPTED = Accepted(command=COMMAND, at_us=0)
UNKNOWN = Ended(outcome=Outcome(command_id="c-1", verdict=Verdict.UNKNOWN, cause=Cause.CRASHED_IN_FLIGHT), at_us=1)


def records(journal: MemoryJournal) -> list:
    return [row.record for row in journal.rows]


def test_a_row_is_durable_later_and_its_owner_is_told_then():
    async def scenario():
        journal = MemoryJournal(sync_s=0.5)
        told = []
        journal.append(STARTED, told.append)
        journal.append(Closed(), told.append)
        assert journal.rows == []
        await asyncio.sleep(0.6)
        assert records(journal) == [STARTED, Closed()]
        assert told == [None, None]

    run_virtual(scenario())


def test_while_the_disk_fails_nothing_is_kept_and_every_owner_is_told():
    async def scenario():
        journal = MemoryJournal()
        told = []
        journal.failing = True
        journal.append(STARTED, told.append)
        journal.append(STARTED)
        await asyncio.sleep(1)
        assert journal.rows == []
        assert [type(error) for error in told] == [StorageError]

    run_virtual(scenario())


def test_a_crash_takes_what_is_not_durable_and_the_next_life_has_the_rest():
    async def scenario():
        journal = MemoryJournal()
        journal.append(ACCEPTED)
        await asyncio.sleep(1)
        told = []
        journal.append(UNKNOWN, told.append)
        journal.crash()
        journal.append(Closed())
        await asyncio.sleep(1)
        again = MemoryJournal(rows=journal.rows)
        assert records(again) == [ACCEPTED]
        assert again.find_key("key") == "c-1"
        assert told == []

    run_virtual(scenario())


def test_commands_are_found_by_key_by_id_and_while_they_are_unresolved():
    async def scenario():
        journal = MemoryJournal()
        for row in (STARTED, ACCEPTED, UNKNOWN):
            journal.append(row)
        await asyncio.sleep(1)
        assert journal.find_key("key") == "c-1"
        assert journal.find_key("other") == ""
        assert journal.records_of("c-1") == [ACCEPTED, UNKNOWN]
        assert journal.unresolved() == [COMMAND]
        resolution = Resolution(command_id="c-1", applied=True, who="a person", why="looked")
        journal.append(Resolved(resolution=resolution, at_us=2))
        await journal.close()
        assert journal.unresolved() == []

    run_virtual(scenario())
