"""The package's public names: all there, all lazy, and the same for type checkers as at run time."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gattkeeper

SOURCE = Path(gattkeeper.__file__)


def names_for_type_checkers():
    """From the imports under `if TYPE_CHECKING`: the public name, and where it comes from."""
    guarded = next(node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If))
    return {
        alias.asname: (node.module, alias.name)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("name", dir(gattkeeper))
def test_every_public_name_resolves(name):
    assert getattr(gattkeeper, name) is not None


def test_type_checkers_see_the_names_that_there_are():
    assert sorted(["__version__", *names_for_type_checkers()]) == dir(gattkeeper)


@pytest.mark.parametrize(("name", "home"), names_for_type_checkers().items())
def test_type_checkers_see_what_is_there(name, home):
    module, original = home
    __import__(module)
    assert getattr(gattkeeper, name) is getattr(sys.modules[module], original)


def test_name_that_is_not_there_is_told():
    with pytest.raises(AttributeError, match="module 'gattkeeper' has no attribute 'nothing'"):
        _ = gattkeeper.nothing


def test_importing_the_package_loads_nothing():
    program = "import sys; before = set(sys.modules); import gattkeeper; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(SOURCE.parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["gattkeeper"]
