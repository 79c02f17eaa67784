"""BlueZ's version is what its tool says, or its daemon where there is no tool, or not known."""

from pathlib import Path

import pytest

from gattkeeper.links import bluez_version


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tool would be; there is a daemon of 5.50, and another place that has none."""
    daemon = program(tmp_path / "bluetoothd", "echo 5.50")
    monkeypatch.setattr(
        bluez_version, "PROGRAMS", (str(tmp_path / "tool"), str(tmp_path / "elsewhere" / "bluetoothd"), daemon)
    )
    return tmp_path / "tool"


def test_the_tool_is_asked_first(tool: Path) -> None:
    program(tool, "echo 'bluetoothctl: 5.66'")
    assert bluez_version.bluez_version() == (5, 66)


def test_without_the_tool_the_daemon_says_it(tool: Path) -> None:
    assert bluez_version.bluez_version() == (5, 50)


@pytest.mark.parametrize("script", ["echo nonsense", "exit 1"])
def test_a_tool_that_says_no_version_is_passed_over(tool: Path, script: str) -> None:
    program(tool, script)
    assert bluez_version.bluez_version() == (5, 50)


def test_a_tool_that_hangs_is_passed_over(tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tool, "exec sleep 60")
    monkeypatch.setattr(bluez_version, "PROGRAMS", (str(tool),))
    monkeypatch.setattr(bluez_version, "ANSWER_S", 0.05)
    assert bluez_version.bluez_version() is None
