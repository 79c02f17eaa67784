"""The public names of the world: found when asked for, and a clear word where Bumble is missing."""

import subprocess
import sys

import pytest

import gattkeeper.world


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_is_found():
    for name in dir(gattkeeper.world):
        assert getattr(gattkeeper.world, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = gattkeeper.world.Nothing


def test_importing_the_world_imports_no_bluetooth_stack():
    out = run(
        "import sys; from gattkeeper.world import VirtualBlind, run_virtual, Rule;"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'bumble', 'bleak', 'dbus_fast'}))"
    )
    assert out.strip() == "[]"


def test_without_bumble_the_radio_says_how_to_get_it():
    out = run(
        "import sys; sys.modules['bumble'] = None\n"
        "from gattkeeper.errors import SettingsError\n"
        "try:\n    from gattkeeper.world import VirtualRadio\n"
        "except SettingsError as error: print(error)\n"
    )
    assert out.strip() == "VirtualRadio needs Bumble, which is not installed: pip install 'gattkeeper[bumble]'"
