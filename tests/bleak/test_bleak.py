"""The package's public names: lazy, light, and only for a Bleak that is supported."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import gattkeeper.bleak

SOURCE = str(Path(gattkeeper.__file__).parents[1])
HEAVY = (
    "bumble",
    "dbus_fast",
    "gattkeeper.daemon",
    "gattkeeper.links",
    "gattkeeper.runtime.keeper",
    "gattkeeper.core",
)


def loaded_by(statement: str) -> set[str]:
    """The modules that a statement loads in a Python of its own."""
    program = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", dir(gattkeeper.bleak))
def test_every_public_name_resolves(name):
    assert getattr(gattkeeper.bleak, name) is not None


def test_a_name_that_is_not_there_is_told():
    with pytest.raises(AttributeError, match=r"module 'gattkeeper\.bleak' has no attribute 'nothing'"):
        _ = gattkeeper.bleak.nothing


def test_importing_the_package_loads_nothing():
    assert loaded_by("import gattkeeper.bleak") == {"gattkeeper", "gattkeeper.bleak"}


def test_a_client_and_a_scanner_load_no_stack_and_no_daemon():
    loaded = loaded_by("from gattkeeper.bleak import Client, Scanner")
    assert [name for name in loaded if name.startswith(HEAVY)] == []


def test_a_bleak_that_is_not_supported_is_told_with_what_to_do(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda _name: "2.1.1")
    with pytest.raises(ImportError, match=r"Bleak 2\.1\.1 is not supported: install one that is >=3\.1,<4"):
        _ = gattkeeper.bleak.Client
