"""What a holder writes, and what is made of it, whatever it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gattkeeper.runtime.lock_holder import COMMAND, Holder, command_line, is_alive, is_frozen, read_holder, written

NOBODY = 2**22 + 1
"""Above the largest process id of Linux (proc(5), pid_max)."""


def test_a_holder_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_bytes(written(COMMAND))
    holder = read_holder(str(path))
    assert holder is not None
    assert (holder.pid, holder.role) == (os.getpid(), COMMAND)
    assert str(holder).startswith("this very process, for 0.")


def test_a_dead_holder_stands_back_for_its_worker(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text(f"{NOBODY}\n1.0\ncommand\n{os.getpid()}\n")
    holder = read_holder(str(path))
    assert holder is not None
    assert holder.pid == os.getpid()


@pytest.mark.parametrize(
    "text", ["", "\n", "x\ny\nz\n", f"{NOBODY}\n", "99999999999999999999999\n", "\0\0", "-4\n"]
)
def test_text_of_nobody_known_names_nobody(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.lock"
    path.write_text(text)
    assert read_holder(str(path)) is None
    assert read_holder(str(tmp_path / "missing")) is None


def test_a_pid_alone_is_a_holder_since_nobody_knows_when(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text(f"{os.getpid()}\n")
    assert str(read_holder(str(path))) == "this very process"


def test_a_process_is_told_by_its_command_line() -> None:
    sleeping = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", sleeping, "a\nb", "x" * 200]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert is_alive(process.pid)
        assert not is_frozen(process.pid)
        assert "a?b x" in str(Holder(process.pid, 0.0, COMMAND))
        assert len(command_line(process.pid)) == 100
        process.kill()
    assert not is_alive(process.pid)
    assert command_line(process.pid) == ""
    assert not is_frozen(process.pid)
