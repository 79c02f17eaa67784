"""The table of operations is that of the links, and says so when it is not."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from gattkeeper.model.operation import CONNECTION_PRIORITIES, Operation

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the table is drawn on Linux, where BlueZ is")


def draw(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "tools" / "draw_operations", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_shows_what_the_links_can_do() -> None:
    run = draw("--check")
    assert run.returncode == 0, run.stderr


def test_every_operation_has_its_row() -> None:
    rows = [line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert set(rows) == {kind.__struct_config__.tag for kind in get_args(Operation)} | set(CONNECTION_PRIORITIES)


def test_an_old_table_is_noticed_and_drawn_anew(tmp_path: Path) -> None:
    page = tmp_path / "operations.md"
    page.write_text(PAGE.read_text().replace("| `read` | yes |", "| `read` | no |"))
    old = draw("--check", page)
    assert (old.returncode, old.stderr) == (1, f"{page} shows an old table: run tools/draw_operations\n")
    assert draw(page).returncode == 0
    assert page.read_text() == PAGE.read_text()


def test_a_page_without_a_place_for_the_table_is_told_what_it_needs(tmp_path: Path) -> None:
    page = tmp_path / "operations.md"
    page.write_text("nothing")
    run = draw(page)
    assert run.returncode == 1
    assert "no place for the table" in run.stderr


def test_the_paces_on_the_page_are_those_in_force() -> None:
    for name, pace in CONNECTION_PRIORITIES.items():
        interval = f"{pace.interval_min_us / 1000:g} to {pace.interval_max_us / 1000:g} ms"
        row = f"| `{name}` | {interval} | {pace.latency} | {pace.supervision_timeout_us / 1e6:g} s |"
        assert row in PAGE.read_text()
