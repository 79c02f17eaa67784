"""The page of what stacks say is drawn from the tables, and names only tests that there are."""

import subprocess
import sys
from pathlib import Path

import pytest

from links.fault_tables.rows import PROVOKED
from tidy.source_tree import ROOT

PAGE = ROOT / "docs" / "stack_faults.md"
TESTS = ROOT / "tests" / "links" / "fault_tables"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the page is drawn on Linux, where BlueZ is")


def draw(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools" / "draw_stack_faults", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_has_every_row() -> None:
    checked = draw("--check")
    assert checked.returncode == 0, checked.stderr


def test_an_old_page_is_noticed_and_drawn_anew(tmp_path: Path) -> None:
    page = tmp_path / "stack_faults.md"
    page.write_text(PAGE.read_text().replace("| busy |", "| rejected |", 1))
    old = draw("--check", page)
    assert (old.returncode, old.stderr) == (1, f"{page} is out of date: run tools/draw_stack_faults\n")
    assert draw(page).returncode == 0
    assert page.read_text() == PAGE.read_text()


def test_a_page_that_is_missing_is_out_of_date(tmp_path: Path) -> None:
    assert draw("--check", tmp_path / "none.md").returncode == 1


@pytest.mark.parametrize("test", PROVOKED.values())
def test_a_test_that_the_page_names_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    assert f"def {name}(" in (TESTS / path).read_text()
