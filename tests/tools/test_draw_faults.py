"""The page about faults is drawn from their list and from runs, and nobody can forget a fault."""

import subprocess
import sys
from pathlib import Path

from tidy.source_tree import ROOT

PAGE = ROOT / "docs" / "faults.md"


def check(page: Path = PAGE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "draw_faults"), "--check", str(page)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_has_every_fault():
    checked = check()
    assert checked.returncode == 0, checked.stderr


def test_a_fault_that_the_page_lacks_is_noticed_and_other_figures_are_not(tmp_path: Path):
    page = tmp_path / "faults.md"
    lines = PAGE.read_text().splitlines(keepends=True)
    page.write_text("".join(line for line in lines if not line.startswith("| write |")))
    assert check(page).returncode == 0
    page.write_text("".join(line for line in lines if not line.startswith("## F1 ")))
    assert "run tools/draw_faults" in check(page).stderr


def test_every_fault_that_is_made_to_happen_has_figures():
    for section in PAGE.read_text().split("\n## ")[1:]:
        rows = [line for line in section.splitlines() if line.startswith("| ")]
        assert ("**Open**" in section) != (len(rows) > 2), section
