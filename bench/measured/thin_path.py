"""The command line against the floor: a whole `gattkeeper status` and a whole `act`, and a bare `python -c
pass`. They are run in turn as whole processes, with a daemon that answers.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measured.figures import Figure, Goal, Tick

TITLE = "The command line"
ROUNDS = 60
QUICK_ROUNDS = 15
GOAL = Goal(limit=1.3, stretch=1)
_BECAUSE = (
    "The command is a Python of its own as well, with `site`, and with what a verb, a socket and an answer need;"
    " and the daemon's part is in it, for `act` with a row on the disk."
)

SETTINGS = """\
[keeper]
socket = "keeper.sock"
journal = "journal.db"
log_level = "warning"
[adapters.radio]
link = "virtual"
[devices.lounge]
address = "F0:00:00:00:00:01"
profile = "virtual_blind"
virtual = "blind"
"""


def timed(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    program = str(Path(sys.executable).with_name("gattkeeper"))
    if not Path(program).exists():
        raise FileNotFoundError(f"there is no {program}: `make bench` installs it")
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "g.toml"
        settings.write_text(SETTINGS)
        there = ["--socket", f"{folder}/keeper.sock"]
        paths = {
            "floor": [sys.executable, "-c", "pass"],
            "status": [program, "status", *there],
            "act": [program, "act", "lounge", "set_position", "50", "--no-wait", *there],
        }
        with subprocess.Popen([program, "serve", "--config", str(settings)]) as daemon:
            try:
                while subprocess.run(paths["status"], capture_output=True, check=False).returncode:
                    time.sleep(0.05)
                times = in_turn(paths, QUICK_ROUNDS if quick else ROUNDS, tick)
            finally:
                daemon.terminate()
    floor = times.pop("floor")
    return [
        Figure(
            name=f"`gattkeeper {name}`",
            ours_is="whole process",
            theirs_is="`python -c pass`",
            ours=taken,
            theirs=floor,
            goal=GOAL,
            of="G10",
            because=_BECAUSE,
        )
        for name, taken in times.items()
    ]


def in_turn(paths: dict[str, list[str]], rounds: int, tick: Tick) -> dict[str, tuple[float, ...]]:
    """A B C A B C …: the speed of a shared machine drifts, and hits all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in paths}
    for number in range(rounds):
        tick(f"round {number + 1} of {rounds}")
        for name, words in paths.items():
            times[name].append(timed(words))
    return {name: tuple(taken) for name, taken in times.items()}
