"""The journal in a SQLite file: rows in, rows out, and what a crash left behind.

Knows when the file is held and by which connections. SQL that makes and writes the file stands beside.
"""

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Self

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.outcome import Outcome
from gattkeeper.model.record import ClockStep, Closed, Ended, Record, SegmentDeleted, Started
from gattkeeper.runtime import file_lock
from gattkeeper.storage import clock, journal_file, rotation, segments
from gattkeeper.storage.chain import Head
from gattkeeper.storage.checkpointing import Checkpointer, CheckpointRules
from gattkeeper.storage.flaws import flaws_of
from gattkeeper.storage.lookup import Lookup
from gattkeeper.storage.recovery import settle
from gattkeeper.storage.rotation import SegmentRules
from gattkeeper.storage.rows import Appended, OnDurable
from gattkeeper.storage.sqlite_faults import explain
from gattkeeper.storage.writer import NextFile, Writer

CLOCK_STEP_US_MIN = 1_000_000
"""How far one clock goes against the other before it is a row: further than what keeps a clock right moves it."""

CLOCK_LOOK_EVERY_US = 10_000_000
"""How old what a row says about its wall clock may be. A look takes about 20 us."""

_log = logging.getLogger(__name__)


class SqliteJournal:
    """A `runtime.ports.Journal` in one file, for one process at a time.

    Everything but the thread inside belongs to the event loop that opened it. Answers to `on_durable`
    come in the order of `append`. Reads see what is durable; they go by an
    index, or from the end, and are short enough for the loop.
    """

    fault: StorageError | None = None
    flaws: tuple[str, ...] = ()
    holds: bool = False

    def __init__(
        self,
        path: Path,
        lock: int,
        *,
        rules: SegmentRules,
        checkpoints: CheckpointRules | None,
        utc_us: Callable[[], int],
        mono_us: Callable[[], int],
    ) -> None:
        self._path = path
        self._lock = lock
        self._rules = rules
        self._checkpoint_rules = checkpoints
        self._checkpointer: Checkpointer | None = None
        self._utc_us = utc_us
        self._mono_us = mono_us
        self._boot_id = clock.boot_id()
        self._closed = False
        self._ahead_us = utc_us() - mono_us()  # the wall clock before the monotonic one
        self._synced = clock.synchronised()
        self._looked_us = mono_us()
        self._writer: Writer
        self._lookup: Lookup

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        rules: SegmentRules | None = None,
        checkpoints: CheckpointRules | None = None,
        hold_on_flaw: bool = True,
        utc_us: Callable[[], int] = clock.wall_us,
        mono_us: Callable[[], int] = clock.monotonic_us,
    ) -> Self:
        """Open the journal, or make it: its folder with mode 0700, its files with 0600, sealed ones with 0400.

        `rules` say how long files get and which ones are kept, `checkpoints` when how far they go is signed; None:
        never. `hold_on_flaw`: until its `flaws` are accepted the journal `holds`, and nothing new is signed, so
        that each later start finds them again. The clocks are written into rows and decide nothing else. Raises
        StorageError when another process holds the journal, a file is not ours, of another schema or damaged, or
        cannot be made durable.
        """
        real = _real(path)
        with contextlib.ExitStack() as undo:
            lock = _take(real)
            undo.callback(os.close, lock)
            journal = cls(
                real,
                lock,
                rules=rules or SegmentRules(),
                checkpoints=checkpoints,
                utc_us=utc_us,
                mono_us=mono_us,
            )
            journal._begin(undo, hold_on_flaw=hold_on_flaw)
            undo.pop_all()
        return journal

    def _begin(self, undo: contextlib.ExitStack, *, hold_on_flaw: bool) -> None:
        written = rotation.file_to_write(self._path)
        journal_file.prepare(written)
        connection = journal_file.connect(written, read_only=False)
        undo.callback(connection.close)
        reader = journal_file.connect(written, read_only=True)
        undo.callback(reader.close)
        self._lookup = Lookup(reader, self._path)
        if self._checkpoint_rules is not None:
            self._checkpointer = Checkpointer.open(
                self._path,
                self._checkpoint_rules,
                segment=journal_file.segment_of(connection),
                head=journal_file.head(connection),
            )
        self._writer = Writer(
            connection,
            written,
            asyncio.get_running_loop(),
            is_full=self._is_full,
            next_file=self._next_file,
            on_next=self._follow,
            on_written=self._sign,
        )
        self.flaws = self._look_for_flaws(connection)
        self.holds = hold_on_flaw and bool(self.flaws)
        for flaw in self.flaws:
            _log.error("%s; see `gattkeeper audit verify`", flaw)
        if self._checkpointer is not None:
            self._checkpointer.start(holding=self.holds)
        self._writer.start()
        if written != self._path:
            self._tidy()

    def _look_for_flaws(self, connection: sqlite3.Connection) -> tuple[str, ...]:
        newest = self._checkpointer.newest if self._checkpointer is not None else None
        try:
            return flaws_of(self._path, connection, newest)
        except sqlite3.Error as fault:
            raise StorageError(f"the journal {self._path} cannot be read: {explain(fault)}") from fault

    def accept_flaws(self) -> None:
        """Somebody accepted `flaws`, and the row that says so is durable: it holds nothing any more."""
        self.flaws, self.holds = (), False
        if self._checkpointer is not None:
            self._checkpointer.go_on()

    def _is_full(self, connection: sqlite3.Connection) -> bool:
        """On the writer's thread."""
        return rotation.is_full(connection, self._rules)

    def _next_file(self, connection: sqlite3.Connection, at_once: bool) -> NextFile:  # noqa: FBT001
        """On the writer's thread."""
        utc_us = self._utc_us()
        return rotation.next_file(connection, self._path, utc_us=utc_us, at_once=at_once)

    def _sign(self, written: Path, head: Head) -> None:
        """On the writer's thread."""
        if self._checkpointer is not None:
            self._checkpointer.advance(head, segments.number_of(self._path, written.name))

    def _follow(self, following: NextFile) -> None:
        if self._closed:
            following.reader.close()
            return
        self._lookup.follow(following.reader)
        self._tidy()

    def _tidy(self) -> None:
        """Seal what nobody writes any more, and take away what the rules do not keep."""
        loop = asyncio.get_running_loop()

        def tidy() -> None:
            for path in segments.sealed_files(self._path):
                try:
                    segments.seal(path)
                except StorageError as fault:
                    _log.warning("%s is not sealed yet: %s", path, fault)
            deletable = rotation.deletable(self._path, self._rules, utc_us=self._utc_us())
            if deletable:
                with contextlib.suppress(RuntimeError):  # the loop is closed: at the next start then
                    loop.call_soon_threadsafe(self._delete, deletable)

        self._writer.run(tidy)

    def _delete(self, deletable: list[tuple[Path, SegmentDeleted]]) -> None:
        """Each file once the row that says so is durable."""
        for path, row in deletable:

            def on_durable(fault: StorageError | None, path: Path = path) -> None:
                if fault is None and not self._closed:
                    self._writer.run(path.unlink)

            self.append(row, on_durable)

    async def recover(self, *, version: str, adapters: tuple[str, ...] = ()) -> list[Outcome]:
        """Give everything a dead keeper left open its outcome. To be called once, before accepting.

        Writes that this keeper (`version`, `adapters`) started, then one ended row per outcome. All of it
        is durable on return; what a crash in between left open is found again, what it ended is not.
        Raises StorageError when it cannot be read or written.
        """
        outcomes = settle(self._lookup.open_records())
        at_us = self._mono_us()
        rows: list[Record] = [Started(version=version, pid=os.getpid(), adapters=adapters)]
        rows += [Ended(outcome=outcome, at_us=at_us) for outcome in outcomes]
        for fault in await asyncio.gather(*map(self._appended, rows)):
            if fault is not None:
                raise fault
        return outcomes

    def append(self, record: Record, on_durable: OnDurable | None = None) -> None:
        """Queue one row; never blocks. `on_durable` is called on the loop, with what went wrong if so.

        A row that failed is not in the journal and will not be. After `close` every row fails.
        """
        if self._closed:
            if on_durable is not None:
                fault = StorageError("the journal is closed")
                asyncio.get_running_loop().call_soon(on_durable, fault)
            return
        self._put(record, on_durable)

    def probe(self, on_durable: OnDurable) -> None:
        """Find out whether a row could be written now, without one. After `close` there is no answer."""
        if not self._closed:
            self._writer.probe(on_durable)

    def find_key(self, idempotency_key: str) -> str:
        """The command id that was accepted under this key, or an empty string."""
        return self._lookup.key(idempotency_key)

    def records_of(self, command_id: str) -> list[Record]:
        """Every durable row about one command, oldest first. Raises StorageError."""
        return self._lookup.records_of(command_id)

    def unresolved(self) -> list[Command]:
        """Commands that ended unknown and have no resolution, oldest first. Raises StorageError."""
        return self._lookup.unresolved()

    async def close(self) -> None:
        """Make durable what was appended and that it was closed, then let go of the file."""
        if self._closed:
            return
        self._put(Closed(), None)
        self._closed = True
        self._lookup.close()  # first: the last connection to go tidies the file up, and this one may not write
        await self._writer.stop()
        if self._checkpointer is not None:
            await self._checkpointer.stop()
        os.close(self._lock)

    def _put(self, record: Record, on_durable: OnDurable | None) -> None:
        utc_us, mono_us = self._utc_us(), self._mono_us()
        if mono_us - self._looked_us >= CLOCK_LOOK_EVERY_US:
            self._synced, self._looked_us = clock.synchronised(), mono_us
        step_us = utc_us - mono_us - self._ahead_us
        if abs(step_us) >= CLOCK_STEP_US_MIN:
            self._ahead_us += step_us
            self._write(ClockStep(step_us=step_us), utc_us, mono_us, None)
        self._write(record, utc_us, mono_us, on_durable)

    def _write(self, record: Record, utc_us: int, mono_us: int, on_durable: OnDurable | None) -> None:
        self._writer.put(
            Appended(
                record=record,
                utc_us=utc_us,
                mono_us=mono_us,
                boot_id=self._boot_id,
                clock_synced=self._synced,
                on_durable=on_durable,
            )
        )

    def _appended(self, record: Record) -> "asyncio.Future[StorageError | None]":
        answer: asyncio.Future[StorageError | None] = asyncio.get_running_loop().create_future()

        def on_durable(fault: StorageError | None) -> None:
            if not answer.cancelled():
                answer.set_result(fault)

        self.append(record, on_durable)
        return answer


def _real(path: Path) -> Path:
    """The file behind its names: all of them share one lock."""
    return Path(os.path.realpath(path))


def _take(path: Path) -> int:
    """The lock of a journal, in its folder, which is made where there is none."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise StorageError(f"the folder {path.parent} cannot be made: {fault.strerror}") from fault
    return file_lock.hold(path.with_name(path.name + ".lock"), remedy="stop it, or use another journal")
