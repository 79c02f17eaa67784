"""Random days of trouble, judged by the contract; and that a seed is a day, not a mood."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gattkeeper.model.outcome import Verdict
from gattkeeper.runtime.recording import replay
from gattkeeper.world import SeenKind
from sim.checker import judge
from sim.history import History
from sim.kept_seeds import KEPT_SEEDS, RADIO_SEEDS, SEEDS
from sim.replay import MODES, RADIO, digest, run, save
from sim.report import all_faults, hits, never_fired

ROOT = Path(__file__).parents[2]
CHUNK = 10
FEW, FEW_ON_RADIO = 50, 30
"""Seeds in which every fault has to fire: one that needs more is too rare to be tested by them all."""


def must_keep_every_promise(seed: int, mode: str, folder: Path) -> None:
    said = judge(run(seed, mode))
    assert not said, "\n".join([*said, f"run it again: {save(seed, mode, folder)}"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("start", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_the_contract(start: int, mode: str, tmp_path: Path):
    for seed in range(start, start + CHUNK):
        must_keep_every_promise(seed, mode, tmp_path)


@pytest.mark.parametrize("start", range(0, RADIO_SEEDS, CHUNK))
def test_no_seed_breaks_the_contract_on_a_complete_stack(start: int, tmp_path: Path):
    for seed in range(start, start + CHUNK):
        must_keep_every_promise(seed, RADIO, tmp_path)


@pytest.mark.parametrize(("mode", "seed"), KEPT_SEEDS, ids=str)
def test_a_seed_that_once_broke_a_promise_keeps_it(mode: str, seed: int, tmp_path: Path):
    must_keep_every_promise(seed, mode, tmp_path)


def test_every_fault_fires():
    """Those that are open excepted: faults.toml says why."""
    counted = Counter()
    for seed in range(FEW):
        for mode in MODES:
            counted += hits(run(seed, mode))
    assert never_fired(counted, radio=False) == []
    for seed in range(FEW_ON_RADIO):
        counted += hits(run(seed, RADIO))
    assert never_fired(counted, radio=True) == []
    assert {number for number, _, _ in counted} <= all_faults().keys()
    assert not [number for number, fault in all_faults().items() if "open" in fault and number in counted]


@pytest.fixture(scope="module")
def some_days() -> list[History]:
    return [run(seed, "safety") for seed in range(24)]


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
    ups = [{(one.device, one.adapter) for one in day.seen if one.kind is SeenKind.UP} for day in some_days]
    assert sum(len(day) - len({device for device, _ in day}) for day in ups) >= 5, "devices that moved"
    leases = Counter(lease.ended_by for day in some_days for lease in day.held)
    assert min(leases[name] for name in ("", "lease_silent", "stopped")) >= 2, leases
    assert leases.total() >= 50, leases


@pytest.mark.parametrize(("seed", "mode"), [(0, "safety"), (5, "liveness"), (8, "safety"), (3, RADIO)])
def test_the_same_seed_gives_the_same_history_in_another_process(seed: int, mode: str):
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
    again = subprocess.run(
        [sys.executable, "-m", "sim.replay", str(seed), mode],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout.splitlines()[-1] == digest(run(seed, mode))


@pytest.mark.parametrize(("seed", "mode"), [(1, "safety"), (2, "liveness"), (3, RADIO)])
def test_the_same_seed_gives_the_same_recordings(seed: int, mode: str, tmp_path: Path):
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
        run(seed, mode, folder)
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert first == second
    assert first


@pytest.mark.parametrize(("seed", "mode"), [(0, "safety"), (1, "safety"), (2, "liveness"), (3, RADIO)])
def test_what_the_cores_decided_is_decided_again(seed: int, mode: str, tmp_path: Path):
    run(seed, mode, tmp_path)
    recordings = sorted(tmp_path.iterdir())
    assert recordings
    for recording in recordings:
        steps = list(replay(recording))
        assert len(steps) > 20
        assert all(step.same for step in steps)


def test_another_seed_is_another_day():
    assert digest(run(0, "safety")) != digest(run(1, "safety")) != digest(run(1, "liveness"))
