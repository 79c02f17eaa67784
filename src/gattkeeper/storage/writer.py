"""The thread that makes rows durable, many with one sync.

Knows the order of rows, transactions, and who is told when. What a row says is none of its business.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from gattkeeper.errors import StorageError
from gattkeeper.storage import journal_file
from gattkeeper.storage.chain import Head, Row, link
from gattkeeper.storage.rows import INSERT, Appended, Columns, OnDurable, columns_of
from gattkeeper.storage.sqlite_faults import explain

BATCH_ROWS_MAX = 256
"""Rows in one transaction at most, so that the first of them waits for a few milliseconds of the others."""

_log = logging.getLogger(__name__)


class Writer:
    """Owns the connection that writes, and a thread that uses it.

    Rows become durable in the order of `put`, or fail as a batch of which nothing stays. A failure is
    told to every row of its batch; the next batch is tried anew, so that a disk with space again is
    all it takes. When a sync failed and the machine then dies before the next commit, rows reported as
    failed may be found afterwards: more than was promised, never less. SQLite moves its log into the file
    on this thread too, after every thousand pages; that this failed loses nothing.

    `put` and `stop` belong to the event loop's thread.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._path = path
        self._inode = _inode(path)
        self._loop = loop
        self._queue: SimpleQueue[Appended | None] = SimpleQueue()
        self._failing = False
        self._thread = Thread(target=self._run, name="gattkeeper-journal", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, appended: Appended) -> None:
        """Hand a row over; returns at once."""
        self._queue.put(appended)

    async def stop(self) -> None:
        """Write what was put, tell everybody, close the connection."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        going_on = True
        while going_on:
            batch, going_on = self._gather()
            self._tell(self._write(batch))
        self._connection.close()

    def _gather(self) -> tuple[list[Appended], bool]:
        """Everything that waits, at least one row unless it is time to stop."""
        batch: list[Appended] = []
        first = self._queue.get()
        while first is not None:
            batch.append(first)
            if len(batch) == BATCH_ROWS_MAX:
                return batch, True
            try:
                first = self._queue.get_nowait()
            except Empty:
                return batch, True
        return batch, False

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

    def _commit(self, rows: list[Columns]) -> StorageError | None:
        """One transaction; gives what went wrong, after which nothing of it is in the journal."""
        try:
            self._check_in_place()
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(INSERT, _chained(rows, journal_file.head(self._connection)))
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError, StorageError) as fault:
            self._roll_back()
            said = str(fault) if isinstance(fault, StorageError) else explain(fault)
            return self._note(StorageError(f"the journal {self._path} cannot be written: {said}"))
        return self._note(None)

    def _check_in_place(self) -> None:
        """Rows in a file without a name are gone when it is closed: they would not be durable."""
        try:
            in_place = _inode(self._path) == self._inode
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
            self._loop.call_soon(on_durable, fault)  # each on its own: one that raises keeps none from its answer


def _chained(rows: list[Columns], head: Head) -> Iterator[Row]:
    """The rows with their numbers and hashes, going on from where the chain stands."""
    last = head.hash
    for seq, columns in enumerate(rows, head.seq + 1):
        row = (seq, *columns)
        last = link(last, row)
        yield *row, last


def _inode(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
