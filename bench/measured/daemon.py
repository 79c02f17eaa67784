"""The daemon as a process: how soon it answers, what a request over a connection that stands costs, and what it
takes while nobody asks anything. The floors are a Python that has imported asyncio and nothing else, and a
program that gives each line of a Unix socket back; where the floor is a limit, it is the most we allow it to
take. Its adapter is one of BlueZ, scripted on a D-Bus of its own in other processes, with twenty devices.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measured.figures import Figure, Goal, Tick, Unit
from measured.processes import SETTINGS, answers, running, world

TITLE = "The daemon"
DEVICES = 20
RESTS_S = 20.0
REQUESTS = 500
RESIDENT_MAX = 45e6
CPU_MAX = 0.005
"""Of one core, while it rests."""

_BECAUSE = (
    "Python with asyncio is 20 MB of it before anything of ours is loaded, the library that signs the journal's"
    " checkpoints 7 MB, and D-Bus with Bleak 3 MB."
)
_DEVICE = """\
[devices.blind{number:02}]
address = "F0:00:00:00:00:{number:02X}"
"""
_ECHO = """\
import asyncio, sys

async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line)

async def main():
    server = await asyncio.start_unix_server(serve, sys.argv[1])
    await server.serve_forever()

asyncio.run(main())
"""
_REQUEST = b'{"verb":"cancel","command":"none"}\n'


def asked(client: socket.socket) -> None:
    """One request and its answer."""
    client.sendall(_REQUEST)
    got = b""
    while not got.endswith(b"\n"):
        got += client.recv(4096)


def round_trip(client: socket.socket) -> float:
    asked(client)
    began = time.perf_counter()
    for _ in range(REQUESTS):
        asked(client)
    return (time.perf_counter() - began) / REQUESTS


def resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * float(os.sysconf("SC_PAGE_SIZE"))


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def home(program: str, folder: Path) -> list[str]:
    """A fresh home, and the words that start its daemon."""
    folder.mkdir()
    devices = "".join(_DEVICE.format(number=number) for number in range(DEVICES))
    (folder / "g.toml").write_text(SETTINGS + devices)
    return [program, "serve", "--config", str(folder / "g.toml")]


def started_s(words: list[str], folder: Path, env: dict[str, str]) -> float:
    """From the call until a request was answered."""
    began = time.perf_counter()
    with running(words, env=env), answers(folder / "keeper.sock") as client:
        asked(client)
        return time.perf_counter() - began


def bare_s() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import asyncio"], check=True)
    return time.perf_counter() - began


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    program = str(Path(sys.executable).with_name("gattkeeper"))
    rounds = 3 if quick else 20
    with tempfile.TemporaryDirectory() as name, world(Path(name), DEVICES) as env:
        folder = Path(name)
        starts, bare = [], []
        for number in range(rounds):
            tick(f"starting, {number + 1} of {rounds}")
            starts.append(started_s(home(program, folder / str(number)), folder / str(number), env))
            bare.append(bare_s())
        words = home(program, folder / "kept")
        with running(words, env=env) as daemon, answers(folder / "kept" / "keeper.sock") as client:
            tick("asking")
            trips, echoes = round_trips(client, folder / "echo.sock", rounds)
            tick("resting")
            cpu = rest(daemon.pid, RESTS_S / (8 if quick else 1))
            memory = resident(daemon.pid)
    return [
        Figure(
            name="from the call until it answers",
            ours_is="gattkeeper serve",
            theirs_is="python -c 'import asyncio'",
            ours=tuple(starts),
            theirs=tuple(bare),
            goal=Goal(limit=6),
            because="Nearly all of it is Python importing modules.",
        ),
        Figure(
            name="a request over a connection that stands",
            ours_is="gattkeeper",
            theirs_is="echo",
            ours=tuple(trips),
            theirs=tuple(echoes),
            goal=Goal(limit=4, stretch=2),
            of="G11",
        ),
        at_most("processor in a second of rest", cpu, CPU_MAX, Unit.SECONDS),
        at_most("memory at rest", memory, RESIDENT_MAX, Unit.BYTES),
    ]


def at_most(name: str, taken: float, limit: float, unit: Unit) -> Figure:
    """What a daemon at rest takes, against what it may."""
    return Figure(
        name=name,
        because=_BECAUSE if unit is Unit.BYTES else "",
        ours_is="gattkeeper serve",
        theirs_is="limit",
        ours=(taken,),
        theirs=(limit,),
        goal=Goal(limit=1),
        unit=unit,
    )


def round_trips(client: socket.socket, path: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Ours and the echo's, in turn."""
    with running([sys.executable, "-c", _ECHO, str(path)]), answers(path) as echo:
        pairs = [(round_trip(client), round_trip(echo)) for _ in range(rounds)]
    ours, theirs = zip(*pairs, strict=True)
    return list(ours), list(theirs)


def rest(pid: int, length_s: float) -> float:
    """Seconds of processor in a second, while nobody asks anything."""
    before = processor_s(pid)
    time.sleep(length_s)
    return (processor_s(pid) - before) / length_s
