"""What is imported on a system without Linux's modules: everything but the rooms that may assume one.

Runs on one system only: the modules that others lack are hidden from a fresh interpreter.
"""

import subprocess
import sys

import pytest

HIDING = """
import importlib, pkgutil, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

for name in {hidden}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hidden())
import gattkeeper
for module in pkgutil.walk_packages(gattkeeper.__path__, "gattkeeper."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        print(module.name, error.name)
"""


def not_imported(*hidden: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", HIDING.format(hidden=set(hidden))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {line.split()[0] for line in done.stdout.splitlines()}


def test_without_d_bus_only_what_is_about_bluez_is_missing() -> None:
    assert not_imported("dbus_fast") == {
        "gattkeeper.links.bluez_agent",
        "gattkeeper.links.bluez_call",
        "gattkeeper.links.bluez_consent",
        "gattkeeper.links.bluez_watch",
        "gattkeeper.links.bluez_look",
        "gattkeeper.links.bluez_recovery",
        "gattkeeper.daemon.doctor.bluez_bus",
    }


@pytest.mark.parametrize("hidden", ["pwd", "grp", "resource", "termios"])
def test_without_a_module_of_posix_only_programs_are_missing(hidden: str) -> None:
    assert not_imported(hidden) <= {"gattkeeper.daemon.serve", "gattkeeper.privileged.__main__"}
