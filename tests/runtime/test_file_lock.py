"""One process at a time, and what the second one is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gattkeeper.errors import StorageError
from gattkeeper.runtime.file_lock import hold

HOLDER = """
import sys
from pathlib import Path
from gattkeeper.runtime.file_lock import hold
hold(Path(sys.argv[1]), remedy="stop it")
print("held", flush=True)
sys.stdin.read()
"""


def test_second_process_is_refused_and_told_the_pid_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "journal.lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match=f"held by process {holder.pid}: stop it"):
            hold(path, remedy="stop it")
        holder.kill()
    os.close(hold(path, remedy="stop it"))


def test_closing_the_descriptor_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "journal.lock"
    os.close(hold(path, remedy="stop it"))
    os.close(hold(path, remedy="stop it"))


def test_a_shorter_pid_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.lock"
    path.write_text("99999999999\n")
    os.close(hold(path, remedy="stop it"))
    assert path.read_text() == f"{os.getpid()}\n"


def test_holder_without_a_pid_yet_is_another_process(tmp_path: Path) -> None:
    path = tmp_path / "journal.lock"
    descriptor = hold(path, remedy="stop it")
    os.ftruncate(descriptor, 0)
    with pytest.raises(StorageError, match="held by another process"):
        hold(path, remedy="stop it")
    os.close(descriptor)


def test_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("content")
    path = tmp_path / "journal.lock"
    path.symlink_to(target)
    with pytest.raises(StorageError, match="cannot be opened"):
        hold(path, remedy="stop it")
    assert target.read_text() == "content"


def test_lock_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.lock"
    os.close(hold(path, remedy="stop it"))
    assert path.stat().st_mode & 0o777 == 0o600


def test_lock_that_the_file_system_refuses_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)  # opens, but cannot be cut to length
    with pytest.raises(StorageError, match="cannot be used"):
        hold(path, remedy="stop it")
