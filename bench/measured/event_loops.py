"""What `event_loop = "uvloop"` saves: the same on Python's own event loop and on uvloop, in turn. A command
through the keeper alone is pure Python, and the loop has little part in it. The daemon is measured from
outside, by the processor time of all of its threads: a request that changes nothing, which is what its socket
costs; and a write to a lamp behind a scripted BlueZ that answers at once, with its rows in the journal, to the
outcome in its caller's hands. The goal of the request is what makes uvloop worth a setting; the others must not
be dearer on it.
"""

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvloop
from msgspec import Struct

from measured.figures import Figure, Goal, Tick
from measured.keeper_cost import command, lamp_keeper
from measured.processes import LEVEL, answers, running, world

TITLE = "Python's event loop and uvloop (processor time)"
COMMANDS, REQUESTS, WRITES = 1_000, 500, 100
WARMING = 20
WORTH_IT, NOT_DEARER = Goal(limit=1.2, sooner=True), Goal(limit=1, sooner=True)

_SETTINGS = """\
[keeper]
socket = "keeper.sock"
journal = "journal.db"
log_level = "warning"
event_loop = "EVENT_LOOP"
[adapters.radio]
link = "bluez"
[devices.lamp]
address = "F0:00:00:00:00:00"
"""
_REQUEST = b'{"verb":"cancel","command":"none"}\n'
_WRITE = f'{{"verb":"write","device":"lamp","characteristic":"{LEVEL}","payload":"01","wait":true}}\n'.encode()


async def commands() -> float:
    """Seconds of the processor for a command through a keeper."""
    keeper = await lamp_keeper()
    began = time.process_time()
    for number in range(COMMANDS):
        outcome = await (await keeper.submit(command(number))).wait()
        assert outcome.succeeded, outcome
    taken = time.process_time() - began
    await keeper.close()
    return taken / COMMANDS


class Daemon(Struct, frozen=True, kw_only=True):
    """One that runs, and a connection to it."""

    pid: int
    client: socket.socket

    def ask(self, request: bytes, lines: int) -> None:
        """One request, and so many lines in answer."""
        self.client.sendall(request)
        got = b""
        while got.count(b"\n") < lines:
            got += self.client.recv(65536)
        assert b'"error":{"code":"unavail' not in got, got

    def taken_s(self) -> float:
        """What the scheduler gave to all of its threads."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def cost_s(self, request: bytes, lines: int, count: int) -> float:
        """Seconds of its processor for one of so many."""
        before = self.taken_s()
        for _ in range(count):
            self.ask(request, lines)
        return (self.taken_s() - before) / count


@contextmanager
def daemon(event_loop: str, folder: Path) -> Iterator[Daemon]:
    """On a BlueZ of its own."""
    folder.mkdir()
    program = str(Path(sys.executable).with_name("gattkeeper"))
    with world(folder, 1) as env:
        settings = folder / "g.toml"
        settings.write_text(_SETTINGS.replace("EVENT_LOOP", event_loop))
        words = [program, "serve", "--config", str(settings)]
        with running(words, env=env) as process, answers(folder / "keeper.sock") as client:
            one = Daemon(pid=process.pid, client=client)
            for _ in range(WARMING):
                one.ask(_WRITE, 2)
            yield one


Pairs = dict[str, list[tuple[float, float]]]


def of_daemons(rounds: int, tick: Tick) -> Pairs:
    """Requests and writes, on uvloop and on Python's own, in turn."""
    found: Pairs = {"request": [], "write": []}
    with tempfile.TemporaryDirectory() as name, ExitStack() as open_:
        ours, theirs = (
            open_.enter_context(daemon(event_loop, Path(name) / event_loop))
            for event_loop in ("uvloop", "asyncio")
        )
        for number in range(rounds):
            tick(f"daemon, {number + 1} of {rounds}")
            for what, said in (("request", (_REQUEST, 1, REQUESTS)), ("write", (_WRITE, 2, WRITES))):
                found[what].append((ours.cost_s(*said), theirs.cost_s(*said)))
    return found


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    rounds = 5 if quick else 15
    tick("a command through the keeper")
    found: Pairs = {"command": [(uvloop.run(commands()), asyncio.run(commands())) for _ in range(rounds)]}
    found |= of_daemons(rounds, tick)
    names = {
        "command": ("a command through the keeper", NOT_DEARER),
        "request": ("a request to the daemon", WORTH_IT),
        "write": ("a write through the daemon", NOT_DEARER),
    }
    return [
        Figure(
            name=names[what][0],
            ours_is="uvloop",
            theirs_is="asyncio",
            ours=tuple(ours for ours, _ in pairs),
            theirs=tuple(theirs for _, theirs in pairs),
            goal=names[what][1],
        )
        for what, pairs in found.items()
    ]
