"""The verbs that need no daemon: which function stands behind which, and which settings they take."""

from pathlib import Path

import msgspec
import pytest

from gattkeeper import __version__
from gattkeeper.daemon import demo, serve
from gattkeeper.daemon.cli import main
from system.home import SETTINGS


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder without settings, and none elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("GATTKEEPER_SETTINGS", "")
    return tmp_path


@pytest.fixture
def served(monkeypatch):
    calls = []
    monkeypatch.setattr(serve, "serve", lambda settings, **options: calls.append((settings, options)) or 0)
    return calls


def test_config_check_says_what_will_be_in_force(nowhere, capsys):
    (nowhere / "g.toml").write_text(SETTINGS)
    assert main(["config", "check", "g.toml"]) == 0
    assert "lounge        F0:00:00:00:00:01" in capsys.readouterr().out


def test_config_check_takes_the_settings_that_would_be_found(nowhere, capsys):
    (nowhere / "gattkeeper.toml").write_text(SETTINGS.replace("kitchen", "attic"))
    assert main(["config", "check"]) == 0
    assert "attic" in capsys.readouterr().out


def test_config_check_names_every_mistake_with_its_line(nowhere, capsys):
    (nowhere / "g.toml").write_text(
        SETTINGS.replace("log_level", "log_levle").replace('link = "virtual"', "link = 5")
    )
    assert main(["config", "check", "g.toml"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("gattkeeper: g.toml:4:")
    assert "g.toml:7:" in told


@pytest.mark.parametrize("verb", [("serve",), ("config", "check")])
def test_without_settings_it_says_how_to_make_some(nowhere, served, capsys, verb):
    assert main(list(verb)) == 2
    assert "gattkeeper: there is no settings file: name one with" in capsys.readouterr().err
    assert not served


def test_serve_hands_its_options_on(nowhere, served):
    (nowhere / "g.toml").write_text(SETTINGS)
    assert main(["serve", "--config", "g.toml"]) == 0
    assert main(["serve", "--config", "g.toml", "--socket", "/run/k.sock", "--log"]) == 0
    (plain_settings, plain), (_settings, chosen) = served
    assert plain_settings.keeper.journal == nowhere / "journal.db"
    assert plain == {"path": Path("g.toml"), "socket_path": None, "log_phases": False}
    assert (str(chosen["socket_path"]), chosen["log_phases"]) == ("/run/k.sock", True)


@pytest.mark.parametrize(("words", "stay"), [((), False), (("--serve",), True)])
def test_demo_stays_only_when_asked(monkeypatch, words, stay):
    monkeypatch.setattr(demo, "run_demo", lambda *, stay: 10 + stay)
    assert main(["demo", *words]) == 10 + stay


def test_the_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"gattkeeper {__version__}\n"


def test_doctor_tells_people_and_programs_and_its_exit_code_says_whether_there_is_a_problem(
    nowhere, monkeypatch, capsys
):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={nowhere}/no.bus")
    assert main(["doctor"]) == 1
    assert "✗ bus         no system D-Bus at" in capsys.readouterr().out
    (nowhere / "g.toml").write_text(SETTINGS)
    code = main(["doctor", "--json", "--config", "g.toml"])
    told = msgspec.json.decode(capsys.readouterr().out)
    assert code == int(told["problems"] > 0)
    assert "✗" not in str(told["findings"])
    assert any(finding["area"] == "bus" and finding["level"] == "note" for finding in told["findings"])
