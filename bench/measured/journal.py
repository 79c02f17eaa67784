"""What a durable, hash-chained row takes when many callers wait for theirs, against a plain table in the same
SQLite with the same `synchronous=FULL` and a commit for each row: no chain, no thread, no columns but the body.
And what a start takes with a long journal, against an empty one.

The event loop's share is the processor time of its own thread, for a row and its answer; theirs is the same insert
on that thread. To verify is to compute the whole chain anew and to look at everything beside it; theirs only reads
the rows and takes a hash of each body. Both are processor time.
"""

import asyncio
import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles

import msgspec
from msgspec.structs import replace

from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.errors import StorageError
from gattkeeper.model.identity import parse_address
from gattkeeper.model.record import Intended, Record
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.storage import chain, journal_file
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rotation import SegmentRules
from gattkeeper.storage.rows import INSERT
from gattkeeper.storage.succession import Whole, verify_journal
from measured.figures import Figure, Goal, Tick
from measured.keeper_cost import PLENTY, InstantLink, command

TITLE = "The journal"
CALLERS = 100
ROWS_EACH = 10
ROWS_OF_PLAIN = 200
AT_ONCE = 50_000
ROW_BYTES = 250
"""Of a usual row."""
ADDED_S_MAX = 10e-6
_BECAUSE = (
    "A command is several rows, each made, handed to the journal's thread and answered, and it is sent only when"
    " the disk has its intent: another event for the core, another turn of the loop, and a thread that wakes it."
)
VERIFIED_ROWS_MAX = 4 * AT_ONCE
ONE_FILE = SegmentRules(size_max=0)


def row(number: int) -> Record:
    return Intended(command_id=f"c{number}", attempt=1, epoch=1, at_us=number)


async def together(path: Path) -> float:
    """Seconds for a row, each caller waiting for one before the next."""
    journal = await SqliteJournal.open(path, rules=ONE_FILE)
    loop = asyncio.get_running_loop()

    async def caller(lane: int) -> None:
        for number in range(ROWS_EACH):
            answer: asyncio.Future[StorageError | None] = loop.create_future()
            journal.append(row(lane * ROWS_EACH + number), answer.set_result)
            assert await answer is None

    began = time.perf_counter()
    await asyncio.gather(*map(caller, range(CALLERS)))
    took = time.perf_counter() - began
    await journal.close()
    return took / (CALLERS * ROWS_EACH)


async def waited(path: Path) -> float:
    """The 99th percentile of how long callers wait for their row, in seconds."""
    journal = await SqliteJournal.open(path, rules=ONE_FILE)
    loop = asyncio.get_running_loop()
    waits: list[float] = []

    async def caller(lane: int) -> None:
        for number in range(ROWS_EACH):
            answer: asyncio.Future[StorageError | None] = loop.create_future()
            began = time.perf_counter()
            journal.append(row(lane * ROWS_EACH + number), answer.set_result)
            assert await answer is None
            waits.append(time.perf_counter() - began)

    await asyncio.gather(*map(caller, range(CALLERS)))
    await journal.close()
    return quantiles(waits, n=100)[-1]


def synced(path: Path) -> float:
    """The median of what the disk takes for a row that is appended to a file, in seconds."""
    waits = []
    with path.open("ab", buffering=0) as file:
        for number in range(ROWS_OF_PLAIN):
            began = time.perf_counter()
            file.write(msgspec.json.encode(row(number)).ljust(ROW_BYTES))
            os.fdatasync(file.fileno())
            waits.append(time.perf_counter() - began)
    return median(waits)


async def keeper_with(journal: SqliteJournal | None) -> float:
    """Seconds of the loop's own thread for a command, with a journal or without; each caller has its device."""
    book = ProfileBook(
        Entry(name=f"lamp{lane}", rules=DeviceRules(address=parse_address(f"F0:00:00:00:00:{lane:02X}")))
        for lane in range(CALLERS)
    )
    keeper = Keeper(
        links={"hci": InstantLink()}, book=book, slots={"hci": CALLERS}, limits=PLENTY, journal=journal
    )
    await keeper.start()

    async def caller(lane: int) -> None:
        for number in range(ROWS_EACH):
            one = replace(command(number), device=f"lamp{lane}")
            outcome = await (await keeper.submit(one)).wait()
            assert outcome.succeeded, outcome

    await asyncio.gather(*map(caller, range(CALLERS)))
    began = time.thread_time()
    await asyncio.gather(*map(caller, range(CALLERS)))
    took = time.thread_time() - began
    await keeper.close()
    return took / (CALLERS * ROWS_EACH)


async def added(path: Path) -> tuple[float, float]:
    """What a command takes on the loop with a journal, and without, in seconds."""
    bare = await keeper_with(None)
    return await keeper_with(await SqliteJournal.open(path, rules=ONE_FILE)), bare


async def on_the_loop(path: Path) -> float:
    """Seconds of the loop's own thread for a row and its answer."""
    journal = await SqliteJournal.open(path, rules=ONE_FILE)
    answered = asyncio.Semaphore(0)
    rows = [row(number) for number in range(CALLERS * ROWS_EACH)]
    began = time.thread_time()
    for one in rows:
        journal.append(one, lambda _fault: answered.release())
    for _ in rows:
        await answered.acquire()
    took = time.thread_time() - began
    await journal.close()
    return took / len(rows)


