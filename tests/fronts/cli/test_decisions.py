"""What a person decides on the command line: told in words and as JSON, with the name of who decides."""

import pytest

from fronts.keeper_bench import bench
from gattkeeper.fronts.cli import daemon_verbs
from gattkeeper.fronts.cli.style import Terminal
from gattkeeper.model.command import Origin
from gattkeeper.model.record import FlawAccepted
from sim.memory_journal import MemoryJournal

pytestmark = pytest.mark.asyncio

ALICE = Origin(front="cli", principal="alice", uid=1000, pid=7)
ACCEPT = ("audit", "accept", "--who", "Ann", "--why", "looked")


def flawed():
    journal = MemoryJournal()
    journal.flaws, journal.holds = ("rows are missing", "a file too"), True
    return journal


async def run(b, *argv):
    answer = daemon_verbs.run_daemon_verb(b.service, argv, Terminal(), ALICE)
    return [line for frame in [frame async for frame in answer] for line in frame.decode().splitlines()]


async def test_a_journal_taken_as_it_is_is_told_and_on_record(tmp_path):
    journal = flawed()
    async with bench(tmp_path, journal=journal) as b:
        assert await run(b, *ACCEPT) == [
            "orecorded: Ann accepts that rows are missing",
            "orecorded: Ann accepts that a file too",
            "x0",
        ]
        (row,) = [row.record for row in journal.rows if isinstance(row.record, FlawAccepted)]
        assert (row.flaws, row.who, row.why, row.origin) == (
            ("rows are missing", "a file too"),
            "Ann",
            "looked",
            ALICE,
        )
        assert (await run(b, *ACCEPT))[-1] == "x2", "once is enough"


async def test_the_same_for_programs(tmp_path):
    async with bench(tmp_path, journal=flawed()) as b:
        assert await run(b, *ACCEPT, "--json") == ['o{"flaws_accepted":["rows are missing","a file too"]}', "x0"]


async def test_an_acceptance_without_a_reason_is_refused(tmp_path):
    async with bench(tmp_path, journal=flawed()) as b:
        *_, code = await run(b, "audit", "accept", "--who", "Ann", "--why", " ")
        assert (code, b.keeper.status().alerts != ()) == ("x2", True)
