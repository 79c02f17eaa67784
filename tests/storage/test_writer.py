"""Order, batches, failures and recovery of the thread that writes."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from journal_rows import accepted, rows, seqs

from gattkeeper.errors import StorageError
from gattkeeper.storage import journal_file
from gattkeeper.storage.chain import Head
from gattkeeper.storage.journal_file import SCHEMA_VERSION, connect, prepare
from gattkeeper.storage.rows import Appended
from gattkeeper.storage.writer import BATCH_ROWS_MAX, NextFile, Writer

BIG = "x" * 20_000  # several pages

Answers = list[tuple[str, StorageError | None]]


class Bench:
    """A writer on a real file, and the answers it gave."""

    def __init__(self, path: Path) -> None:
        prepare(path)
        self.path = path
        self.statements: list[str] = []
        self.connection = self.connect()
        self.answers: Answers = []
        self.full = False
        self.asked: list[bool] = []  # for the next file: whether at once
        self.writer = Writer(
            self.connection,
            path,
            asyncio.get_running_loop(),
            is_full=lambda _connection: self.full,
            next_file=self.next_file,
            on_next=lambda following: following.reader.close(),
        )

    def connect(self) -> sqlite3.Connection:
        connection = connect(self.path, read_only=False)
        connection.set_trace_callback(self.statements.append)
        return connection

    def next_file(self, _connection: sqlite3.Connection, at_once: bool) -> NextFile:
        """The same once more: what stands in the next one is the business of `rotation`."""
        self.asked.append(at_once)
        if len(self.asked) < 2:
            raise StorageError("not yet")
        return NextFile(path=self.path, connection=self.connect(), reader=connect(self.path, read_only=True))

    def put(self, name: str, *, label: str = "") -> asyncio.Event:
        told = asyncio.Event()

        def on_durable(fault: StorageError | None) -> None:
            self.answers.append((name, fault))
            told.set()

        self.put_with(name, on_durable, label=label)
        return told

    def put_with(
        self, name: str, on_durable: Callable[[StorageError | None], None] | None, *, label: str = ""
    ) -> None:
        record = accepted(name, label=label)
        self.writer.put(
            Appended(record=record, utc_us=1, mono_us=1, boot_id="", clock_synced=None, on_durable=on_durable)
        )

    @property
    def commits(self) -> int:
        return self.statements.count("COMMIT")

    @property
    def failed(self) -> list[str]:
        return [name for name, fault in self.answers if fault is not None]


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "journal.db"
    assert seqs(tmp_path / "journal.db") == list(range(1, len(seqs(tmp_path / "journal.db")) + 1))


@pytest.mark.asyncio
async def test_rows_that_gathered_share_one_transaction(path: Path) -> None:
    bench = Bench(path)
    for n in range(100):
        bench.put(f"c{n}")
    bench.writer.start()
    await bench.writer.stop()
    assert bench.commits == 1
    assert bench.answers == [(f"c{n}", None) for n in range(100)]
    assert len(rows(path)) == 100


@pytest.mark.asyncio
async def test_transaction_has_its_ceiling(path: Path) -> None:
    bench = Bench(path)
    for n in range(2 * BATCH_ROWS_MAX + 1):
        bench.put(f"c{n}")
    bench.writer.start()
    await bench.writer.stop()
    assert bench.commits == 3
    assert [name for name, _ in bench.answers] == [f"c{n}" for n in range(2 * BATCH_ROWS_MAX + 1)]


@pytest.mark.asyncio
async def test_rows_that_gather_while_one_is_written_share_the_next_transaction(path: Path) -> None:
    bench = Bench(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # holds the first batch up, whatever it has taken by then
        bench.writer.start()
        told = [bench.put(f"c{n}") for n in range(100)]
        other.execute("ROLLBACK")
        await asyncio.gather(*(event.wait() for event in told))
    assert bench.commits <= 2
    await bench.writer.stop()


@pytest.mark.asyncio
async def test_answer_means_that_another_program_sees_the_row(path: Path) -> None:
    bench = Bench(path)
    seen: list[int] = []
    bench.writer.start()
    bench.put_with("c1", lambda _: seen.append(len(rows(path))))
    await bench.put("c2").wait()
    assert seen[0] >= 1
    await bench.writer.stop()


@pytest.mark.asyncio
async def test_full_disk_fails_the_whole_batch_and_space_again_is_enough(path: Path) -> None:
    bench = Bench(path)
    (pages,) = bench.connection.execute("PRAGMA page_count").fetchone()
    bench.connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    small, big = bench.put("small"), bench.put("big", label=BIG)
    bench.writer.start()
    await asyncio.gather(small.wait(), big.wait())
    assert bench.failed == ["small", "big"]
    assert "cannot be written: database or disk is full: free space" in str(bench.answers[0][1])
    assert rows(path) == []
    await bench.put("small again").wait()
    bench.connection.execute("PRAGMA max_page_count = 100000")
    await bench.put("big again", label=BIG).wait()
    assert bench.failed == ["small", "big"]
    assert rows(path) == [(1, "accepted"), (2, "accepted")]
    await bench.writer.stop()


@pytest.mark.asyncio
async def test_after_an_io_error_no_row_is_written_until_there_is_another_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(path)
    bench.writer.start()
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC

    def fail(_connection: sqlite3.Connection) -> Head:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(journal_file, "head", fail)  # what a disk does, no disk here does on demand
        await bench.put("a").wait()
    for name in ("b", "c"):
        await bench.put(name).wait()
    await bench.writer.stop()
    assert bench.asked == [True, True]
    assert bench.failed == ["a", "b"]
    assert "not yet" in str(bench.answers[1][1])
    assert bench.commits == 1


@pytest.mark.asyncio
async def test_the_next_file_is_asked_for_once_this_one_is_full_until_there_is_one(path: Path) -> None:
    bench = Bench(path)
    bench.writer.start()
    await bench.put("a").wait()
    assert bench.asked == []
    bench.full = True
    await bench.put("b").wait()
    await bench.put("c").wait()
    bench.full = False
    await bench.put("d").wait()
    await bench.writer.stop()
    assert bench.asked == [False, False]
    assert bench.failed == []
    assert len(rows(path)) == 4


@pytest.mark.asyncio
async def test_a_probe_writes_and_syncs_a_page_and_no_row(path: Path) -> None:
    bench = Bench(path)
    bench.writer.start()
    await bench.put("a").wait()
    log = path.with_name("journal.db-wal")
    before = log.stat().st_size
    assert await probed(bench) is None
    assert log.stat().st_size > before
    obstacle = path.with_name("journal.db.trial")
    obstacle.mkdir()
    assert "cannot be written" in str(await probed(bench)), "a page that is there could be written on a full disk"
    obstacle.rmdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        bench.connection.execute("PRAGMA busy_timeout = 0")
        assert "another program holds it" in str(await probed(bench))
    await bench.writer.stop()
    assert {file.name for file in path.parent.iterdir()} == {"journal.db"}
    assert seqs(path) == [1]
    assert rows(path, "PRAGMA user_version") == [(SCHEMA_VERSION,)]


def probed(bench: Bench) -> "asyncio.Future[StorageError | None]":
    answer: asyncio.Future[StorageError | None] = asyncio.get_running_loop().create_future()
    bench.writer.probe(answer.set_result)
    return answer


@pytest.mark.asyncio
async def test_trouble_is_logged_when_it_begins_and_when_it_ends(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(path)
    caplog.set_level(logging.INFO)
    bench.writer.start()
    away = path.with_name("away.db")
    path.rename(away)
    for name in ("c1", "c2"):
        bench.put_with(name, None)  # nobody asks what became of them
        await bench.put(name + "b").wait()
    away.rename(path)
    await bench.put("c3").wait()
    await bench.writer.stop()
    begun, over = (record.getMessage() for record in caplog.records)
    assert "was moved, removed or replaced while open" in begun
    assert "can be written again" in over
    assert len(rows(path)) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("replaced", [False, True])
async def test_file_that_lost_its_name_is_not_called_durable(path: Path, replaced: bool) -> None:
    bench = Bench(path)
    bench.writer.start()
    await bench.put("before").wait()
    away = path.with_name("away.db")
    path.rename(away)
    if replaced:
        path.write_bytes(b"another file")
    await bench.put("after").wait()
    assert bench.failed == ["after"]
    away.replace(path)
    await bench.writer.stop()
    assert len(rows(path)) == 1


@pytest.mark.asyncio
async def test_text_that_is_not_unicode_costs_its_own_row_only(path: Path) -> None:
    bench = Bench(path)
    for name, label in (("c1", ""), ("c2", "\udc80"), ("c3", "")):
        bench.put(name, label=label)
    bench.writer.start()
    await bench.writer.stop()
    assert [name for name, _ in bench.answers] == ["c1", "c2", "c3"]
    assert bench.failed == ["c2"]
    assert "not Unicode" in str(bench.answers[1][1])
    assert seqs(path) == [1, 2]


@pytest.mark.asyncio
async def test_callback_that_raises_keeps_nobody_from_an_answer(path: Path) -> None:
    bench = Bench(path)
    raised: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(str(context["exception"])))

    def broken(_: StorageError | None) -> None:
        raise RuntimeError("broken caller")

    bench.put_with("c1", broken)
    after = bench.put("c2")
    bench.writer.start()
    await after.wait()
    assert raised == ["broken caller"]
    await bench.writer.stop()


@pytest.mark.asyncio
async def test_lock_of_another_program_is_waited_for_then_explained(path: Path) -> None:
    bench = Bench(path)
    bench.connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        bench.writer.start()
        await bench.put("c1").wait()
        assert "database is locked: another program holds it" in str(bench.answers[0][1])
        other.execute("ROLLBACK")
    await bench.put("c2").wait()
    assert bench.failed == ["c1"]
    await bench.writer.stop()


def test_loop_that_is_gone_does_not_keep_rows_from_the_disk(path: Path) -> None:
    async def make() -> Bench:
        return Bench(path)

    bench = asyncio.run(make())
    bench.put("c1")
    bench.writer.start()
    asyncio.run(bench.writer.stop())
    assert len(rows(path)) == 1
    assert bench.answers == []


@pytest.mark.asyncio
async def test_stopping_moves_the_rows_into_the_one_file(path: Path) -> None:
    bench = Bench(path)
    bench.put("c1")
    bench.writer.start()
    await bench.writer.stop()
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


@pytest.mark.asyncio
async def test_an_errand_that_fails_in_any_way_is_logged_and_rows_go_on(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> None:
        raise AssertionError("nobody thought of this")

    bench = Bench(path)
    bench.writer.start()
    bench.writer.run(fails)
    await asyncio.wait_for(bench.put("c1").wait(), 20)
    assert bench.failed == []
    assert "nobody thought of this" in caplog.text
    await bench.writer.stop()
