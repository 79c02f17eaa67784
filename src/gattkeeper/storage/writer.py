"""The thread that makes rows durable, many with one sync.

Knows the order of rows, transactions, and who is told when. What a row says is none of its business.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from msgspec import Struct

from gattkeeper.errors import StorageError
from gattkeeper.storage import journal_file
from gattkeeper.storage.chain import Head, link
from gattkeeper.storage.rows import INSERT, Appended, Columns, OnDurable, columns_of
from gattkeeper.storage.sqlite_faults import explain, is_io_error

BATCH_ROWS_MAX = 256
"""Rows in one transaction at most, so that the first of them waits for a few milliseconds of the others."""

Errand = Callable[[], None]
"""Something that the thread does between two batches. May raise StorageError, OSError or sqlite3.Error."""


class NextFile(Struct, frozen=True, kw_only=True, eq=False):
    """A file that is begun, and open."""

    path: Path
    connection: sqlite3.Connection  # that writes
    reader: sqlite3.Connection


_log = logging.getLogger(__name__)


class Writer:
    """Owns the connection that writes, and a thread that uses it.

    Rows become durable in the order of `put`, or fail as a batch of which nothing stays. A failure is
    told to every row of its batch; the next batch is tried anew, so that a disk with space again is
    all it takes. When a sync failed and the machine then dies before the next commit, rows reported as
    failed may be found afterwards: more than was promised, never less. SQLite moves its log into the file
    on this thread too, after every thousand pages; that this failed loses nothing.

    After an I/O error the file is left before another row is written: pages that the system failed to write count
    as written from then on, so that a later sync of them may say yes to what is not on the disk.

    With each batch `is_full` is asked of the file, in the transaction, where that needs no lock of its own. After
    one that filled it rows go into the file that `next_file` gives, and `on_next` hears of that on the loop,
    before anybody who has a row in it. `on_written` is told on the thread which file now goes how far; it returns
    at once. Where the chain stands is read once for each file, and again after a failure: nobody else adds rows,
    and SQLite refuses one whose number is not the next.

    `put`, `probe`, `run` and `stop` belong to the event loop's thread.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        loop: asyncio.AbstractEventLoop,
        *,
        is_full: Callable[[sqlite3.Connection], bool] = lambda _connection: False,
        next_file: Callable[[sqlite3.Connection, bool], NextFile],
        on_next: Callable[[NextFile], None] = lambda _next: None,
        on_written: Callable[[Path, Head], None] = lambda _path, _head: None,
    ) -> None:
        self._connection = connection
        self._path = path
        self._name = os.fspath(path)  # as the system takes it: looked at with each batch
        self._inode = _inode(self._name)
        self._head: Head | None = None  # after the last commit; None: to be read
        self._loop = loop
        self._is_full, self._next_file = is_full, next_file
        self._on_next = on_next
        self._on_written = on_written
        self._queue: SimpleQueue[Appended | Errand] = SimpleQueue()
        self._going_on = True
        self._full = self._stays = False
        self._failing = False
        self._doubtful = False  # an I/O error happened to this file
        self._thread = Thread(target=self._run, name="gattkeeper-journal", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, appended: Appended) -> None:
        """Hand a row over; returns at once."""
        self._queue.put(appended)

    def probe(self, on_durable: OnDurable) -> None:
        """Find out whether a row could be written now."""
        self._queue.put(partial(self._probe, on_durable))

    def run(self, errand: Errand) -> None:
        """Have something done by the thread, after the rows that were put before. What goes wrong is logged."""
        self._queue.put(errand)

    async def stop(self) -> None:
        """Write what was put, tell everybody, close the connection."""
        self._queue.put(self._end)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while self._going_on:
            batch, errand = self._gather()
            if batch:
                self._tell(self._write(batch))
                self._go_on()
            if errand is not None:
                _do(errand)
        self._connection.close()

    def _end(self) -> None:
        self._going_on = False

    def _gather(self) -> tuple[list[Appended], Errand | None]:
        """Everything that waits, up to an errand; at least one row or errand."""
        batch: list[Appended] = []
        item = self._queue.get()
        while isinstance(item, Appended):
            batch.append(item)
            if len(batch) == BATCH_ROWS_MAX:
                return batch, None
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch, None
        return batch, item

    def _go_on(self) -> None:
        """In the next file, when this one is full. If that cannot be made, this one gets longer."""
        if self._head is not None:
            self._on_written(self._path, self._head)
        if not self._full:
            return
        try:
            following = self._next_file(self._connection, False)
        except (sqlite3.Error, OSError, StorageError) as fault:
            if not self._stays:
                _log.error("the journal goes on in %s, although that is full: %s", self._path, explain(fault))
            self._stays = True
        else:
            self._take(following)

    def _take(self, following: NextFile) -> None:
        self._connection.close()
        self._connection, self._path = following.connection, following.path
        self._full = self._stays = False
        self._name, self._head = os.fspath(self._path), None
        self._inode = _inode(self._name)
        with suppress(RuntimeError):  # as in `_tell`; it is sealed at the next start
            self._loop.call_soon_threadsafe(self._on_next, following)

    def _write(self, batch: list[Appended]) -> list[tuple[OnDurable, StorageError | None]]:
        """Commit a batch; gives whom to tell what, in the order of the rows."""
        rows: list[Columns] = []
        faults: list[StorageError | None] = []
        for appended in batch:
            try:
                rows.append(columns_of(appended))
                faults.append(None)
            except UnicodeEncodeError as fault:
                faults.append(StorageError(f"the row was left out: it holds text that is not Unicode ({fault})"))
                _log.error("%s", faults[-1])
        failed = self._commit(rows) if rows else None
        return [
            (appended.on_durable, fault or failed)
            for appended, fault in zip(batch, faults, strict=True)
            if appended.on_durable is not None
        ]

    def _probe(self, on_durable: OnDurable) -> None:
        fault = self._transact(lambda: journal_file.try_out(self._connection, self._path))
        self._tell([(on_durable, fault)])

    def _commit(self, rows: list[Columns]) -> StorageError | None:
        """Rows in one transaction; gives what went wrong, after which none of them is in the journal."""
        chained: list[tuple[int, *Columns, bytes]] = []

        def write() -> None:
            chained.extend(_chained(rows, self._head or journal_file.head(self._connection)))
            self._connection.executemany(INSERT, chained)
            self._full = self._is_full(self._connection)

        fault = self._transact(write)
        self._head = Head(seq=chained[-1][0], hash=chained[-1][-1]) if fault is None else None
        return fault

    def _transact(self, write: Callable[[], None]) -> StorageError | None:
        """One transaction; gives what went wrong."""
        try:
            self._check_in_place()
            if self._doubtful:
                self._leave()
            self._connection.execute("BEGIN IMMEDIATE")
            write()
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError, StorageError) as fault:
            self._roll_back()
            self._doubtful = self._doubtful or is_io_error(fault)
            said = str(fault) if isinstance(fault, StorageError) else explain(fault)
            return self._note(StorageError(f"the journal {self._path} cannot be written: {said}"))
        return self._note(None)

    def _leave(self) -> None:
        """Go on in another file. Raises as `next_file` does."""
        self._take(self._next_file(self._connection, True))
        self._doubtful = False

    def _check_in_place(self) -> None:
        """Rows in a file without a name are gone when it is closed: they would not be durable."""
        try:
            in_place = _inode(self._name) == self._inode
        except FileNotFoundError:
            in_place = False
        if not in_place:
            raise StorageError("it was moved, removed or replaced while open: put it back, or restart")

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):  # the failure before it is the one to tell; BEGIN will fail if this did
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _note(self, fault: StorageError | None) -> StorageError | None:
        """Log when trouble begins and ends: some rows have nobody who is told."""
        if fault is not None and not self._failing:
            _log.error("%s", fault)
        if fault is None and self._failing:
            _log.warning("the journal %s can be written again", self._path)
        self._failing = fault is not None
        return fault

    def _tell(self, answers: list[tuple[OnDurable, StorageError | None]]) -> None:
        """One wake-up of the loop for the whole batch."""
        if answers:
            with suppress(RuntimeError):  # the loop was closed first: nobody is left who could be told
                self._loop.call_soon_threadsafe(self._deliver, answers)

    def _deliver(self, answers: list[tuple[OnDurable, StorageError | None]]) -> None:
        for on_durable, fault in answers:
            try:
                on_durable(fault)
            except Exception as error:  # noqa: BLE001 - one that raises keeps none from its answer
                said = {"message": "what follows a row of the journal failed", "exception": error}
                self._loop.call_exception_handler(said)


def _do(errand: Errand) -> None:
    try:
        errand()
    except (sqlite3.Error, OSError, StorageError) as fault:
        _log.warning("the journal's files: %s", explain(fault))
    except Exception:  # noqa: BLE001 - whatever an errand does wrong, rows are written
        _log.exception("an errand of the journal failed; its rows go on")


def _chained(rows: list[Columns], head: Head) -> Iterator[tuple[int, *Columns, bytes]]:
    """The rows with their numbers and hashes, going on from where the chain stands."""
    last = head.hash
    for seq, columns in enumerate(rows, head.seq + 1):
        row = (seq, *columns)
        last = link(last, row)
        yield *row, last


def _inode(name: str) -> tuple[int, int]:
    status = os.stat(name)  # noqa: PTH116 - with each batch, and pathlib takes as long again
    return status.st_dev, status.st_ino