def one_by_one(path: Path, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds for a row of a plain table."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE journal (seq INTEGER PRIMARY KEY, body BLOB)")
        began = clock()
        for number in range(ROWS_OF_PLAIN):
            connection.execute("INSERT INTO journal (body) VALUES (?)", (msgspec.json.encode(row(number)),))
        return (clock() - began) / ROWS_OF_PLAIN


def verified(path: Path, rows: int) -> float:
    """Seconds of the processor for a row."""
    began = time.process_time()
    assert isinstance(verify_journal(path), Whole)
    return (time.process_time() - began) / rows


def read_and_hashed(path: Path, rows: int) -> float:
    """Seconds of the processor for a row: what nobody gets around."""
    began = time.process_time()
    with closing(journal_file.open_as_it_is(path)) as connection:
        for (body,) in connection.execute("SELECT body FROM journal ORDER BY seq"):
            hashlib.sha256(body).digest()
    return (time.process_time() - began) / rows


def fill(path: Path, rows: int) -> None:
    """A journal with so many rows, a multiple of AT_ONCE, as the writer would have made it."""
    journal_file.prepare(path)
    with closing(journal_file.connect(path, read_only=False)) as connection:
        for _ in range(0, rows, AT_ONCE):
            connection.execute("BEGIN")
            connection.executemany(INSERT, _chained(journal_file.head(connection), AT_ONCE))
            connection.execute("COMMIT")


def _chained(head: chain.Head, rows: int) -> Iterator[tuple[chain.Value, ...]]:
    last = head.hash
    for seq in range(head.seq + 1, head.seq + 1 + rows):
        columns = (seq, "intended", f"c{seq}", None, None, seq, seq, "boot", 1, msgspec.json.encode(row(seq)))
        last = chain.link(last, columns)
        yield *columns, last


async def opened(path: Path) -> float:
    """Seconds until a start knows what was left open."""
    began = time.perf_counter()
    journal = await SqliteJournal.open(path, rules=ONE_FILE)
    await journal.recover(version="0")
    took = time.perf_counter() - began
    await journal.close()
    return took


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    rounds, rows = (2, AT_ONCE) if quick else (9, 10_000_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*_rows(folder, rounds, tick), *_long(folder, rounds, rows, tick)]


def _rows(folder: Path, rounds: int, tick: Tick) -> Iterator[Figure]:
    ours, plain, loop, on_loop, waits, syncs, more = [], [], [], [], [], [], []
    for number in range(rounds):
        tick(f"rows, {number + 1} of {rounds}")
        ours.append(asyncio.run(together(folder / f"ours{number}.db")))
        plain.append(one_by_one(folder / f"plain{number}.db"))
        loop.append(asyncio.run(on_the_loop(folder / f"loop{number}.db")))
        on_loop.append(one_by_one(folder / f"on_loop{number}.db", time.thread_time))
        waits.append(asyncio.run(waited(folder / f"waited{number}.db")))
        syncs.append(synced(folder / f"synced{number}"))
        more.append(asyncio.run(added(folder / f"added{number}.db")))
    yield Figure(
        name="a durable row",
        ours_is=f"{CALLERS} callers, hash-chained",
        theirs_is="a commit for each row",
        ours=tuple(ours),
        theirs=tuple(plain),
        goal=Goal(limit=10, sooner=True, stretch=18),
        of="G9",
    )
    yield Figure(
        name=f"a caller's wait for a durable row, one of {CALLERS}",
        ours_is="99th percentile",
        theirs_is="append and fdatasync, median",
        ours=tuple(waits),
        theirs=tuple(syncs),
        goal=Goal(limit=20),
        of="G9",
        because="One that comes while a batch is written waits for that as well as for its own.",
    )
    yield Figure(
        name="what the journal adds on the event loop for a command",
        ours_is="through the keeper",
        theirs_is="limit",
        ours=tuple(max(kept - bare, 0.0) for kept, bare in more),
        theirs=(ADDED_S_MAX,) * len(more),
        goal=Goal(limit=1),
        of="G9",
        because=_BECAUSE,
    )
    yield Figure(
        name="a row's share of the event loop",
        ours_is="handed over and answered",
        theirs_is="written there",
        ours=tuple(loop),
        theirs=tuple(on_loop),
        goal=Goal(limit=10, sooner=True),
    )


def _long(folder: Path, rounds: int, rows: int, tick: Tick) -> Iterator[Figure]:
    tick(f"a journal of {rows} rows")
    verified_rows = min(rows, VERIFIED_ROWS_MAX)
    for name, count in (("long", rows), ("empty", 0), ("verified", verified_rows)):
        fill(folder / f"{name}.db", count)
    long, empty, ours, bare = [], [], [], []
    for number in range(rounds):
        tick(f"starts, {number + 1} of {rounds}")
        long.append(asyncio.run(opened(folder / "long.db")))
        empty.append(asyncio.run(opened(folder / "empty.db")))
        tick(f"verified, {number + 1} of {rounds}")
        ours.append(verified(folder / "verified.db", verified_rows))
        bare.append(read_and_hashed(folder / "verified.db", verified_rows))
    yield Figure(
        name="a start",
        ours_is=f"with {rows} rows",
        theirs_is="with an empty journal",
        ours=tuple(long),
        theirs=tuple(empty),
        goal=Goal(limit=1.5),
    )
    yield Figure(
        name="a row verified",
        ours_is="chain, triggers, tables",
        theirs_is="read and hashed",
        ours=tuple(ours),
        theirs=tuple(bare),
        goal=Goal(limit=6),
    )
