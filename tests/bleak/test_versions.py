"""The range of Bleak that is supported is the one that the package asks for."""

import tomllib
from pathlib import Path

import pytest

from gattkeeper.bleak.versions import SUPPORTED, problem_with_bleak

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_range_is_that_of_the_dependency():
    assert f"bleak{SUPPORTED}" in tomllib.loads(PROJECT.read_text())["project"]["dependencies"]


@pytest.mark.parametrize("version", ["3.1", "3.1.0", "3.10.2", "3.2.0rc1", "3.1.0.dev3+local"])
def test_what_is_inside_is_fine(version):
    assert problem_with_bleak(version) == ""


@pytest.mark.parametrize("version", ["3.0.9", "4.0", "4", "0.22.3", "10.1", "3", "", "unknown"])
def test_what_is_outside_is_told_with_what_to_do(version):
    problem = problem_with_bleak(version)
    assert "is not supported: install one that is >=3.1,<4" in problem
    assert version in problem
