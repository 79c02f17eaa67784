"""Random days of trouble, judged by the contract; and that a seed is a day, not a mood."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gattkeeper.model.outcome import Verdict
from gattkeeper.runtime.recording import replay
from sim.checker import History, judge
from sim.replay import MODES, digest, how_to, run

ROOT = Path(__file__).parents[2]
SEEDS = 150  # in each mode
CHUNK = 10


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("start", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_the_contract(start: int, mode: str):
    for seed in range(start, start + CHUNK):
        said = judge(run(seed, mode))
        assert not said, "\n".join([*said, f"replay: {how_to(seed, mode)}"])


def test_a_scan_that_is_over_is_not_begun_again():
    """It was, again and again, in a moment of virtual time that never passed."""
    assert judge(run(2224, "liveness")) == []


@pytest.fixture(scope="module")
def some_days() -> list[History]:
    return [run(seed, "safety") for seed in range(8)]


def test_the_days_are_full_of_trouble_and_of_success(some_days: list[History]):
    """A simulation in which nothing happens would hold every promise."""
    ends = Counter(
        one.outcome.verdict if one.outcome is not None else one.refused for day in some_days for one in day.told
    )
    assert min(ends[verdict] for verdict in Verdict) >= 20, ends
    assert ends["storage"] and ends["queue_full"] and ends["stopped"], ends
    assert any(day.crashes_us for day in some_days)
    assert any(day.safety for day in some_days)
    assert any(len({entry.device for entry in day.seen}) > 2 for day in some_days)


@pytest.mark.parametrize("seed", [0, 5, 8])
def test_the_same_seed_gives_the_same_history_in_another_process(seed: int):
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
    again = subprocess.run(
        [sys.executable, "-m", "sim.replay", str(seed), "safety"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.splitlines()[-1] == digest(run(seed, "safety"))


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_what_the_cores_decided_is_decided_again(seed: int, tmp_path: Path):
    run(seed, "safety", tmp_path)
    recordings = sorted(tmp_path.iterdir())
    assert recordings
    for recording in recordings:
        steps = list(replay(recording))
        assert len(steps) > 20
        assert all(step.same for step in steps)


def test_another_seed_is_another_day():
    assert digest(run(0, "safety")) != digest(run(1, "safety"))
