"""Somebody takes the journal's files away, or cuts them, under a daemon and between two of its lives."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gattkeeper.world.virtual_blind import BLIND_LABEL
from system.home import Home, running_home

pytestmark = pytest.mark.system


def alerts(home: Home) -> list[str]:
    return [alert["kind"] for alert in json.loads(home.ask("status", "--json").stdout)["alerts"]]


def test_a_journal_that_is_moved_away_holds_everything_but_stops_until_it_is_back(tmp_path: Path) -> None:
    with running_home(tmp_path) as home:
        assert home.ask("write", "lounge", BLIND_LABEL, "01").returncode == 0
        away = home.journal.rename(tmp_path / "away.db")
        refused = home.ask("write", "lounge", BLIND_LABEL, "02")
        assert refused.returncode != 0
        assert "moved, removed or replaced while open: put it back, or restart" in refused.stderr
        assert home.ask("stop", "lounge").returncode == 0
        assert "alert journal (journal): " in home.ask("status").stdout
        away.rename(home.journal)
        assert home.ask("write", "lounge", BLIND_LABEL, "03").returncode == 0
        assert alerts(home) == []
        assert home.end() == 0


def test_rows_that_were_cut_off_between_two_lives_are_missed_by_the_next(tmp_path: Path) -> None:
    with running_home(tmp_path) as home:
        assert home.ask("write", "lounge", BLIND_LABEL, "01").returncode == 0
        assert alerts(home) == []
        home.end(signal.SIGKILL)
        os.truncate(home.journal.with_name("journal.db-wal"), 0)
        home.start()
        assert alerts(home) == ["journal_flaw"]
        assert "rows are missing or were changed; see `gattkeeper audit verify`" in home.ask("status").stdout
        assert home.ask("write", "lounge", BLIND_LABEL, "02").returncode == 0, "what can be done, is"
        assert home.end() == 0
    words = ["audit", "verify", "--config", str(home.settings)]
    assert subprocess.run([sys.executable, "-m", "gattkeeper", *words], check=False).returncode == 1
