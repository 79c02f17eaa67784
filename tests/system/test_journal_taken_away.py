"""Somebody takes the journal's files away, or cuts them, under a daemon and between two of its lives."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gattkeeper.fronts.answers import EXIT_TRY_LATER, EXIT_USAGE
from gattkeeper.model.record import FlawAccepted
from gattkeeper.world.virtual_blind import BLIND_LABEL
from system.home import SETTINGS, Home, running_home

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


def cut_off(home: Home) -> None:
    """The daemon dies, and SQLite's log goes, with the rows in it that checkpoints were made of."""
    home.end(signal.SIGKILL)
    os.truncate(home.journal.with_name("journal.db-wal"), 0)


def verified(home: Home) -> int:
    words = ["audit", "verify", "--config", str(home.settings)]
    return subprocess.run(
        [sys.executable, "-m", "gattkeeper", *words], check=False, capture_output=True
    ).returncode


def test_rows_that_were_cut_off_hold_back_what_changes_a_device_until_somebody_accepts_that(
    tmp_path: Path,
) -> None:
    with running_home(tmp_path) as home:
        assert home.ask("write", "lounge", BLIND_LABEL, "01").returncode == 0
        assert alerts(home) == []
        cut_off(home)
        for _ in range(3):  # whichever way it ends, the next start finds it again
            home.start()
            assert alerts(home) == ["journal_flaw"]
            refused = home.ask("write", "lounge", BLIND_LABEL, "02")
            assert refused.returncode == EXIT_TRY_LATER
            assert "rows are missing or were changed; nothing that changes a device starts" in refused.stderr
            assert "gattkeeper audit accept --who NAME --why TEXT" in home.ask("status").stdout
            assert home.ask("read", "lounge", BLIND_LABEL).returncode == 0
            assert home.ask("stop", "lounge").returncode == 0
            assert home.end() == 0
        home.start()
        assert home.ask("audit", "accept", "--who", "Ann").returncode == EXIT_USAGE
        accepted = home.ask("audit", "accept", "--who", "Ann", "--why", "the blinds were looked at")
        assert (accepted.returncode, "rows are missing" in accepted.stdout) == (0, True)
        assert alerts(home) == []
        assert home.ask("write", "lounge", BLIND_LABEL, "03").returncode == 0
        home.end(signal.SIGKILL)
        home.start()
        assert alerts(home) == [], "the same is not asked again"
        assert home.ask("write", "lounge", BLIND_LABEL, "04").returncode == 0
        (row,) = [row for row in home.rows() if isinstance(row, FlawAccepted)]
        assert (row.who, row.why, row.origin.front, row.origin.uid) == (
            "Ann",
            "the blinds were looked at",
            "cli",
            os.getuid(),
        )
        assert [one.payload for one in home.applied() if one.payload in (b"\x02", b"\x03", b"\x04")] == [
            b"\x03",
            b"\x04",
        ]
        cut_off(home)
        home.start()
        assert alerts(home) == ["journal_flaw"], "another one is"
        assert home.end() == 0
    assert verified(home) == 1, "an acceptance hides nothing"


def test_a_home_whose_disk_lies_may_go_on_with_an_alert(tmp_path: Path) -> None:
    with running_home(tmp_path, SETTINGS + '\n[journal]\non_flaw = "go_on"\n') as home:
        assert home.ask("write", "lounge", BLIND_LABEL, "01").returncode == 0
        cut_off(home)
        home.start()
        assert alerts(home) == ["journal_flaw"]
        assert home.ask("write", "lounge", BLIND_LABEL, "02").returncode == 0
        assert home.end() == 0
        home.start()
        assert alerts(home) == []
        assert home.end() == 0
    assert verified(home) == 1
