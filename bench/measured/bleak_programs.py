"""Programs that begin in the same moment, as real processes on a scripted BlueZ in another one: each connects
to the same lamp, writes once with response, and ends. Theirs are scripts with plain Bleak, behind `flock` or
not. Ours are the same scripts, unchanged, under `gattkeeper run`, and `gattkeeper act`, both in front of a
daemon that is not connected yet. A connection with its services is there after 250 ms and a write is answered
after 15 ms, as at an interval of 7.5 ms; before it takes a link down BlueZ makes its own pause of 2 s, and
while one connects it refuses another. Counted from the start of the first process: until the last one ended,
and between the first and the last that ended; and those that failed. A real BlueZ has more ways to fail:
docs/bluez.md.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from measured.figures import NONE, Figure, Goal, Tick, Unit
from measured.processes import LEVEL, SETTINGS, answers, running, world

TITLE = "Bleak programs at once, as processes"
PROGRAMS, QUICK_PROGRAMS = 8, 3
ROUNDS = 3
CONNECT_S, ANSWER_S, POLITE_S = 0.25, 0.015, 2.0
LIMIT_S = 60.0
HANGING_S, QUICK_HANGING_S = 30.0, 8.0
"""A program that nobody holds up has failed after so long: some of them wait for an answer that does not come."""
ADDRESS = "F0:00:00:00:00:00"

_DEVICE = f"""\
[devices.lamp]
address = "{ADDRESS}"
profile = "lamp"
[profiles.lamp.actions.set_level]
operation = "write"
characteristic = "{LEVEL}"
argument = {{ type = "integer", min = 0, max = 100 }}
payload = "{{u8}}"
"""
_SCRIPT = f"""\
import asyncio, fcntl, sys
from bleak import BleakClient

async def main():
    async with BleakClient("{ADDRESS}") as client:
        await client.write_gatt_char("{LEVEL}", bytes([int(sys.argv[1])]), response=True)

if len(sys.argv) > 2:
    lock = open(sys.argv[2], "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
asyncio.run(main())
"""


class Taken(Struct, frozen=True, kw_only=True):
    """When those ended that did what they should, in seconds from the first start; and how many did not."""

    ended_s: tuple[float, ...]
    failed: int

    @property
    def last_s(self) -> float:
        return max(self.ended_s, default=LIMIT_S)

    @property
    def spread_s(self) -> float:
        return self.last_s - min(self.ended_s, default=0.0)


class Place:
    """A folder with the script and the daemon's settings, and the environment of its BlueZ."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = {**env, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.program = str(Path(sys.executable).with_name("gattkeeper"))
        self.script = folder / "lamp.py"
        self.script.write_text(_SCRIPT)
        (folder / "g.toml").write_text(SETTINGS + _DEVICE)
        self.socket = folder / "keeper.sock"

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """It answers, and is not connected to anything."""
        with running([self.program, "serve", "--config", str(self.folder / "g.toml")], env=self.env):
            answers(self.socket).close()
            yield

    def words(self, way: str, number: int) -> list[str]:
        """How one program of this way is called."""
        plain = [sys.executable, str(self.script), str(number)]
        there = ["--socket", str(self.socket)]
        return {
            "at once": plain,
            "flock": [*plain, str(self.folder / "lock")],
            "run": [self.program, "run", *there, "--", *plain],
            "act": [self.program, "act", "lamp", "set_level", str(number), *there],
        }[way]

    def together(self, way: str, programs: int, limit_s: float = LIMIT_S) -> Taken:
        """So many of them at once; one that has not ended by then has failed."""
        began = time.perf_counter()

        def one(number: int) -> float | None:
            try:
                done = subprocess.run(
                    self.words(way, number), env=self.env, capture_output=True, timeout=limit_s, check=False
                )
            except subprocess.TimeoutExpired:
                return None
            return None if done.returncode else time.perf_counter() - began

        with ThreadPoolExecutor(programs) as pool:
            ends = list(pool.map(one, range(1, programs + 1)))
        return Taken(ended_s=tuple(end for end in ends if end is not None), failed=ends.count(None))


def samples(programs: int, rounds: int, hanging_s: float, tick: Tick) -> dict[str, list[Taken]]:
    """By way, in turn; each on a BlueZ and with a daemon of its own, so that nothing is warm."""
    found: dict[str, list[Taken]] = {"at once": [], "flock": [], "run": [], "act": []}
    for number in range(rounds):
        for way, taken in found.items():
            tick(f"{programs} programs, {way}, {number + 1} of {rounds}")
            with tempfile.TemporaryDirectory() as name, world(Path(name), 1, ANSWER_S, CONNECT_S, POLITE_S) as env:
                place = Place(Path(name), env)
                if way in ("run", "act"):
                    with place.daemon():
                        taken.append(place.together(way, programs))
                else:
                    limit_s = hanging_s if way == "at once" else LIMIT_S
                    taken.append(place.together(way, programs, limit_s))
    return found


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    programs, rounds = (QUICK_PROGRAMS, 1) if quick else (PROGRAMS, ROUNDS)
    found = samples(programs, rounds, QUICK_HANGING_S if quick else HANGING_S, tick)

    def sooner(name: str, part: str, ours_is: str, way: str, limit: float) -> Figure:
        return Figure(
            name=f"{programs} programs: {name}",
            ours_is=ours_is,
            theirs_is="behind flock",
            ours=tuple(getattr(one, part) for one in found[way]),
            theirs=tuple(getattr(one, part) for one in found["flock"]),
            goal=Goal(limit=limit, sooner=True),
        )

    def failed(ours_is: str, way: str, theirs_is: str, their_way: str) -> Figure:
        return Figure(
            name=f"failures of {programs * rounds}",
            ours_is=ours_is,
            theirs_is=theirs_is,
            ours=(float(sum(one.failed for one in found[way])),),
            theirs=(float(sum(one.failed for one in found[their_way])),),
            goal=NONE,
            unit=Unit.COUNT,
        )

    run, act = "`gattkeeper run`", "`gattkeeper act`"
    return [
        sooner("until the last one ended", "last_s", run, "run", 2),
        sooner("until the last one ended", "last_s", act, "act", 4),
        sooner("between the first and the last", "spread_s", run, "run", 2),
        sooner("between the first and the last", "spread_s", act, "act", 4),
        failed(run, "run", "at once, no flock", "at once"),
        failed(act, "act", "behind flock", "flock"),
    ]
