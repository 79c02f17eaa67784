"""The program that changes the core reads what mutmut and mypy wrote, and refuses what it cannot do."""

import json
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from tidy.source_tree import ROOT

WRITTEN = """
def x_next__mutmut_orig(now):
    return now + 1

def x_next__mutmut_1(now):
    return now - 1

def x_next__mutmut_2(now):
    return None

def x_next__mutmut_3(now):
    return now + 2
"""
"""A file as mutmut leaves it, but for what chooses between its functions."""

ONE, TWO, THREE = (f"turns.x_next__mutmut_{number}" for number in (1, 2, 3))


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    loader = SourceFileLoader("mutate_core", str(ROOT / "tools" / "mutate_core"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path, tool: ModuleType) -> Path:
    """What a run leaves: a test noticed the first, none the second, and the third was not tried."""
    core = tmp_path / tool.CORE
    core.mkdir(parents=True)
    (core / "turns.py").write_text(WRITTEN)
    codes = {f"gattkeeper.core.{name}": code for name, code in ((ONE, 1), (TWO, 0), (THREE, None))}
    (core / "turns.py.meta").write_text(json.dumps({"exit_code_by_key": codes}))
    return tmp_path


def complaint(tool: ModuleType, line: int, **fields: str) -> str:
    told = {"severity": "error", "file": f"{tool.CORE}/turns.py", "line": line, "code": "return-value", **fields}
    return json.dumps(told) + "\n"


def test_the_table_tells_what_became_of_each_and_the_rest_survived(tool: ModuleType, folder: Path) -> None:
    mutants = tool.results(folder / tool.CORE)
    assert mutants == {ONE: 1, TWO: 0, THREE: None}
    found = {ONE: 1, TWO: 0, THREE: tool.REFUSED}
    assert tool.report({**mutants, "turns.x_next__mutmut_4": None}, found).splitlines()[2:] == [
        "| turns.py | 4 | 3 | 1 | 1 | 1 |",
        "| together | 4 | 3 | 1 | 1 | 1 |",
    ]
    assert tool.survivors(found) == [TWO]


def test_one_that_no_test_came_to_has_survived_and_one_without_end_has_not(tool: ModuleType) -> None:
    found = {ONE: 33, TWO: -24}
    assert tool.survivors(found) == [ONE]
    assert tool.report(found, found).splitlines()[2] == "| turns.py | 2 | 2 | 0 | 1 | 1 |"


def test_the_type_checker_refuses_the_mutant_in_which_it_found_something(tool: ModuleType, folder: Path) -> None:
    assert tool.misfits(folder, complaint(tool, 9)) == {TWO}


@pytest.mark.parametrize(
    ("line", "fields"),
    [(3, {}), (1, {}), (9, {"severity": "note"}), (9, {"code": "no-redef"}), (9, {"file": "src/turns.py"})],
)
def test_what_it_says_of_anything_else_refuses_none(
    tool: ModuleType, folder: Path, line: int, fields: dict[str, str]
) -> None:
    assert tool.misfits(folder, complaint(tool, line, **fields)) == set()


def test_a_survivor_is_shown_with_what_it_changes(tool: ModuleType, folder: Path) -> None:
    shown = tool.shown(folder / tool.CORE, THREE)
    assert " ".join(shown.split()) == f"{THREE} - return now + 1 + return now + 2"


def test_a_module_stands_for_its_mutants_and_a_pattern_for_those_it_matches(tool: ModuleType) -> None:
    mutants = [ONE, TWO, "turns.x_other__mutmut_1", "stop.x_request__mutmut_1"]
    assert tool.choose(mutants, ["turns"]) == mutants[:3]
    assert tool.choose(mutants, ["turns.*other*", "stop"]) == mutants[2:]
    assert tool.choose(mutants, []) == mutants
    with pytest.raises(SystemExit, match="mutmut changes nothing that is called limits"):
        tool.choose(mutants, ["limits"])


def test_a_sample_is_the_same_each_time_whatever_else_is_measured(tool: ModuleType) -> None:
    turns = [f"turns.x_next__mutmut_{number}" for number in range(50)]
    stop = [f"stop.x_request__mutmut_{number}" for number in range(3)]
    drawn = tool.sample(turns, 5)
    assert len(set(drawn) & set(turns)) == 5
    assert tool.sample(stop + turns, 5) == stop + drawn
    assert tool.sample(turns, 0) == turns


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("stopp",), "the core has no stopp; it has adapters, admission,"),
        (("stop", "--sample", "-3"), "a sample has one mutant or more"),
    ],
)
def test_what_it_cannot_do_it_says_before_it_begins(arguments: tuple[str, ...], said: str) -> None:
    tool = [sys.executable, str(ROOT / "tools" / "mutate_core"), *arguments]
    told = subprocess.run(tool, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert said in told.stderr
