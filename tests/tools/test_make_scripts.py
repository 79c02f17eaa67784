"""The scripts behind make, each run on a machine made of a few fake programs."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tidy.source_tree import ROOT

GOOD_PYTHON = """#!/bin/sh
case "$2" in
    *sys.executable*) echo "/found/$(basename "$0")" ;;
esac
"""
OLD_PYTHON = """#!/bin/sh
case "$2" in
    *version_info*) exit 1 ;;
esac
"""
BARE_PYTHON = """#!/bin/sh
case "$2" in
    *ensurepip*) exit 1 ;;
esac
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., Run]:
    """A machine that has these programs and a shell, and nothing else on its PATH."""

    def having(**programs: str) -> Run:
        folder = tmp_path / "bin"
        folder.mkdir()
        for tool in ("sh", "basename", "tail"):
            (folder / tool).symlink_to(f"/usr/bin/{tool}")
        for name, text in programs.items():
            program = folder / name.replace("_", "-", 2)  # qemu-system-x86_64 keeps its last one
            program.write_text(text)
            program.chmod(0o755)

        def run(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [ROOT / "tools" / script, *arguments],
                env={"PATH": str(folder), **variables},
                capture_output=True,
                text=True,
                check=False,
            )

        return run

    return having


def test_the_newest_python_that_works_is_taken(machine: Callable[..., Run]) -> None:
    run = machine(**{"python3.13": "#!/bin/sh\nexit 127\n", "python3.12": GOOD_PYTHON, "python3": GOOD_PYTHON})
    assert run("find_python").stdout == "/found/python3.12\n"


def test_a_python_without_venv_is_passed_over(machine: Callable[..., Run]) -> None:
    run = machine(**{"python3.12": BARE_PYTHON, "python3.11": GOOD_PYTHON})
    assert run("find_python").stdout == "/found/python3.11\n"


def test_where_only_venv_is_missing_the_package_is_named(machine: Callable[..., Run]) -> None:
    found = machine(**{"python3.12": BARE_PYTHON})("find_python")
    assert found.returncode == 1
    assert "sudo apt install python3.12-venv" in found.stderr


def test_an_old_python_is_refused_with_what_to_do(machine: Callable[..., Run]) -> None:
    found = machine(python3=OLD_PYTHON)("find_python")
    assert found.returncode == 1
    assert found.stdout == ""
    assert "needs Python 3.11 or newer" in found.stderr


def test_the_caller_may_name_the_python(machine: Callable[..., Run]) -> None:
    run = machine(**{"python3.12": GOOD_PYTHON, "mypython": GOOD_PYTHON})
    assert run("find_python", PYTHON="mypython").stdout == "/found/mypython\n"


LINUX = "#!/bin/sh\necho Linux x86_64\n"
ROOT_USER = "#!/bin/sh\necho 0\n"


def test_nothing_is_installed_where_everything_is_there(machine: Callable[..., Run]) -> None:
    there = dict.fromkeys(
        ("dbus_daemon", "systemd_analyze", "qemu_system_x86_64", "bluetoothctl", "busybox", "modprobe"),
        "#!/bin/sh\n",
    )
    run = machine(**there, uname=LINUX, id=ROOT_USER, apt_get="#!/bin/sh\necho installed\n")
    done = run("add_system_programs")
    assert (done.returncode, done.stdout) == (0, "")


def test_root_gets_what_is_missing_from_apt_and_is_told(machine: Callable[..., Run], tmp_path: Path) -> None:
    run = machine(uname="#!/bin/sh\n", id=ROOT_USER, apt_get=f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    done = run("add_system_programs")
    assert (tmp_path / "asked").read_text() == "install -y -qq --no-install-recommends dbus systemd\n"
    assert done.stdout.startswith("missing: dbus-daemon systemd-analyze; installing")


def test_the_guest_of_the_real_bluez_is_for_linux_on_x86_64_only(
    machine: Callable[..., Run], tmp_path: Path
) -> None:
    run = machine(uname=LINUX, id=ROOT_USER, apt_get=f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    run("add_system_programs")
    assert " dbus systemd qemu-system-x86 bluez busybox-static" in (tmp_path / "asked").read_text()


def test_apt_is_asked_again_with_fresh_lists_and_may_fail(machine: Callable[..., Run], tmp_path: Path) -> None:
    run = machine(uname=LINUX, id=ROOT_USER, apt_get=f'#!/bin/sh\necho "$1" >> {tmp_path}/asked\nexit 100\n')
    done = run("add_system_programs")
    assert (tmp_path / "asked").read_text() == "install\nupdate\n"
    assert done.returncode == 0
    assert "will be left out" in done.stdout


def test_others_are_told_what_will_be_left_out(machine: Callable[..., Run]) -> None:
    run = machine(uname="#!/bin/sh\n", id="#!/bin/sh\necho 1000\n", apt_get="#!/bin/sh\nexit 1\n")
    done = run("add_system_programs")
    assert done.returncode == 0
    assert "sudo apt install dbus" in done.stdout


def test_pyright_that_does_not_start_is_left_out_by_name(machine: Callable[..., Run]) -> None:
    done = machine(python="#!/bin/sh\necho no node here >&2\nexit 1\n")("type_check_api", "python")
    assert done.returncode == 0
    assert done.stdout == "Left out on this machine: pyright, which does not start: no node here\n"


def test_what_pyright_finds_fails_the_check(machine: Callable[..., Run]) -> None:
    program = '#!/bin/sh\n[ "$3" = --version ] || exit 7\n'
    assert machine(python=program)("type_check_api", "python").returncode == 7
