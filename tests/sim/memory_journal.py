"""A journal in memory on virtual time: rows become durable later, in order, or fail as a batch.

Knows durability only: a simulated crash takes away everything that was not durable yet. The real one is
`storage.journal`.
"""

import asyncio
import random
from collections.abc import Callable, Iterable

from msgspec import Struct

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.outcome import Verdict
from gattkeeper.model.record import Accepted, Ended, Record, Resolved, command_of

OnDurable = Callable[[StorageError | None], None]


class Row(Struct, frozen=True, kw_only=True):
    """A durable row, and when it became durable on the loop's clock."""

    record: Record
    durable_at_us: int


class MemoryJournal:
    """Implements `ports.Journal`. `rows` of an earlier life are there from the start.

    A sync takes up to `sync_s`, by the dice of `seed`. While `failing` every batch fails.
    """

    def __init__(self, *, seed: int = 1, sync_s: float = 0.01, rows: Iterable[Row] = ()) -> None:
        self.rows = list(rows)
        self.failing = False
        self.fault: StorageError | None = None
        self.flaws: tuple[str, ...] = ()
        self.holds = False
        self.closed = False
        self._sync_s = sync_s
        self._dice = random.Random(seed)
        self._loop = asyncio.get_running_loop()
        self._batch: list[tuple[Record, OnDurable | None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._dead = False
        self._keys = {
            row.record.command.idempotency_key: row.record.command.id
            for row in self.rows
            if isinstance(row.record, Accepted)
        }

    def append(self, record: Record, on_durable: OnDurable | None = None) -> None:
        assert not self.closed, f"a row after the end: {record}"
        if self._dead:
            return
        self._batch.append((record, on_durable))
        if self._timer is None:
            self._timer = self._loop.call_later(self._sync_s * self._dice.random(), self._sync)

    def probe(self, on_durable: OnDurable) -> None:
        self._loop.call_soon(on_durable, StorageError("the disk is full: make room") if self.failing else None)

    def _sync(self) -> None:
        self._timer = None
        batch, self._batch = self._batch, []
        error = StorageError("the disk is full: make room") if self.failing else None
        now_us = int(self._loop.time() * 1_000_000)
        for record, _ in batch if error is None else ():
            self.rows.append(Row(record=record, durable_at_us=now_us))
            if isinstance(record, Accepted) and record.command.idempotency_key:
                self._keys[record.command.idempotency_key] = record.command.id
        for _, on_durable in batch:
            if on_durable is not None:
                self._loop.call_soon(on_durable, error)

    def crash(self) -> None:
        """What is not durable is gone, and nothing more is written."""
        self._dead = True
        self._batch.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def accept_flaws(self) -> None:
        self.flaws, self.holds = (), False

    def find_key(self, idempotency_key: str) -> str:
        return self._keys.get(idempotency_key, "")

    def records_of(self, command_id: str) -> list[Record]:
        return [row.record for row in self.rows if command_of(row.record) == command_id]

    def unresolved(self) -> list[Command]:
        commands: dict[str, Command] = {}
        unknown: dict[str, Command] = {}
        for row in self.rows:
            match row.record:
                case Accepted(command=command):
                    commands[command.id] = command
                case Ended(outcome=outcome) if outcome.verdict is Verdict.UNKNOWN:
                    unknown[outcome.command_id] = commands[outcome.command_id]
                case Resolved(resolution=resolution):
                    unknown.pop(resolution.command_id, None)
                case _:
                    pass
        return list(unknown.values())

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._sync()
        await asyncio.sleep(0)  # who waits for a row is told
        self.closed = True
