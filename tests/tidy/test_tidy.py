"""The whole project, held against the rules. That each rule can fail is shown in test_rules."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tidy import places, rules, words
from tidy.source_tree import ROOT, Source, python_files, text_files

Rule = Callable[[Source], Iterable[str]]


def hold(rule: Rule, sources: Iterable[Source]) -> None:
    none_of([offence for source in sources for offence in rule(source)])


def none_of(offences: Iterable[str]) -> None:
    found = list(offences)
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.mark.parametrize(
    "rule",
    [rules.file_length, rules.function_length, rules.opening_docstring, words.foreign_words],
    ids=lambda rule: rule.__name__,
)
def test_every_python_file_keeps_the_form(rule: Rule) -> None:
    hold(rule, python_files())


@pytest.mark.parametrize("rule", [rules.placeholders, rules.outside_references], ids=lambda rule: rule.__name__)
def test_no_file_speaks_of_what_is_not_here(rule: Rule) -> None:
    hold(rule, text_files())


def test_no_module_assumes_one_system_but_where_it_may() -> None:
    hold(rules.one_system_only, python_files("src"))


def test_no_module_keeps_state() -> None:
    hold(rules.mutable_module_state, python_files("src"))


def test_every_module_has_a_test_module() -> None:
    none_of(places.untested(python_files("src"), [source.path for source in python_files("tests")]))


def test_no_two_test_modules_have_one_name() -> None:
    none_of(places.same_names(source.path for source in python_files("tests")))


def test_every_module_is_used() -> None:
    none_of(places.unused(python_files("src")))


def test_no_package_is_empty() -> None:
    none_of(places.empty_packages(python_files("src")))


def test_every_exception_still_has_its_module() -> None:
    modules = {source.module for source in python_files("src")}
    none_of(f"{module} is gone: take it off the list" for module in places.UNTESTED if module not in modules)


def test_imports_only_go_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
