"""The verb, joined: which lock is asked of the place, and what is told when there is none."""

import os
from pathlib import Path

import pytest

from gattkeeper.daemon import lock_command


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("GATTKEEPER_SETTINGS", str(tmp_path / "g.toml"))
    (tmp_path / "g.toml").write_text("[adapters.far]\nlink = 'bumble'\ntransport = 'usb:7'\n")
    return tmp_path


def test_the_settings_name_the_lock(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run(call, **place):
        asked.append((call.command, place))
        return 5

    monkeypatch.setattr(lock_command, "run_under_lock", run)
    place = {"adapter": "usb:7", "folder": f"{home}/gattkeeper/locks", "name": "adapter-usb-7"}
    assert lock_command.run_quickly(["--", "true"]) == 5
    assert lock_command.run_quickly(["--adapter", "far", "--", "true"]) == 5
    assert asked == [(["true"], place)] * 2


def test_what_the_quick_way_does_not_understand_is_left_to_the_parser() -> None:
    assert lock_command.run_quickly(["--help"]) is None


def test_a_place_that_is_not_safe_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "gattkeeper").mkdir()
    os.chmod(home / "gattkeeper", 0o777)
    assert lock_command.run_quickly(["--", "true"]) == 2
    assert "gattkeeper: others may write into" in capsys.readouterr().err


def test_windows_is_told_why_not(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(lock_command.sys, "platform", "win32")
    assert lock_command.run_quickly(["--", "true"]) == 2
    assert "Windows" in capsys.readouterr().err
