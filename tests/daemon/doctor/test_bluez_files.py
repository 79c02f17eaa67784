"""BlueZ's version and main.conf."""

import pytest
from scenery import Scenery, levels, told

from gattkeeper.daemon.doctor.bluez_files import (
    look_at_settings,
    look_at_version,
    settings_findings,
    version_finding,
)
from gattkeeper.daemon.doctor.findings import Level

AS_SHIPPED = """\
[General]
# Restricts all controllers to the specified transport. Default value
# is "dual", i.e. both BR/EDR and LE enabled (when supported by the HW).
#ControllerMode = dual
#TemporaryTimeout = 30
[BR]
[LE]
#MinConnectionInterval=
[GATT]
#Cache = always
[Policy]
AutoEnable=true
[AdvMon]
"""


@pytest.mark.parametrize(
    ("said", "level", "words"),
    [
        ("bluetoothctl: 5.50", Level.PROBLEM, "too old"),
        ("bluetoothctl: 5.55", Level.NOTE, "does not tell the MTU"),
        ("bluetoothctl: 5.66", Level.OK, "BlueZ 5.66"),
        ("bluetoothctl: 5.100", Level.OK, "5.100"),
        ("garbage", Level.NOTE, "not known"),
    ],
)
def test_versions(said, level, words):
    finding = version_finding(said)
    assert finding.level is level
    assert words in finding.what


def test_without_bluez_it_says_how_to_get_it(scenery: Scenery):
    (missing,) = look_at_version(scenery.machine)
    assert missing.level is Level.WARNING
    assert "apt install bluez" in missing.cure
    scenery.says("bluetoothctl", "bluetoothctl: 5.66")
    assert levels(look_at_version(scenery.machine)) == [Level.OK]
    scenery.program("bluetoothctl", "exit 1")
    assert levels(look_at_version(scenery.machine)) == [Level.NOTE]


def test_a_bluez_without_its_tool_is_asked_itself(scenery: Scenery):
    scenery.file("usr/libexec/bluetooth/bluetoothd", "#!/bin/sh\necho 5.50\n").chmod(0o755)
    (finding,) = look_at_version(scenery.machine)
    assert finding.level is Level.PROBLEM
    assert "BlueZ 5.50 is too old" in finding.what


def test_the_file_as_distributions_ship_it_is_fine(scenery: Scenery):
    scenery.file("etc/bluetooth/main.conf", AS_SHIPPED)
    assert levels(look_at_settings(scenery.machine)) == [Level.OK]


def test_a_file_that_is_not_there_or_not_readable_is_told(scenery: Scenery):
    assert "defaults hold" in told(look_at_settings(scenery.machine))
    (scenery.root / "etc/bluetooth/main.conf").mkdir(parents=True)
    assert levels(look_at_settings(scenery.machine)) == [Level.NOTE]


@pytest.mark.parametrize(
    ("section", "line", "level"),
    [
        ("General", "ControllerMode = bredr", Level.PROBLEM),
        ("General", "ReverseServiceDiscovery = false", Level.PROBLEM),
        ("General", "TemporaryTimeout = 5", Level.WARNING),
        ("GATT", "Cache = always", Level.NOTE),
        ("LE", "MinConnectionInterval=80", Level.NOTE),
        ("Policy", "AutoEnable=false", Level.WARNING),
    ],
)
def test_each_setting_that_matters_is_found_and_has_a_cure(section, line, level):
    (finding,) = settings_findings(
        AS_SHIPPED.replace(f"[{section}]\n", f"[{section}]\n{line}\n").replace("\nAutoEnable=true", "")
    )
    assert finding.level is level
    assert line.split("=")[0].strip().removeprefix("Min").lower() in (finding.what + finding.cure).lower()
    assert finding.cure


def test_settings_that_do_no_harm_are_left_alone():
    harmless = "[General]\nControllerMode = le\nTemporaryTimeout = 60\n[GATT]\nCache = yes\n"
    assert levels(settings_findings(harmless)) == [Level.OK]


def test_a_file_that_is_no_settings_file_is_told():
    (finding,) = settings_findings("ControllerMode = le\n")
    assert finding.level is Level.WARNING
