"""Records for the journal's tests, and a way to wait until one is durable.

Knows nothing of SQL: rows are looked at with a connection of the test's own.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Operation, Read, Write
from gattkeeper.model.outcome import Cause, Outcome, Verdict
from gattkeeper.model.record import Accepted, AttemptFailed, Ended, Intended, Record
from gattkeeper.runtime.ports import Journal

POSITION = CharacteristicRef(uuid="0000fe51-0000-1000-8000-00805f9b34fb")
WRITE = Write(target=POSITION, payload=b"\x9a\x0d\x01\x49\xdf")
READ = Read(target=POSITION)


def accepted(command_id: str, *, operation: Operation = WRITE, key: str = "", label: str = "") -> Accepted:
    command = Command(device="lounge", id=command_id, operation=operation, idempotency_key=key, label=label)
    return Accepted(command=command, at_us=1)


def intended(command_id: str, *, attempt: int = 1, epoch: int = 1) -> Intended:
    return Intended(command_id=command_id, attempt=attempt, epoch=epoch, at_us=2)


def attempt_failed(command_id: str, ran: Ran, *, attempt: int = 1, epoch: int = 1) -> AttemptFailed:
    fault = Fault(kind=FaultKind.BUSY, ran=ran, stack="att", code=0xFE)
    return AttemptFailed(command_id=command_id, attempt=attempt, epoch=epoch, at_us=3, fault=fault)


def ended(command_id: str) -> Ended:
    outcome = Outcome(command_id=command_id, verdict=Verdict.DELIVERED, cause=Cause.ACKNOWLEDGED)
    return Ended(outcome=outcome, at_us=4)


def durable(journal: Journal, record: Record) -> "asyncio.Future[StorageError | None]":
    """Append now; the future is what `on_durable` is told."""
    answer: asyncio.Future[StorageError | None] = asyncio.get_running_loop().create_future()
    journal.append(record, answer.set_result)
    return answer


def rows(path: Path, query: str = "SELECT seq, kind FROM journal ORDER BY seq") -> list[Any]:
    """What another program would see."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def seqs(path: Path) -> list[int]:
    return [seq for seq, _ in rows(path)]
