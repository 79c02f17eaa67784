"""Journals with checkpoints, and what somebody does to them who may write every file and knows how the chain is made.

Knows the ways to tamper. That they are found is for the tests.
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import tampering
from journal_rows import accepted, durable, ended, intended
from rotating import fill

from gattkeeper.daemon.audit.verifying import Verified, verified
from gattkeeper.storage import journal_file, segments, standalone
from gattkeeper.storage.chain import link
from gattkeeper.storage.checkpointing import CheckpointRules, checkpoints_of, key_of
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.rotation import SegmentRules
from gattkeeper.storage.signing import public_key

EACH_ROW = CheckpointRules(rows=1)
EVOLVING = CheckpointRules(rows=1, keys="evolving")


def write(path: Path, *commands: str, checkpoints: CheckpointRules = EACH_ROW) -> None:
    """Open, three rows for each command, close: a checkpoint at the start and at the end at least."""

    async def run() -> None:
        journal = await SqliteJournal.open(path, checkpoints=checkpoints)
        for command_id in commands:
            journal.append(accepted(command_id))
            journal.append(intended(command_id))
            await durable(journal, ended(command_id))
        await journal.close()

    asyncio.run(run())


def write_several_files(path: Path, commands: int, *, checkpoints: CheckpointRules) -> None:
    """As many small files as it takes."""

    async def run() -> None:
        journal = await SqliteJournal.open(path, rules=SegmentRules(size_max=120_000), checkpoints=checkpoints)
        await fill(journal, 0, commands)
        await journal.close()

    asyncio.run(run())


def lines(path: Path) -> list[bytes]:
    return checkpoints_of(path).read_bytes().splitlines()


def key(path: Path) -> str:
    return public_key(key_of(path))


def ours(path: Path, *, elsewhere: list[bytes] | None = None, key: str = "") -> Verified:
    """What `gattkeeper audit verify` finds, with checkpoints that were kept elsewhere too."""
    beside = lines(path) if checkpoints_of(path).exists() else []
    return verified(path, beside + (elsewhere or []), key=key)


def theirs(path: Path, *, elsewhere: list[bytes] | None = None, key: str = "") -> str:
    """What the program without gattkeeper says is wrong; empty: nothing."""
    named = path.with_name("elsewhere.jsonl")
    named.write_bytes(b"".join(line + b"\n" for line in elsewhere or []))
    try:
        standalone.verify([path], [str(named)], key)
    except (standalone.FlawError, sqlite3.DatabaseError) as flaw:
        return str(flaw)
    return ""


def tamper(path: Path, *statements: str) -> None:
    """Statements on one file, and what the triggers keep made right again."""
    tampering.tamper(path, *statements, *tampering.KEPT_RIGHT)


def write_anew(path: Path, change: Callable[[list[Any]], None]) -> None:
    """Change the rows of a journal of one file, then make its chain and the file as if it had always been so."""
    with closing(sqlite3.connect(path)) as connection:
        rows = [list(row) for row in connection.execute("SELECT * FROM journal ORDER BY seq")]
        segment = journal_file.segment_of(connection)
        last = journal_file.origin(segment).hash
    change(rows)
    for row in rows:
        last = row[-1] = link(last, tuple(row[:-1]))
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        path.with_name(name).unlink(missing_ok=True)
    journal_file.create(path, segment, {})
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()


def exported(path: Path) -> bytes:
    """Every row as a line, as the program without gattkeeper reads them."""
    found = []
    for file in segments.files_of(path):
        with closing(sqlite3.connect(file)) as connection:
            connection.row_factory = sqlite3.Row
            (segment,) = connection.execute("SELECT * FROM segment").fetchall()
            found.append({"segment": _texts(segment)})
            found += [_texts(row) for row in connection.execute("SELECT * FROM journal ORDER BY seq")]
    return b"".join(json.dumps(line).encode() + b"\n" for line in found)


def _texts(row: sqlite3.Row) -> dict[str, Any]:
    columns = dict(zip(row.keys(), row, strict=True))
    if "body" in columns:
        columns["body"] = columns["body"].decode()
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in columns.items()}
