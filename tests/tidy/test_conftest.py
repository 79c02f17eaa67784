"""The rules of tests/conftest.py, shown on a suite of their own, with and without xdist's workers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tidy.source_tree import ROOT

SUITE = """
import asyncio
import pytest

def test_passes():
    pass

def test_without_the_program():
    pytest.skip("no such program here")

@pytest.mark.skip
def test_silent_mark():
    pass

def test_silent_call():
    pytest.skip()

@pytest.mark.xfail(reason="known")
def test_expected_failure():
    assert False

@pytest.mark.asyncio
async def test_leaves_a_task():
    asyncio.get_running_loop().create_task(asyncio.sleep(100), name="forgotten")

@pytest.mark.asyncio
async def test_cancels_its_task():
    asyncio.get_running_loop().create_task(asyncio.sleep(100)).cancel()

def test_leaves_a_file():
    open(__file__)

@pytest.mark.system
def test_real_program():
    pass
"""


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["alone", "two_workers"])
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest prints for the suite, under this project's settings and conftest."""
    root = tmp_path_factory.mktemp("suite")
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", root / "tests")
    (root / "tests" / "test_suite.py").write_text(SUITE)
    (root / "tests" / "test_module.py").write_text(
        'import pytest\npytest.importorskip("no_such_part", reason="no part")'
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *request.param],
        cwd=root,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout


def left_out(said: str) -> list[str]:
    _, _, rest = said.partition("Left out on this machine: 2")
    return rest.splitlines()[1:3]


def test_what_was_left_out_is_listed_by_name_with_its_reason(said: str) -> None:
    assert left_out(said) == [
        "tests/test_module.py: no part",
        "tests/test_suite.py::test_without_the_program: no such program here",
    ]


def test_a_skip_without_a_reason_fails(said: str) -> None:
    assert "ERROR tests/test_suite.py::test_silent_mark" in said
    assert "FAILED tests/test_suite.py::test_silent_call" in said


def test_a_task_that_outlives_its_test_fails_it(said: str) -> None:
    assert "ERROR tests/test_suite.py::test_leaves_a_task" in said
    assert "forgotten" in said
    assert "ERROR tests/test_suite.py::test_cancels_its_task" not in said


def test_an_unclosed_file_fails_its_test(said: str) -> None:
    assert "FAILED tests/test_suite.py::test_leaves_a_file" in said


def test_the_counts_come_last(said: str) -> None:
    assert "2 failed, 4 passed, 2 skipped, 1 xfailed, 2 errors" in said.splitlines()[-1]


def test_tests_that_share_a_guest_run_on_one_worker(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests" / "bluez_vm").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    for name in ("one", "two", "three"):
        (tmp_path / "tests" / "bluez_vm" / f"test_guest_{name}.py").write_text(
            "def test_a(): pass\ndef test_b(): pass\n"
        )
    words = [sys.executable, "-m", "pytest", "-n", "2", "-v", "-v"]
    run = subprocess.run(words, cwd=tmp_path, env=_environment(), capture_output=True, text=True, check=False)
    workers = [line.partition("]")[0] for line in run.stdout.splitlines() if " PASSED " in line]
    assert len(workers) == 6, run.stdout
    assert len(set(workers)) == 1, run.stdout


def _environment() -> dict[str, str]:
    """Ours without what the test run around us has put there."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV"))}
