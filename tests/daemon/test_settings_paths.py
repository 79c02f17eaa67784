"""Where things are by default, under each environment."""

import os
from pathlib import Path

import pytest

from gattkeeper.daemon.settings_paths import default_journal_path, default_socket_path, find_settings
from gattkeeper.errors import SettingsError


@pytest.fixture(autouse=True)
def _bare(monkeypatch, tmp_path):
    for name in (
        "GATTKEEPER_SETTINGS",
        "GATTKEEPER_SOCKET",
        "XDG_RUNTIME_DIR",
        "XDG_STATE_HOME",
        "XDG_CONFIG_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_the_named_socket_comes_first_then_the_runtime_folder(monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert default_socket_path() == Path("/run/user/1000/gattkeeper/keeper.sock")
    monkeypatch.setenv("GATTKEEPER_SOCKET", "/srv/x.sock")
    assert default_socket_path() == Path("/srv/x.sock")


@pytest.mark.parametrize(
    ("uid", "path"), [(0, "/run/gattkeeper/keeper.sock"), (1000, "/tmp/gattkeeper-1000/keeper.sock")]
)
def test_without_a_runtime_folder_the_socket_depends_on_the_user(monkeypatch, uid, path):
    monkeypatch.setattr(os, "geteuid", lambda: uid)  # the boundary: one test process is one user
    assert default_socket_path() == Path(path)


def test_the_journal_is_in_the_state_folder(monkeypatch, tmp_path):
    assert default_journal_path() == tmp_path / "home/.local/state/gattkeeper/journal.db"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert default_journal_path() == tmp_path / "home/.local/state/gattkeeper/journal.db"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/lib")
    assert default_journal_path() == Path("/var/lib/gattkeeper/journal.db")


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    monkeypatch.setenv("HOME", "nowhere")
    with pytest.raises(SettingsError, match="set XDG_STATE_HOME, or journal in"):
        default_journal_path()


def test_the_nearest_settings_are_found(monkeypatch, tmp_path):
    assert find_settings() in (None, Path("/etc/gattkeeper/settings.toml"))
    at_home = tmp_path / "home/.config/gattkeeper/settings.toml"
    at_home.parent.mkdir(parents=True)
    at_home.touch()
    assert find_settings() == at_home
    Path("gattkeeper.toml").touch()
    assert find_settings() == Path("gattkeeper.toml")
    monkeypatch.setenv("GATTKEEPER_SETTINGS", "/nowhere/x.toml")
    assert find_settings() == Path("/nowhere/x.toml")  # missing or not: it was asked for
