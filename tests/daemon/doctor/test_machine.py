"""What of a machine can be read, and the sentence when it cannot."""

import os

import pytest
from scenery import Scenery

from gattkeeper.daemon.doctor import machine as module
from gattkeeper.daemon.doctor.machine import UnreadableError


def test_files_folders_and_programs_are_read(scenery: Scenery):
    scenery.file("proc/swaps", "Filename\n")
    scenery.says("bluetoothctl", "bluetoothctl: 5.66")
    assert scenery.machine.text("proc/swaps") == "Filename\n"
    assert scenery.machine.names("proc") == ["swaps"]
    assert scenery.machine.names("no/such/folder") == []
    assert scenery.machine.run("bluetoothctl", "--version") == "bluetoothctl: 5.66\n"


def test_what_is_missing_is_told_from_what_fails(scenery: Scenery):
    scenery.program("dmesg", "echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1")
    scenery.file("proc/swaps", "")
    with pytest.raises(UnreadableError, match="there is no /proc/nothing") as missing:
        scenery.machine.text("proc/nothing")
    with pytest.raises(UnreadableError, match="the program rfkill is not here") as absent:
        scenery.machine.run("rfkill")
    with pytest.raises(UnreadableError, match="`dmesg` fails: dmesg: read kernel buffer failed") as refused:
        scenery.machine.run("dmesg")
    with pytest.raises(UnreadableError, match="cannot be read: Not a directory"):
        scenery.machine.names("proc/swaps")
    assert [each.value.missing for each in (missing, absent, refused)] == [True, True, False]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_what_is_forbidden_names_the_way(scenery: Scenery):
    scenery.file("proc/kmsg", "secret").chmod(0)
    with pytest.raises(UnreadableError, match="not allowed to read /proc/kmsg: run as root"):
        scenery.machine.text("proc/kmsg")


def test_a_program_that_hangs_is_ended(scenery: Scenery, monkeypatch):
    monkeypatch.setattr(module, "PROGRAM_S", 0.2)
    scenery.program("vcgencmd", "exec /bin/sleep 60")
    with pytest.raises(UnreadableError, match=r"`vcgencmd get_throttled` does not end within 0\.2 s"):
        scenery.machine.run("vcgencmd", "get_throttled")


def test_a_program_that_fails_in_silence_or_is_none_is_told(scenery: Scenery):
    scenery.program("dmesg", "exit 3")
    with pytest.raises(UnreadableError, match="it exits 3"):
        scenery.machine.run("dmesg")
    (scenery.root / "programs" / "dmesg").write_text("no program at all")
    with pytest.raises(UnreadableError, match="`dmesg` cannot be run: Exec format error"):
        scenery.machine.run("dmesg")
