"""Journals of several files, for tests of what happens between them.

Knows how to fill them quickly: files are small here, a few dozen rows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from journal_rows import accepted, durable, ended, intended

from gattkeeper.model.outcome import Cause, Outcome, Verdict
from gattkeeper.model.record import Ended
from gattkeeper.storage import segments
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rotation import SegmentRules

SMALL = SegmentRules(size_max=120_000)
"""Bytes at which a file is full: a new one has 60 to 80 thousand."""


def unknown(command_id: str) -> Ended:
    outcome = Outcome(command_id=command_id, verdict=Verdict.UNKNOWN, cause=Cause.TIMED_OUT_IN_FLIGHT)
    return Ended(outcome=outcome, at_us=4)


async def fill(journal: SqliteJournal, first: int, commands: int) -> None:
    """So many delivered commands, c<first> and up, each with a key; durable on return."""
    answers = []
    for number in range(first, first + commands):
        name = f"c{number}"
        answers += [durable(journal, accepted(name, key=f"key-{name}")), durable(journal, intended(name))]
        answers.append(durable(journal, ended(name)))
        if number % 20 == 0:
            await asyncio.gather(*answers)  # so that not all of them are one batch
    assert set(await asyncio.gather(*answers)) <= {None}


def with_journal(
    path: Path, story: Callable[[SqliteJournal], Awaitable[None]], *, rules: SegmentRules = SMALL
) -> None:
    """Open, do something, close in good order."""

    async def run() -> None:
        journal = await SqliteJournal.open(path, rules=rules)
        try:
            await story(journal)
        finally:
            await journal.close()

    asyncio.run(run())


def three_files(path: Path) -> Path:
    """A journal of 400 commands, in three files at least."""
    with_journal(path, lambda journal: fill(journal, 0, 400))
    assert len(segments.files_of(path)) > 2
    return path
