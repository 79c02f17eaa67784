"""A disk that breaks under a running daemon, and is still broken when the daemon starts again.

Nothing that changes a device starts, emergency stops go out, `status` says why. When the disk is mended the daemon
goes on by itself, and what it acknowledged before is all there.
"""

import itertools
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gattkeeper.storage.succession import Whole, verify_journal
from gattkeeper.world.virtual_blind import BLIND_LABEL, BLIND_MOTOR
from system.disks import DeadDisk, ReadOnlyDisk, ThinDisk
from system.evidence import Evidence
from system.home import SETTINGS, Home, running_home

pytestmark = pytest.mark.system

BEFORE, DURING, AFTER = "01", "02", "03"
MENDED_TIMEOUT_S = 60.0


ON_DISK = SETTINGS.replace('"journal.db"', '"disk/journal.db"')

BROKEN: list[tuple[type[ReadOnlyDisk | DeadDisk], str]] = [
    (ReadOnlyDisk, "read-only, or failing"),
    (DeadDisk, "disk I/O error"),
]


def alerts(home: Home) -> list[str]:
    return [alert["kind"] for alert in json.loads(home.ask("status", "--json").stdout)["alerts"]]


def only_a_stop_goes(home: Home, why: str) -> None:
    refused = home.ask("write", "lounge", BLIND_LABEL, DURING)
    assert refused.returncode != 0
    assert why in refused.stderr
    stopped = home.ask("stop", "lounge", "--json")
    assert json.loads(stopped.stdout)["outcomes"][0]["verdict"] == "delivered"
    assert alerts(home) == ["journal"]


@pytest.mark.parametrize(("kind", "said"), BROKEN, ids=["read-only", "I/O errors"])
def test_a_disk_that_breaks_costs_no_stop_and_nothing_that_was_acknowledged(
    tmp_path: Path, kind: type[ReadOnlyDisk | DeadDisk], said: str
) -> None:
    disk = kind(tmp_path, tmp_path / "disk")
    with disk.mount(), running_home(tmp_path, ON_DISK) as home:
        home.journal = tmp_path / "disk" / "journal.db"
        first = home.ask("write", "lounge", BLIND_LABEL, BEFORE, "--json")
        assert alerts(home) == []
        disk.fail()
        only_a_stop_goes(home, said)
        only_a_stop_goes(home, said)
        log = (tmp_path / "daemon.log").read_text()
        assert log.count("cannot be written") == 1, "told once"
        home.end()
        home.start()
        only_a_stop_goes(home, "")
        disk.mend()
        give_up_at = time.monotonic() + MENDED_TIMEOUT_S
        while alerts(home):
            assert time.monotonic() < give_up_at, "the daemon did not go on by itself"
        last = home.ask("write", "lounge", BLIND_LABEL, AFTER, "--json")
        assert home.end() == 0
        applied, evidence = home.applied(), Evidence(home.rows())
        assert isinstance(verify_journal(home.journal), Whole)
    assert [one.payload.hex() for one in applied if one.characteristic == BLIND_LABEL] == [BEFORE, AFTER]
    assert [one.characteristic for one in applied].count(BLIND_MOTOR) == 3
    told = [json.loads(answer.stdout) for answer in (first, last)]
    evidence.callers_heard_what_stands_there({one["command_id"]: one["verdict"] for one in told})
    evidence.each_accepted_ended_once()


def test_what_is_told_as_done_after_a_sync_that_failed_is_on_the_disk(tmp_path: Path) -> None:
    """The kernel may say yes to a later sync of the same file, and not have it."""
    disk = ThinDisk(tmp_path, tmp_path / "disk")
    numbers = itertools.count(1)
    with disk.mount(), running_home(tmp_path, ON_DISK) as home:
        home.journal = tmp_path / "disk" / "journal.db"

        def write() -> "subprocess.CompletedProcess[str]":
            return home.ask("write", "lounge", BLIND_LABEL, f"{next(numbers):04x}", "--json")

        answers = [write()]
        disk.fail()
        while (answer := write()).returncode == 0:  # what is left is used up soon
            answers.append(answer)
        assert "look at its disk" in answer.stdout
        disk.give_room()
        answers += [write(), write()]
        assert alerts(home) == []
        told = {one["command_id"]: one["verdict"] for one in (json.loads(answer.stdout) for answer in answers)}
        give_up_at = time.monotonic() + MENDED_TIMEOUT_S
        while set(told) - set(Evidence(home.rows()).outcomes):  # what was told and not written yet is, by and by
            assert time.monotonic() < give_up_at, "an outcome that was told is never written"
        home.end(signal.SIGKILL)
        disk.mend()
        home.start()
        assert home.end() == 0
        applied, evidence = home.applied(), Evidence(home.rows())
        assert isinstance(verify_journal(home.journal), Whole)
    evidence.devices_agree(applied)
    evidence.callers_heard_what_stands_there(told)
    evidence.each_accepted_ended_once()
