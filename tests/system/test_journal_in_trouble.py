"""A journal that cannot be written, under a running daemon: nothing that changes a device starts, but for a stop.

The trouble is real: a file system that is full or frozen, a limit of the kernel, another program's lock. Each ends
while the daemon runs, and the daemon goes on by itself. What this machine cannot do is left out by name.
"""

import contextlib
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from gattkeeper.storage.succession import Whole, verify_journal
from gattkeeper.world.virtual_blind import BLIND_LABEL, BLIND_MOTOR
from system.evidence import Evidence
from system.home import SETTINGS, Home, running_home

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(sys.platform != "linux", reason="mounts and limits of other processes are Linux's"),
]

BEFORE, DURING, AFTER = "01", "02", "03"

Trouble = Callable[[Home], AbstractContextManager[None]]


@contextlib.contextmanager
def full_disk(home: Home) -> Iterator[None]:
    filler = home.journal.with_name("filler")
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


@contextlib.contextmanager
def size_limit(home: Home) -> Iterator[None]:
    """The journal's files may not grow. The others of the daemon are smaller."""
    assert home.process is not None
    size = home.journal.with_name("journal.db-wal").stat().st_size
    before = resource.prlimit(home.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    yield
    resource.prlimit(home.process.pid, resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def held_by_another(home: Home) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(home.journal, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, for root only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount a small file system")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False)
    if done.returncode:
        pytest.skip("this machine lets nobody mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (full_disk, "free space on its disk"),
        (size_limit, "look at its disk: full, over a limit, read-only, or failing"),
        (held_by_another, "another program holds it: close that"),
    ],
    ids=["full disk", "limit of size", "held by another program"],
)
def test_in_trouble_only_a_stop_goes_and_afterwards_everything_does(
    tmp_path: Path, small_disk: Path, trouble: Trouble, said: str
) -> None:
    settings = SETTINGS.replace('"journal.db"', '"disk/journal.db"')
    with running_home(tmp_path, settings) as home:
        home.journal = small_disk / "journal.db"
        assert home.ask("write", "lounge", BLIND_LABEL, BEFORE).returncode == 0
        with trouble(home):
            refused = home.ask("write", "lounge", BLIND_LABEL, DURING)
            stopped = home.ask("stop", "lounge", "--json")
            shown = home.ask("status").stdout
        again = home.ask("write", "lounge", BLIND_LABEL, AFTER, "--json")
        assert home.end() == 0
        applied = home.applied()
    told = json.loads(stopped.stdout)["outcomes"] + [json.loads(again.stdout)]
    assert refused.returncode != 0
    assert said in refused.stderr, refused.stderr
    assert shown.startswith("alert journal (journal): "), shown
    assert said in shown
    assert stopped.returncode == 0, stopped.stderr
    assert again.returncode == 0, "the daemon did not go on by itself"
    labels = [one.payload.hex() for one in applied if one.characteristic == BLIND_LABEL]
    assert labels == [BEFORE, AFTER]
    assert [one.characteristic for one in applied].count(BLIND_MOTOR) == 1
    assert isinstance(verify_journal(home.journal), Whole)
    evidence = Evidence(home.rows())
    evidence.each_accepted_ended_once()
    evidence.callers_heard_what_stands_there({one["command_id"]: one["verdict"] for one in told})
    assert sorted(command.stop for command in evidence.commands.values()) == [False, False, True]
