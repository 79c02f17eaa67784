"""The keeper's socket, journal and locks, on real files."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from scenery import Scenery, levels, told

from gattkeeper.daemon.doctor.findings import Level
from gattkeeper.daemon.doctor.keeper_files import (
    holder_in,
    holders_of_locks,
    look_at_journal,
    look_at_locks,
    look_at_socket,
    settings_finding,
    status_of,
)
from gattkeeper.daemon.settings_model import KeeperSettings, Settings
from gattkeeper.model.status import KeeperStatus
from gattkeeper.runtime.file_lock import hold

STATUS = KeeperStatus(adapters=(), devices=(), waiting=3, accepted=5, ended=2)


@pytest.fixture
def place():
    """A short path: a socket's may have 107 bytes."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def settings(folder: Path, **more) -> Settings:
    return Settings(keeper=KeeperSettings(socket=folder / "k.sock", journal=folder / "journal.db", **more))


@contextmanager
def answering(path: Path, answer: bytes):
    """Something that answers one line to everybody."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen()

        def serve() -> None:
            while True:
                asking, _ = listening.accept()
                with asking:
                    if not asking.recv(100):
                        return
                    asking.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(str(path))
            thread.join()


def test_a_daemon_that_answers_is_told_with_its_figures(place):
    with answering(place / "k.sock", msgspec.json.encode({"status": STATUS}) + b"\n"):
        assert status_of(place / "k.sock") == STATUS
        assert "0 devices, 3 commands wait" in told(look_at_socket(settings(place)))


@pytest.mark.parametrize("answer", [b"hello\n", b"", b'{"error":{"code":"x"}}\n'])
def test_something_that_is_no_daemon_is_told(place, answer):
    with answering(place / "k.sock", answer):
        assert status_of(place / "k.sock") is None
        assert levels(look_at_socket(settings(place))) == [Level.WARNING]


def test_no_daemon_is_no_fault_and_a_dead_one_is(place):
    assert levels(look_at_socket(settings(place))) == [Level.OK]
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / "k.sock"))
    (place / "k.sock").chmod(0o600)
    (finding,) = look_at_socket(settings(place))
    assert finding.level is Level.WARNING
    assert "gattkeeper serve" in finding.cure


def test_a_socket_open_to_everybody_is_told_unless_the_settings_say_so(place):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / "k.sock"))
    (place / "k.sock").chmod(0o666)
    assert "allow_users names nobody" in told(look_at_socket(settings(place)))
    assert "nobody answers" in told(look_at_socket(settings(place, allow_users=("pi",))))


def test_a_socket_that_cannot_be_looked_at_is_told(place):
    (place / "file").write_text("")
    assert levels(look_at_socket(settings(place / "file"))) == [Level.NOTE]


@pytest.mark.parametrize(("mode", "level"), [(0o600, Level.OK), (0o640, Level.WARNING), (0o602, Level.WARNING)])
def test_a_journal_is_its_owners_alone(place, mode, level):
    (place / "journal.db").write_text("")
    (place / "journal.db").chmod(mode)
    assert levels(look_at_journal(settings(place))) == [level]


def test_a_journal_that_is_not_there_yet_can_be_made(place):
    assert "can be made" in told(look_at_journal(settings(place / "new" / "folder")))
    (place / "file").write_text("")
    assert levels(look_at_journal(settings(place / "file"))) == [Level.NOTE]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_journal_of_somebody_else_is_told_to_who_may_not_write_it(place):
    place.chmod(0o755)
    (place / "journal.db").write_text("")
    (place / "journal.db").chmod(0o600)
    other = (
        "import os, sys; from pathlib import Path\n"
        "from gattkeeper.daemon.doctor.keeper_files import look_at_journal\n"
        "from gattkeeper.daemon.settings_model import KeeperSettings, Settings\n"
        "os.setuid(65534); folder = Path(sys.argv[1])\n"
        "for journal in (folder / 'journal.db', folder / 'new' / 'journal.db'):\n"
        "    print(look_at_journal(Settings(keeper=KeeperSettings(socket=folder, journal=journal)))[0].what)\n"
    )
    said = subprocess.run([sys.executable, "-c", other, place], capture_output=True, text=True, check=True).stdout
    assert said == f"this user may not write {place}/journal.db\nthis user may not write {place}\n"


def test_who_holds_an_adapter_is_read_from_the_kernels_table(scenery: Scenery, place):
    assert levels(look_at_locks(scenery.machine, place)) == [Level.NOTE]
    scenery.file("proc/locks", "")
    assert told(look_at_locks(scenery.machine, place)) == "no adapter is held | "
    lock = place / "adapter-F4-4E-FC-00-00-01.lock"
    lock.write_text("4242\n")
    assert "is free" in told(look_at_locks(scenery.machine, place))
    found = lock.stat()
    where = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    scenery.file(
        "proc/locks", f"1: POSIX  ADVISORY  WRITE 7 {where} 0 EOF\n2: FLOCK  ADVISORY  WRITE 612 {where} 0 EOF\n"
    )
    assert "held by a program this user cannot see (process 612)" in told(look_at_locks(scenery.machine, place))
    scenery.file("proc/612/comm", "gattkeeper\n")
    assert "F4-4E-FC-00-00-01 is held by gattkeeper" in told(look_at_locks(scenery.machine, place))
    assert holders_of_locks(scenery.machine, place) == {612}


def test_without_the_table_nobody_is_known_to_hold_anything(scenery: Scenery, place):
    assert holders_of_locks(scenery.machine, place) == set()


def test_a_lock_that_is_really_held_is_found_in_the_real_table(place):
    table = Path("/proc/locks")
    descriptor = hold(place / "adapter-hci0.lock", remedy="")
    try:
        if str(os.getpid()) not in table.read_text().split():
            pytest.skip("this kernel does not list locks")
        assert holder_in(table.read_text(), (place / "adapter-hci0.lock").stat()) == os.getpid()
    finally:
        os.close(descriptor)


def test_looking_takes_no_lock(scenery: Scenery, place):
    scenery.file("proc/locks", "")
    os.close(hold(place / "adapter-hci0.lock", remedy=""))
    look_at_locks(scenery.machine, place)
    os.close(hold(place / "adapter-hci0.lock", remedy=""))


def test_settings_that_cannot_be_used_are_a_problem():
    assert settings_finding("g.toml:4: no such name").level is Level.PROBLEM
