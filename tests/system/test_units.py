"""The units for systemd: it takes them as they are, and they leave the programs what those need.

Knows systemd-analyze, which asks no running systemd. That a service works under its unit is not shown here.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gattkeeper.client.socket_path import default_socket_path
from gattkeeper.daemon.settings_paths import default_journal_path
from gattkeeper.fronts.cli.parsers import build_parser
from gattkeeper.privileged.wire import SOCKET

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "integrations" / "systemd"
DAEMON, PRIVILEGED = "gattkeeper.service", "gattkeeper-privileged.service"

EXPOSURE_TENTHS_MAX = 30
"""What systemd calls "OK" ends here, in tenths: of 0, nothing, to 10, everything a root shell may do."""


def lines_of(unit: str) -> list[tuple[str, str]]:
    lines = (UNITS / unit).read_text().splitlines()
    return [
        (key, value) for key, found, value in (line.partition("=") for line in lines) if found and key[0] != "#"
    ]


def value_of(unit: str, key: str) -> str:
    (value,) = (value for one, value in lines_of(unit) if one == key)
    return value


def program_of(unit: str) -> list[str]:
    """The program and its arguments."""
    return value_of(unit, "ExecStart").split()


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (Debian: sudo apt install systemd)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.system
def test_systemd_takes_them_without_a_word(tmp_path: Path) -> None:
    for unit in (DAEMON, PRIVILEGED):
        text = (UNITS / unit).read_text().replace(program_of(unit)[0], "/bin/true")  # it is not installed here
        (tmp_path / unit).write_text(text)
    looked = analyze("verify", "--man=no", *(str(tmp_path / unit) for unit in (DAEMON, PRIVILEGED)))
    assert (looked.returncode, looked.stdout, looked.stderr) == (0, "", "")


@pytest.mark.system
@pytest.mark.parametrize("unit", [DAEMON, PRIVILEGED])
def test_a_service_is_exposed_to_little(unit: str) -> None:
    looked = analyze(
        "security", "--offline=true", f"--threshold={EXPOSURE_TENTHS_MAX}", "--no-pager", UNITS / unit
    )
    assert looked.returncode == 0, looked.stdout[-200:] + looked.stderr


def test_a_line_stands_there_once() -> None:
    for unit in (DAEMON, PRIVILEGED):
        keys = [key for key, _ in lines_of(unit)]
        assert len(keys) == len(set(keys))


def test_the_daemon_finds_its_files_where_it_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in value_of(DAEMON, "Environment").split():
        monkeypatch.setenv(*variable.split("=", 1))
    assert default_journal_path().parent == Path("/var/lib", value_of(DAEMON, "StateDirectory"))
    assert Path(default_socket_path()).parent == Path("/run", value_of(DAEMON, "RuntimeDirectory"))


def test_the_daemon_is_started_with_words_that_it_knows() -> None:
    _, *arguments = program_of(DAEMON)
    assert build_parser().parse_args(arguments).config.startswith("/etc/")


def test_the_privileged_program_serves_the_daemons_user_at_the_known_place() -> None:
    _, *arguments = program_of(PRIVILEGED)
    assert arguments == ["-m", "gattkeeper.privileged", "--user", value_of(DAEMON, "User")]
    assert SOCKET.parent == Path("/run", value_of(PRIVILEGED, "RuntimeDirectory"))
    assert value_of(PRIVILEGED, "RuntimeDirectoryMode") == "0755", "the daemon has to get at the socket"


def test_the_daemon_may_ask_whether_the_clock_is_right() -> None:
    """What `storage.clock` asks is in no set of a service's usual calls: glibc has it by either name."""
    assert {"adjtimex", "clock_adjtime"} < set(value_of(DAEMON, "SystemCallFilter").split())


@pytest.mark.parametrize(("unit", "room"), [(DAEMON, "."), (PRIVILEGED, "privileged")])
def test_every_kind_of_socket_in_the_code_is_allowed(unit: str, room: str) -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "src" / "gattkeeper" / room).rglob("*.py"))
    used = set(re.findall(r"\bAF_[A-Z0-9]+\b", sources))
    assert used
    assert used <= set(value_of(unit, "RestrictAddressFamilies").split())
