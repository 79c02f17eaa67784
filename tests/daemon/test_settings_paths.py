"""Where things are by default, under each environment."""

from pathlib import Path

import pytest

from gattkeeper.daemon.settings_paths import default_journal_path, find_settings
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
