"""Real processes: killed with -9, out of disk, without the right to write."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from journal_rows import rows, seqs

from gattkeeper.storage import segments
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.succession import Whole, verify_journal

HERE = Path(__file__).parent
KILLS = 20
SEED = 20


def run(script: Path | str, *arguments: str) -> str:
    program = [str(script)] if isinstance(script, Path) else ["-c", script]
    path = os.pathsep.join([str(HERE), *sys.path])
    done = subprocess.run(
        [sys.executable, "-W", "error", *program, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands_in(path: Path, kind: str) -> list[str]:
    return [command for found, command in rows(path, "SELECT kind, command_id FROM journal") if found == kind]


def test_promises_survive_kill_9_and_every_command_ends_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    promised = [
        line.split()[1:] for line in run(HERE / "crash_driver.py", str(path), str(KILLS), str(SEED)).splitlines()
    ]

    async def last_recovery() -> list[str]:
        journal = await SqliteJournal.open(path)
        outcomes = await journal.recover(version="0")
        await journal.close()
        return [outcome.command_id for outcome in outcomes]

    still_open = asyncio.run(last_recovery())
    for what in ("accepted", "intended", "ended"):
        assert {command for kind, command in promised if kind == what} <= set(commands_in(path, what))
    assert len(promised) > KILLS, "the children hardly ran: nothing was tested"
    assert seqs(path) == list(range(1, len(seqs(path)) + 1))
    assert Counter(commands_in(path, "accepted")) == Counter(commands_in(path, "ended"))
    assert max(Counter(commands_in(path, "accepted")).values()) == 1
    told = Counter(command for kind, command in promised if kind in ("ended", "outcome"))
    assert max((told + Counter(still_open)).values()) == 1, "a command was given two outcomes"


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from journal_rows import accepted, durable
from gattkeeper.storage.journal import SqliteJournal

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

async def main():
    path = Path(sys.argv[1])
    journal = await SqliteJournal.open(path)
    await durable(journal, accepted("before"))
    limit(path.with_name(path.name + "-wal").stat().st_size + 5000)
    batch = [durable(journal, accepted(f"big{n}", label="x" * 3000)) for n in range(20)]
    print(*{type(fault).__name__ for fault in await asyncio.gather(*batch)})
    print((await batch[-1]))
    limit(resource.RLIM_INFINITY)
    print(await durable(journal, accepted("after")))
    await journal.close()

asyncio.run(main())
"""


def test_disk_without_room_refuses_rows_and_takes_them_again_later(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    kinds, fault, later = run(FULL_DISK, str(path)).splitlines()
    assert "StorageError" in kinds
    assert "look at its disk: full, over a limit, read-only, or failing" in fault
    assert later == "None"
    first, second = segments.files_of(path)  # nothing is written any more to a file that had an I/O error
    kept = [command for file in (first, second) for command in commands_in(file, "accepted")]
    assert (kept[0], kept[-1]) == ("before", "after")
    assert len(kept) < 22
    assert seqs(first) + seqs(second) == list(range(1, len(kept) + 2))
    assert isinstance(verify_journal(path), Whole)


READ_ONLY = """
import asyncio, os, sys
import concurrent.futures.thread  # as everything that is needed later: nobody may not read every library
from pathlib import Path
from gattkeeper.errors import StorageError
from gattkeeper.storage.journal import SqliteJournal

async def main():
    journal = await SqliteJournal.open(Path(sys.argv[1]))
    try:
        await journal.recover(version="0")
    finally:
        await journal.close()

if os.getuid() == 0:
    os.setuid(65534)  # nobody: root may write anywhere
try:
    asyncio.run(main())
except StorageError as fault:
    print(fault)
"""


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "said"),
    [(0o777, 0o444, "make the file"), (0o555, 0o666, "lock file .* cannot be opened: Permission denied")],
    ids=["file", "folder"],
)
def test_no_right_to_write_is_refused_before_anything_is_accepted(
    folder_mode: int, file_mode: int, said: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "journal.db"
        asyncio.run(_make(path))
        (path.with_name("journal.db.lock")).unlink()
        path.chmod(file_mode)
        path.parent.chmod(folder_mode)
        assert re.search(said, run(READ_ONLY, str(path)))
        assert rows(path) == [(1, "closed")]


async def _make(path: Path) -> None:
    await (await SqliteJournal.open(path)).close()
