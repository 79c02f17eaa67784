"""`python bench`: one suite that fails does not take the others along, and the exit code says what came out."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from measured.figures import Figure, Goal
from measured.goals import GOALS
from measured.page import Suite

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_program", ROOT / "bench" / "__main__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def figure(ours: float, of: str = "") -> Figure:
    return Figure(
        name="x", ours_is="ours", theirs_is="theirs", ours=(ours,), theirs=(1.0,), goal=Goal(limit=2), of=of
    )


def suite(title: str, *found: Figure, error: Exception | None = None) -> ModuleType:
    def measure(*, quick: bool, tick) -> list[Figure]:
        tick("something")
        if error is not None:
            raise error
        return list(found)

    module = ModuleType("measured.made_up", "Words.")
    module.__dict__.update(TITLE=title, measure=measure)
    return module


def test_a_suite_that_fails_says_how_and_the_next_one_runs(bench: ModuleType, capsys) -> None:
    chosen = [suite("Broken", error=OSError("no disk")), suite("Whole", figure(1.0))]
    broken, whole = bench.run_all(chosen, quick=True)
    assert (broken.title, broken.failed, broken.figures) == ("Broken", "OSError: no disk", [])
    assert (whole.failed, len(whole.figures)) == ("", 1)
    told = capsys.readouterr()
    assert "[1/2] Broken" in told.out and "[2/2] Whole" in told.out
    assert "OSError: no disk" in told.err


@pytest.mark.parametrize(
    ("found", "failed", "whole", "code"),
    [
        ([figure(1.0)], "", False, 0),
        ([figure(3.0)], "", False, 1),
        ([figure(1.0)], "OSError: no disk", False, 1),
        ([figure(1.0, of=goal) for goal in GOALS], "", True, 0),
        ([figure(1.0, of=goal) for goal in GOALS if goal != "G3"], "", True, 1),
    ],
)
def test_the_exit_code_is_nought_when_all_was_measured_and_met(
    bench: ModuleType, found: list[Figure], failed: str, whole: bool, code: int, capsys
) -> None:
    assert bench.judged([Suite(title="One", words="", found=tuple(found), failed=failed)], whole=whole) == code
    told = capsys.readouterr().err
    assert ("nothing measured G3" in told) == (whole and code == 1)
    assert ("these suites failed, see above: One" in told) == bool(failed)


def test_a_suite_that_is_not_there_is_told_before_anything_is_measured() -> None:
    run = subprocess.run(
        [sys.executable, "bench", "nothing"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "no such suite: there is gates, stop_in_line, " in run.stderr
