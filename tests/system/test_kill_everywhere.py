"""kill -9 before every callback on the way of a command, every step of a start, and 200 times anywhere: see `kill_driver`.

After all of it the journal, what callers were told and the blinds' own log are held against each other.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gattkeeper.model.outcome import Verdict
from gattkeeper.storage.succession import Whole, verify_journal
from system.evidence import Evidence
from system.home import SETTINGS, Home

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor SIGKILL"),
]

KILLS = 200
SEED = 21


def test_a_kill_before_any_callback_of_a_command_leaves_the_truth(tmp_path: Path) -> None:
    told = drive(tmp_path, "every")
    evidence, killed = held_against_each_other(tmp_path, told)
    verdicts = Counter(outcomes[0].verdict for outcomes in evidence.outcomes.values())
    assert set(verdicts) == {Verdict.NOT_DELIVERED, Verdict.UNKNOWN, Verdict.DELIVERED}, (
        "a part of the way is left out"
    )
    assert killed > 100, "the way is longer than that: it was not gone step by step"


def test_a_kill_before_any_step_of_a_start_leaves_the_truth(tmp_path: Path) -> None:
    """What a dead keeper left open is ended once, however often its successors die while they do that."""
    evidence, killed = held_against_each_other(tmp_path, drive(tmp_path, "starting"))
    steps = killed - len(evidence.commands) // 2  # the others left two commands each
    assert steps > 30, "the start has more steps than that: it was not gone step by step"


def test_200_kills_anywhere_leave_the_truth(tmp_path: Path) -> None:
    evidence, killed = held_against_each_other(tmp_path, drive(tmp_path, "anywhere", str(KILLS), str(SEED)))
    assert killed == KILLS
    assert len(evidence.commands) > KILLS, "the keepers hardly ran: nothing was tested"


def drive(folder: Path, *words: str) -> list[str]:
    """What callers were told."""
    settings = folder / "gattkeeper.toml"
    settings.write_text(SETTINGS)
    driver = Path(__file__).with_name("kill_driver.py")
    done = subprocess.run(
        [sys.executable, str(driver), words[0], str(settings), *words[1:]],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def held_against_each_other(folder: Path, told: list[str]) -> tuple[Evidence, int]:
    """I4 to I6, I11 and I12 of the invariants; gives the journal and how often somebody was killed."""
    found = verify_journal(folder / "journal.db")
    assert isinstance(found, Whole), found
    home = Home(folder)
    evidence = Evidence(home.rows())
    evidence.each_accepted_ended_once()
    evidence.one_in_flight_per_device()
    words = [line.split() for line in told]
    accepted = {line[1] for line in words if line[0] == "accepted"}
    assert accepted <= set(evidence.commands), "accepted, and not in the journal"
    evidence.callers_heard_what_stands_there({line[1]: line[2] for line in words if line[0] == "ended"})
    evidence.devices_agree(home.applied())
    return evidence, told.count("killed")
