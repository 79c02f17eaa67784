"""Runs one seed again: `PYTHONPATH=src:tests python -m sim.replay 64 safety`. Prints its history, then the verdict.

With a folder as a third word it leaves recordings of the cores there, one for each life of the keeper: `gattkeeper
replay` decides them again.

Knows how a run is spelled on a command line. The digest it ends with is the same wherever the seed is run.
"""

import hashlib
import sys
from pathlib import Path

import msgspec

from sim.checker import History, judge
from sim.simulation import plan_for, simulate

MODES = ("safety", "liveness")


def run(seed: int, mode: str, recordings: Path | None = None) -> History:
    return simulate(plan_for(seed, liveness=mode == "liveness"), recordings)


def how_to(seed: int, mode: str) -> str:
    return f"PYTHONPATH=src:tests python -m sim.replay {seed} {mode}"


def digest(history: History) -> str:
    return hashlib.sha256(msgspec.json.encode(history)).hexdigest()


def main(seed: str, mode: str, folder: str = "") -> None:
    history = run(int(seed), mode, Path(folder) if folder else None)
    for name in ("told", "rows", "seen"):
        for entry in getattr(history, name):
            sys.stdout.write(f"{name}: {entry}\n")
    for said in judge(history) or ["every invariant held"]:
        sys.stdout.write(f"{said}\n")
    sys.stdout.write(f"{digest(history)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
