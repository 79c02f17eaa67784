"""Runs one seed again: `PYTHONPATH=src:tests python -m sim.replay 64 safety`. Prints its history, then the verdict.

With a folder as a third word it leaves recordings of the cores there, one for each life of the keeper: `gattkeeper
replay` decides them again.

Knows how a run is spelled on a command line. The digest it ends with is the same wherever the seed is run.
"""

import hashlib
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from gattkeeper.model.record import SettingsRead
from sim.checker import judge
from sim.history import History
from sim.radio_simulation import simulate_radio
from sim.simulation import plan_for, simulate

MODES = ("safety", "liveness")
"""On simulated links: with a crash perhaps, and stopped in the middle; or healed, and then everything works again."""

RADIO = "radio"
"""On a complete stack."""


def run(seed: int, mode: str, recordings: Path | None = None) -> History:
    """The history of a seed."""
    if mode == RADIO:
        return simulate_radio(seed, recordings)
    return simulate(plan_for(seed, liveness=mode == "liveness"), recordings)


def save(seed: int, mode: str, folder: Path) -> str:
    """Run a seed again and leave the recordings of its cores; how to look at it."""
    place = folder / f"{mode}-{seed}"
    place.mkdir(parents=True, exist_ok=True)
    with suppress(Exception):  # a run that raises leaves what there is
        run(seed, mode, place)
    recordings = " ".join(f"gattkeeper replay {path};" for path in sorted(place.iterdir()))
    return f"{how_to(seed, mode)}; {recordings}"


def how_to(seed: int, mode: str) -> str:
    """The command line that runs a seed again."""
    return f"PYTHONPATH=src:tests python -m sim.replay {seed} {mode}"


def digest(history: History) -> str:
    """A number for a whole history."""
    rows = [row for row in history.rows if not isinstance(row.record, SettingsRead)]  # they name the run's folder
    return hashlib.sha256(msgspec.json.encode(replace(history, rows=rows), order="deterministic")).hexdigest()


def main(seed: str, mode: str, folder: str = "") -> None:
    """One seed, printed."""
    history = run(int(seed), mode, Path(folder) if folder else None)
    for name in ("told", "rows", "seen", "fired"):
        for entry in getattr(history, name):
            sys.stdout.write(f"{name}: {entry}\n")
    for said in judge(history) or ["every invariant held"]:
        sys.stdout.write(f"{said}\n")
    sys.stdout.write(f"{digest(history)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
