"""The power goes at any moment: what was promised is on the disk, the chain is whole, every command ends once.

Real code writes on a recorded disk, and real code opens what a cut leaves of it: see `lost_power` for how little that
is. After a cut nothing that was not synced is left, or all of it, or any sectors of it.
"""

import asyncio
import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from disk_recorder import Recorder
from journal_rows import accepted, durable, ended, intended
from lost_power import Disk, Happening
from msgspec import Struct
from rotating import SMALL, unknown

from gattkeeper.model.outcome import Verdict
from gattkeeper.model.record import Record
from gattkeeper.storage import segments
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rotation import SegmentRules
from gattkeeper.storage.succession import Whole, verify_journal

SEED = 77
CUTS = 200
"""Of each story, at moments drawn from all of it: 100 ms each on a busy machine."""

LANES = 6
KEPT = (0.0, 0.5, 1.0)
"""How much of what was not synced is left, in turn."""


class Promise(Struct, frozen=True, kw_only=True):
    """What somebody was told, and after how many happenings."""

    after: int
    kind: str
    command_id: str


Story = Callable[["Told"], Awaitable[None]]


class Told:
    """A keeper's part of a story: writes rows, and notes what became durable."""

    def __init__(self, path: Path, happened: list[Happening], rules: SegmentRules) -> None:
        self.path, self.rules = path, rules
        self.promises: list[Promise] = []
        self.journal: SqliteJournal
        self._happened = happened

    async def start(self) -> None:
        self.journal = await SqliteJournal.open(self.path, rules=self.rules)
        for outcome in await self.journal.recover(version="0"):
            self.note("ended", outcome.command_id)

    def note(self, kind: str, command_id: str) -> None:
        self.promises.append(Promise(after=len(self._happened), kind=kind, command_id=command_id))

    async def row(self, record: Record, command_id: str) -> None:
        assert await durable(self.journal, record) is None
        self.note(str(record.__struct_config__.tag), command_id)

    async def lane(self, name: str, commands: int) -> None:
        """Commands as they come: every fourth ends unknown, the last of them never ends."""
        for number in range(commands):
            command_id = f"{name}.{number}"
            await self.row(accepted(command_id, key=f"key-{command_id}", label="x" * 400), command_id)
            await self.row(intended(command_id), command_id)
            if number < commands - 1:
                await self.row(unknown(command_id) if number % 4 == 3 else ended(command_id), command_id)

    async def lanes(self, name: str, commands: int) -> None:
        await asyncio.gather(*(self.lane(f"{name}.{lane}", commands) for lane in range(LANES)))


async def files_that_follow(told: Told) -> None:
    """Small files, and two starts after a good end."""
    for start in range(3):
        await told.start()
        await told.lanes(f"s{start}", 9)
        await told.journal.close()


async def one_long_file(told: Told) -> None:
    """More pages than SQLite keeps in its log (1000): it moves them into the file, and begins the log anew."""
    await told.start()
    await told.lanes("long", 70)
    await told.journal.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a thing: the disk is a model here, and a real one only slow."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.mark.parametrize(
    ("story", "rules"),
    [
        (files_that_follow, SMALL),
        (one_long_file, SegmentRules()),
        (files_that_follow, SegmentRules(size_max=SMALL.size_max, kept_size_max=250_000)),
    ],
    ids=["files that follow each other", "a log that begins anew", "old files go"],
)
def test_whatever_a_power_cut_leaves_is_whole_and_holds_what_was_promised(
    folder: Path, story: Story, rules: SegmentRules
) -> None:
    happened, promises = record(folder, story, rules)
    disk, dice = Disk(), random.Random(SEED)
    chosen = set(dice.sample(range(len(happened)), CUTS))
    for number, happening in enumerate(happened):
        disk.feed(happening)
        if number in chosen:
            kept = KEPT[number % len(KEPT)]
            with tempfile.TemporaryDirectory(dir=folder) as left:
                disk.leave(Path(left), dice, kept=kept)
                made = [promise for promise in promises if promise.after <= number + 1]
                check(Path(left) / "journal.db", rules, made, where=f"cut after {number}, {kept} kept")


def record(folder: Path, story: Story, rules: SegmentRules) -> tuple[list[Happening], list[Promise]]:
    home = folder / "recorded"
    home.mkdir()
    recorder = Recorder(home)
    told = Told(home / "journal.db", recorder.happened, rules)

    async def run() -> None:
        await story(told)

    with recorder.on():
        asyncio.run(run())
    return recorder.happened, told.promises


def check(path: Path, rules: SegmentRules, made: Sequence[Promise], *, where: str) -> None:
    """Open it as a start does, and hold everything against what was promised."""

    async def start() -> list[str]:
        journal = await SqliteJournal.open(path, rules=rules)
        try:
            outcomes = await journal.recover(version="0")
        finally:
            await journal.close()
        assert all(outcome.verdict is not Verdict.DELIVERED for outcome in outcomes), where
        return [outcome.command_id for outcome in outcomes]

    settled = asyncio.run(start())
    found = verify_journal(path)
    assert isinstance(found, Whole), f"{where}: {found}"
    there = Counter(rows(path))
    ends = Counter(command for kind, command in there.elements() if kind == "ended")
    starts = {command for kind, command in there if kind == "accepted"}
    assert max(ends.values(), default=1) == 1, where
    already = {promise.command_id for promise in made if promise.kind == "ended"}
    assert not already & set(settled), f"{where}: told an outcome, and given another one"
    if rules.kept_size_max:
        return  # rows go with their files there
    assert set(ends) == starts, where
    missing = {(promise.kind, promise.command_id) for promise in made} - set(there)
    assert not missing, f"{where}: promised and not there: {sorted(missing)}"


def rows(path: Path) -> Iterator[tuple[str, str]]:
    for file in segments.files_of(path):
        with closing(sqlite3.connect(file)) as connection:
            yield from connection.execute("SELECT kind, command_id FROM journal WHERE command_id NOT NULL")


@pytest.mark.parametrize(("synchronous", "kept"), [("FULL", True), ("OFF", False)])
def test_the_model_takes_away_what_nobody_synced(folder: Path, synchronous: str, kept: bool) -> None:
    """Else the test above could not fail."""
    recorder = Recorder(folder)
    with recorder.on(), closing(sqlite3.connect(folder / "plain.db", isolation_level=None)) as connection:
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        told_after = len(recorder.happened)
    disk = Disk()
    for happening in recorder.happened[:told_after]:
        disk.feed(happening)
    with tempfile.TemporaryDirectory(dir=folder) as left:
        disk.leave(Path(left), random.Random(SEED), kept=0)
        with closing(sqlite3.connect(Path(left) / "plain.db")) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    assert tables == (["t"] if kept else [])
