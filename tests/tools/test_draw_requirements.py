"""The page of requirements is drawn from the file of them, and names only tests that there are."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tidy.source_tree import ROOT


def draw(tool: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, tool, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """The tool in a project with one test."""
    for name in ("docs", "tests", "tools"):
        (tmp_path / name).mkdir()
    for name in ("draw_requirements", "pages.py"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    (tmp_path / "docs" / "audit.md").write_text("")
    (tmp_path / "tests" / "test_rows.py").write_text("def test_rows_stay(): ...\n")
    return tmp_path / "tools" / "draw_requirements"


def with_requirement(tool: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    head = ("[R01]", 'title = "rows stay"', 'source = "a rule"', 'read = "audit.md"')
    (tool.parent.parent / "docs" / "requirements.toml").write_text("\n".join((*head, *lines)))
    return draw(tool)


def test_the_page_is_up_to_date() -> None:
    checked = draw(ROOT / "tools" / "draw_requirements", "--check")
    assert checked.returncode == 0, checked.stderr


def test_a_requirement_is_shown_with_its_rule_and_its_tests(tool: Path) -> None:
    assert with_requirement(tool, 'tests = ["tests/test_rows.py::test_rows_stay"]').returncode == 0
    page = (tool.parent.parent / "docs" / "requirements.md").read_text()
    row = "| R01 | rows stay | a rule | [audit](audit.md) | [test_rows_stay](../tests/test_rows.py) |  |"
    assert row in page
    assert draw(tool, "--check").returncode == 0


@pytest.mark.parametrize("tests", [(), ("tests = []",)])
def test_a_requirement_without_a_test_is_an_error(tool: Path, tests: tuple[str, ...]) -> None:
    done = with_requirement(tool, *tests)
    assert done.returncode == 1
    assert "R01 has no test" in done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('tests = ["tests/test_rows.py::test_rows_went"]', "there is no test tests/test_rows.py::test_rows_went"),
        ('tests = ["tests/test_rows.py::test_rows_stay"]\ntest = 1', "test means nothing"),
    ],
)
def test_what_cannot_be_right_is_named(tool: Path, line: str, said: str) -> None:
    done = with_requirement(tool, line)
    assert done.returncode == 1
    assert said in done.stderr


def test_an_old_page_is_noticed(tool: Path) -> None:
    with_requirement(tool, 'tests = ["tests/test_rows.py::test_rows_stay"]')
    (tool.parent.parent / "docs" / "requirements.md").write_text("old")
    assert "run tools/draw_requirements" in draw(tool, "--check").stderr
