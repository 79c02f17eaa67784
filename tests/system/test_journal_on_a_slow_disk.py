"""A disk that takes seconds for a sync: the daemon answers, and a stop reaches the device meanwhile.

The disk is real: a file system in a file, frozen by the kernel, so that whoever writes there waits. Only root may do
that; elsewhere it is left out by name.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gattkeeper.storage.succession import Whole, verify_journal
from gattkeeper.world.virtual_blind import BLIND_LABEL, BLIND_MOTOR
from system.evidence import Evidence
from system.home import SETTINGS, Home, running_home

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(sys.platform != "linux", reason="file systems are frozen on Linux only"),
]

NEEDED = ("mkfs.ext4", "mount", "umount", "fsfreeze")
FROZEN_S = 5.0
"""A sync that takes so long is what is tried here: an SD card does that."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0 or not all(map(shutil.which, NEEDED)):
        pytest.skip(f"only root may freeze a file system, with {', '.join(NEEDED)}")
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(16_000_000)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    if subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=False).returncode:
        pytest.skip("this machine lets nobody mount a file as a disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """Whoever writes there waits; not even a kill ends it before the disk answers again."""
    subprocess.run(["fsfreeze", "--freeze", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "--unfreeze", str(folder)], check=True)


def has_begun(home: Home) -> bool:
    """Whether the daemon has a command of the lounge's blind at hand; it answers whatever the disk does."""
    told = home.ask("status", "--json")
    assert told.returncode == 0, told.stderr
    (lounge,) = (each for each in json.loads(told.stdout)["devices"] if each["name"] == "lounge")
    return bool(lounge["in_flight"] or lounge["waiting"])


def test_a_stop_reaches_the_device_while_the_disk_does_not_answer(tmp_path: Path, disk: Path) -> None:
    settings = SETTINGS.replace('"journal.db"', '"disk/journal.db"')
    with running_home(tmp_path, settings) as home:
        home.journal = disk / "journal.db"
        assert home.ask("write", "lounge", BLIND_LABEL, "01").returncode == 0
        with frozen(disk):
            thaw_at = time.monotonic() + FROZEN_S
            write = home.spawn("write", "lounge", BLIND_LABEL, "02", "--json")
            while not has_begun(home):
                assert time.monotonic() < thaw_at, "the daemon waited for the disk"
            stop = home.spawn("stop", "lounge", "--json")
            while BLIND_MOTOR not in [one.characteristic for one in home.applied()]:
                assert time.monotonic() < thaw_at, "the stop waited for the disk"
                time.sleep(0.01)  # another process's file: there is nothing to wait for
            assert (write.poll(), stop.poll()) == (None, None), "told before it was durable"
            time.sleep(max(0, thaw_at - time.monotonic()))  # what the disk takes
        answers = [json.loads(client.communicate(timeout=60)[0]) for client in (write, stop)]
        assert home.end() == 0
        applied = home.applied()
    assert answers[1]["outcomes"][0]["verdict"] == "delivered"
    evidence = Evidence(home.rows())
    evidence.each_accepted_ended_once()
    evidence.devices_agree(applied)
    assert isinstance(verify_journal(home.journal), Whole)
