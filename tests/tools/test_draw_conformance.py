"""The page about conformance is drawn from the cases and the tests, and nobody can forget to."""

import subprocess
import sys
from pathlib import Path

from tidy.source_tree import ROOT


def draw(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "draw_conformance"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def copy_of_the_project(folder: Path, *, test: str, case: str) -> Path:
    """A project with one test module and one case; its tool."""
    cases = folder / "tests" / "conformance" / "cases.toml"
    cases.parent.mkdir(parents=True)
    cases.write_text(case)
    (cases.parent / "test_cases.py").write_text(f"from core.drive import Drive\ndef {test}(): ...\n")
    tool = folder / "tools" / "draw_conformance"
    tool.parent.mkdir()
    for name in ("draw_conformance", "pages.py"):
        (tool.parent / name).write_text((ROOT / "tools" / name).read_text())
    (folder / "docs").mkdir()
    return tool


def run(tool: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(tool)], capture_output=True, text=True, check=False)


def test_the_page_is_up_to_date() -> None:
    checked = draw("--check")
    assert checked.returncode == 0, checked.stderr


def test_an_old_page_is_noticed_and_drawn_anew(tmp_path: Path) -> None:
    page = tmp_path / "conformance.md"
    page.write_text("old")
    assert "run tools/draw_conformance" in draw("--check", page).stderr
    assert draw(page).returncode == 0
    assert draw("--check", page).returncode == 0


def test_a_case_is_shown_with_its_tests_and_their_link(tmp_path: Path) -> None:
    tool = copy_of_the_project(
        tmp_path,
        test="test_c01_and_c02_it_works",
        case='[C01]\ntitle="a"\nelsewhere="no packets"\n[C02]\ntitle="b"\nelsewhere="the same"',
    )
    assert run(tool).returncode == 0
    page = (tmp_path / "docs" / "conformance.md").read_text()
    assert "Of 2 cases 2 are shown" in page
    row = "| core | [test_c01_and_c02_it_works](../tests/conformance/test_cases.py) |"
    assert f"| C01 | a {row}" in page
    assert f"| C02 | b {row}" in page
    assert "| C01 | no packets |" in page


def test_a_case_that_the_simulated_link_does_not_show_says_why(tmp_path: Path) -> None:
    tool = copy_of_the_project(tmp_path, test="test_c01_it_works", case='[C01]\ntitle="a"')
    assert "C01: `elsewhere` says why" in run(tool).stderr


def test_a_test_that_stands_in_both_worlds_is_shown_with_both(tmp_path: Path) -> None:
    tool = copy_of_the_project(tmp_path, test="test_other", case='[C01]\ntitle="a"\n[C02]\ntitle="b"')
    cases = tmp_path / "tests" / "conformance" / "test_both.py"
    cases.write_text(
        "from conformance.stand import both, live\n@both\ndef test_c01_it_works(world): ...\n"
        'def test_c02_it_works():\n    live("simulated", None)\n'
    )
    assert run(tool).returncode == 0
    page = (tmp_path / "docs" / "conformance.md").read_text()
    assert "| C01 | a | simulated, bumble |" in page
    assert "| C02 | b | simulated |" in page


def test_a_case_without_a_test_says_why(tmp_path: Path) -> None:
    tool = copy_of_the_project(tmp_path, test="test_other", case='[C01]\ntitle="a"')
    assert "C01 has no test" in run(tool).stderr


def test_a_test_of_an_unknown_case_is_told(tmp_path: Path) -> None:
    tool = copy_of_the_project(tmp_path, test="test_c09_it", case='[C01]\ntitle="a"\nopen="later"')
    assert "covers C09" in run(tool).stderr


def test_another_name_for_a_test_has_to_exist(tmp_path: Path) -> None:
    case = '[C01]\ntitle="a"\nalso=["tests/conformance/test_cases.py::test_gone"]'
    tool = copy_of_the_project(tmp_path, test="test_c01_it", case=case)
    assert "there is no test tests/conformance/test_cases.py::test_gone" in run(tool).stderr
