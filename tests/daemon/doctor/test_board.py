"""Voltage and swap."""

import pytest
from scenery import Scenery, levels, told

from gattkeeper.daemon.doctor.board import look_at_power, look_at_swap, swap_finding, throttled_finding
from gattkeeper.daemon.doctor.findings import Level

SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
ON_CARD = SWAPS + "/var/swap                               file\t\t102396\t\t51200\t\t-2\n"
ON_ZRAM = SWAPS + "/dev/zram0                              partition\t524284\t\t4096\t\t100\n"
UNUSED = SWAPS + "/var/swap                               file\t\t102396\t\t0\t\t-2\n"


@pytest.mark.parametrize(
    ("said", "level", "words"),
    [
        ("throttled=0x0", Level.OK, "no sign"),
        ("throttled=0x50005", Level.WARNING, "too low now"),
        ("throttled=0x50000", Level.WARNING, "since the boot"),
        ("throttled=0xe0008", Level.OK, "no sign"),  # hot, and nothing else
        ("nothing", Level.OK, "no sign"),
    ],
)
def test_bits_of_the_firmware(said, level, words):
    finding = throttled_finding(said)
    assert finding.level is level
    assert words in finding.what


def test_the_kernels_alarm_is_enough(scenery: Scenery):
    scenery.file("sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    scenery.file("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    assert levels(look_at_power(scenery.machine)) == [Level.OK]
    scenery.file("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    assert levels(look_at_power(scenery.machine)) == [Level.WARNING]


def test_the_firmware_is_asked_where_there_is_one(scenery: Scenery):
    scenery.says("vcgencmd", "throttled=0x50005")
    assert levels(look_at_power(scenery.machine)) == [Level.WARNING]
    scenery.program("vcgencmd", 'echo "Can\'t open device file: /dev/vcio" >&2; exit 255')
    (finding,) = look_at_power(scenery.machine)
    assert finding.level is Level.NOTE
    assert finding.cure == "run as root or in the group video"


@pytest.mark.parametrize(
    ("text", "level"),
    [(ON_CARD, Level.NOTE), (ON_ZRAM, Level.OK), (UNUSED, Level.OK), (SWAPS, Level.OK), ("", Level.OK)],
)
def test_only_swap_on_a_disk_that_is_used_is_told(text, level):
    assert swap_finding(text).level is level


def test_swap_is_told_with_its_size(scenery: Scenery):
    assert levels(look_at_swap(scenery.machine)) == [Level.NOTE]
    scenery.file("proc/swaps", ON_CARD)
    assert "/var/swap (50 MiB)" in told(look_at_swap(scenery.machine))
