"""What is told of a guest that answers no more: one whose kernel broke is another matter than a slow one."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluez_vm import machine as machine_module
from bluez_vm.machine import GuestGoneError, Machine

BUG = "[   41.7] list_del corruption, ffff->next is LIST_POISON2\n[   41.7] kernel BUG at lib/list_debug.c:56!\n"


@pytest.fixture
def console(tmp_path: Path) -> Path:
    console = tmp_path / "console.log"
    console.write_text("init: up\n")
    return console


@pytest.fixture
def port() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Ours and the guest's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def guest(
    port: tuple[socket.socket, socket.socket], console: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    """A guest that answers nothing, to somebody who does not wait long."""
    monkeypatch.setattr(machine_module, "ANSWER_GRACE_S", 0.05)
    machine = Machine(subprocess.Popen(["/bin/true"]), port[0], console)
    yield machine
    machine.end()


def gone(guest: Machine) -> GuestGoneError:
    with pytest.raises(GuestGoneError, match="a_case") as raised:
        guest.run("a_case", timeout_s=0.0)
    return raised.value


def test_a_guest_that_is_only_slow_is_not_said_to_be_broken(guest: Machine) -> None:
    assert not gone(guest).kernel_broke


def test_a_guest_that_hangs_in_a_bug_of_its_kernel_is(guest: Machine, console: Path) -> None:
    console.write_text(BUG + "init: more\n" * 1000)
    assert gone(guest).kernel_broke, "also when it is long past on the console"


def test_a_guest_that_ended_is_only_where_its_kernel_says_why(
    guest: Machine, console: Path, port: tuple[socket.socket, socket.socket]
) -> None:
    port[1].close()
    assert not gone(guest).kernel_broke
    console.write_text("[   41.7] Kernel panic - not syncing: Fatal exception\n")
    assert gone(guest).kernel_broke
