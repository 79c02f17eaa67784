"""`gattkeeper lock` as programs meet: real processes, one line, no daemon."""

import asyncio
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gattkeeper.runtime.adapter_lock import OwnedLink
from gattkeeper.runtime.lock_holder import KEEPER, is_frozen
from gattkeeper.world import SimulatedLink, VirtualRadio, run_virtual
from links.wires import SocketWire
from system.home import Home

pytestmark = pytest.mark.system

LOCK = [sys.executable, "-m", "gattkeeper", "lock"]
HOLD = ["sh", "-c", "echo up; read line"]


class House:
    """Programs of one user, each under the lock."""

    def __init__(self, folder: Path) -> None:
        self.env = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "GATTKEEPER_SETTINGS": str(folder / "g.toml")}
        (folder / "g.toml").write_text("")
        self.locks = folder / "gattkeeper" / "locks"
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> "subprocess.Popen[str]":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([*LOCK, *words], env=self.env, text=True, **pipes)  # type: ignore[call-overload]
        self.started.append(process)
        return process  # type: ignore[no-any-return]

    def holder(self) -> "subprocess.Popen[str]":
        process = self.start("--", *HOLD)
        assert line_of(process.stdout) == "up\n"
        return process

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*LOCK, *words], env=self.env, text=True, capture_output=True, check=False, timeout=60
        )


@pytest.fixture
def house(tmp_path):
    own = House(tmp_path)
    yield own
    for process in own.started:
        process.kill()
        process.communicate()


def line_of(stream) -> str:
    assert select.select([stream], [], [], 60)[0]
    return stream.readline()


def waits(process) -> str:
    """The line that says that it stands in line."""
    line = line_of(process.stderr)
    assert line.startswith("gattkeeper lock: lock wait: hci0 is held by "), line
    return line


def test_sixteen_programs_come_one_after_the_other_in_their_order(house):
    holder = house.holder()
    log = house.locks.parent / "order"
    waiting = []
    for number in range(16):
        waiting.append(house.start("--", "sh", "-c", f"echo +{number} >> {log}; echo -{number} >> {log}"))
        assert f"; {number + 1} before this one" in waits(waiting[-1])
    holder.communicate("\n")
    for process in waiting:
        assert process.wait(60) == 0
    assert log.read_text().split() == [f"{sign}{number}" for number in range(16) for sign in "+-"]
    assert os.listdir(house.locks) == ["adapter-hci0.lock"]


def test_whoever_crashes_leaves_no_hole(house):
    holder = house.holder()
    first, second = house.start("--", "echo", "first"), None
    waits(first)
    second = house.start("--", "echo", "second")
    waits(second)
    first.kill()
    first.wait()
    holder.kill()
    assert second.communicate(timeout=60)[0] == "second\n"
    assert holder.stdout.read() == ""  # its command went before


def test_the_phases_are_told_in_seconds_and_the_holder_by_name(house):
    holder = house.holder()
    waiter = house.start("--", "true")
    assert f"process {holder.pid} ({' '.join(LOCK)} -- sh -c echo up; read line), for " in waits(waiter)
    holder.communicate("\n")
    _, told = waiter.communicate(timeout=60)
    acquired, done = told.splitlines()
    assert acquired.startswith("gattkeeper lock: lock acquired: hci0 after ")
    assert done.startswith("gattkeeper lock: done after ")
    assert done.endswith(" s: exit code 0")


def test_a_wait_that_ends_without_the_lock_is_75_and_names_the_holder(house):
    holder = house.holder()
    done = house.run("--wait", "0.1", "--", "touch", "never")
    assert done.returncode == 75
    assert "gave up after 0.1" in done.stderr.splitlines()[-1]
    assert f"process {holder.pid} " in done.stderr.splitlines()[-1]
    holder.communicate("\n")
    assert house.run("--wait", "0", "--", "true").returncode == 0


def test_a_frozen_holder_is_named_as_such(house):
    holder = house.holder()
    holder.send_signal(signal.SIGSTOP)
    while not is_frozen(holder.pid):
        time.sleep(0)
    done = house.run("--wait", "0", "--", "true")
    assert done.returncode == 75
    assert f"which is stopped (`kill -CONT {holder.pid}` lets it go on)" in done.stderr


def test_a_waiter_that_is_told_to_end_goes_at_once(house):
    house.holder()
    waiter = house.start("--", "true")
    waits(waiter)
    waiter.send_signal(signal.SIGTERM)
    assert waiter.wait(60) == 143
    assert len(os.listdir(house.locks)) == 2  # the lock and the holder's ticket


def test_a_limit_ends_the_command_and_frees_the_lock(house):
    done = house.run("--kill-after", "0.1", "--", "sleep", "1000")
    assert done.returncode == 143
    assert done.stderr.endswith("exit code 143, ended by its limit of 0.1 s\n")
    assert house.run("--wait", "0", "--", "true").returncode == 0


def test_a_command_that_cannot_be_run_frees_the_lock(house):
    done = house.run("--", "no-such-program")
    assert done.returncode == 127
    assert "gattkeeper: cannot run no-such-program: No such file or directory\n" in done.stderr
    assert house.run("--wait", "0", "--", "true").returncode == 0


def test_a_keeper_and_programs_have_one_lock(house, monkeypatch):
    house.run("--", "true")

    async def keep() -> None:
        link = OwnedLink(SimulatedLink([], name="hci0"), house.locks, KEEPER)
        await link.open(lambda _up, _fault: None)
        done = house.run("--", "true")
        assert done.returncode == 75
        assert f"hci0 belongs to a keeper, process {os.getpid()} (" in done.stderr
        assert "gattkeeper act" in done.stderr
        await link.close()

    run_virtual(keep())
    assert house.run("--wait", "0", "--", "true").returncode == 0


@pytest.mark.asyncio
async def test_a_daemons_adapter_is_not_waited_for_and_is_named_as_in_its_settings(tmp_path):
    radio = VirtualRadio(connection_interval_s=0.0075)
    wire = SocketWire(radio)
    await wire.lay()
    keeper = '[keeper]\nsocket = "keeper.sock"\njournal = "journal.db"\n'
    home = Home(tmp_path, f'{keeper}[adapters.lab]\nlink = "bumble"\ntransport = "{wire.name}"\n')
    try:
        await asyncio.to_thread(home.start)
        done = await asyncio.to_thread(
            subprocess.run,
            [*LOCK, "--adapter", "lab", "--", "true"],
            env={**os.environ, "GATTKEEPER_SETTINGS": str(home.settings)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 75
        assert f"{wire.name} belongs to a keeper, process {home.process.pid} (" in done.stderr
    finally:
        home.process.kill()
        home.process.wait()
        await wire.cut()
        await radio.close()


def test_on_a_terminal_one_line_shows_the_wait(house):
    house.holder()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [*LOCK, "--wait", "0.6", "--", "true"], house.env)
    seen = b""
    with pytest.raises(OSError, match="Input/output"):
        while True:
            seen += os.read(terminal, 1000)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 75
    assert seen.count(b"\r\x1b[Kgattkeeper") == 1  # the last word stands where the line was
    assert seen.count(b"\r\x1b[Klock wait: hci0 is held by process ") >= 2


def test_it_loads_nothing_slow():
    program = "import sys; from gattkeeper.__main__ import main; main(['lock', '--', 'true']); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"asyncio", "bleak", "msgspec", "argparse", "subprocess", "socket", "typing"} & set(loaded)
