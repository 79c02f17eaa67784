"""Which Bleak is supported: the range of the package's own dependency."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from gattkeeper.bleak.versions import SUPPORTED, problem_with_bleak


def test_the_range_is_the_one_that_is_installed_with_us() -> None:
    table = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert f"bleak{SUPPORTED}" in table["project"]["dependencies"]
    assert problem_with_bleak(version("bleak")) == ""


@pytest.mark.parametrize(
    ("found", "fits"),
    [("3.1", True), ("3.99.1rc1", True), ("3.0.9", False), ("4", False), ("", False), ("x", False)],
)
def test_numbers_decide(found: str, fits: bool) -> None:
    assert (problem_with_bleak(found) == "") is fits
