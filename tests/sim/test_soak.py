"""Many seeds on many processes: which, and that the first that breaks a promise ends it."""

import os
import subprocess
import sys
from pathlib import Path

from sim import soak
from sim.replay import MODES, RADIO
from tidy.source_tree import ROOT


def test_every_seed_runs_in_each_mode_and_a_share_of_them_on_the_radio():
    planned = list(soak.runs(range(10, 30), range(1, 3)))
    assert sorted(seed for seed, mode in planned if mode in MODES) == sorted([*range(10, 30)] * 2)
    assert [seed for seed, mode in planned if mode == RADIO] == [1, 2]
    assert len(set(planned)) == len(planned) == 42


def test_what_a_run_raises_is_a_promise_broken(monkeypatch):
    def broken(*_words: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(soak, "run", broken)
    run_, (said,), counted = soak.one((1, "safety"))
    assert (run_, len(counted)) == ((1, "safety"), 0)
    assert "ZeroDivisionError" in said


def test_a_seed_that_breaks_a_promise_ends_it_with_a_recording(monkeypatch, capsys, tmp_path: Path):
    results = iter([((7, "safety"), ["i4: it did not"], {}), ((8, "safety"), [], {})])
    monkeypatch.setattr(soak, "soak", lambda _runs: results)
    assert soak.main("2", "7", str(tmp_path)) == 1
    said = capsys.readouterr().out
    assert "seed 7, safety:\ni4: it did not" in said
    assert "python -m sim.replay 7 safety" in said
    assert next(results)[0] == (8, "safety")
    assert list((tmp_path / "safety-7").iterdir())


def test_a_soak_that_holds_says_what_fired():
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
    done = subprocess.run(
        [sys.executable, "-m", "sim.soak", "2"], env=environment, capture_output=True, text=True, check=True
    )
    assert "4 of 4 runs" in done.stderr
    assert any(line.split()[0].startswith("F") for line in done.stdout.splitlines())
