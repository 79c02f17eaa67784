"""Signs in the kernel's log, as the kernel writes them."""

import pytest
from scenery import Scenery, levels, told

from gattkeeper.daemon.doctor.findings import Level
from gattkeeper.daemon.doctor.kernel_log import SIGNS, log_findings, look_at_kernel_log

HEALTHY = """\
[    2.120458] usb 1-4: New USB device found, idVendor=0bda, idProduct=b00a, bcdDevice= 1.10
[    6.870103] Bluetooth: Core ver 2.22
[    6.870131] Bluetooth: HCI device and connection manager initialized
[    7.101187] Bluetooth: hci0: RTL: loading rtl_bt/rtl8822cu_fw.bin
[    7.330187] Bluetooth: hci0: RTL: fw version 0x0cc6d2e3
"""

LINES = [
    ("[ 412.7] list_del corruption, ffff88800b2f0c00->next is LIST_POISON1 (dead000000000100)", Level.PROBLEM),
    ("[ 412.7] kernel BUG at lib/list_debug.c:56!", Level.PROBLEM),
    ("[ 881.2] Bluetooth: hci0: command 0x200c tx timeout", Level.WARNING),
    ("[ 881.2] Bluetooth: hci0: link tx timeout", Level.WARNING),
    ("[ 881.4] Bluetooth: hci0: Controller not accepting commands anymore: ncmd = 0", Level.WARNING),
    ("[ 881.4] Bluetooth: hci0: Injecting HCI hardware error event", Level.WARNING),
    ("[ 881.4] Bluetooth: hci0: hardware error 0x00", Level.WARNING),
    ("[ 881.4] Bluetooth: hci0: Opcode 0x200b failed: -110", Level.WARNING),
    ("[ 881.4] Bluetooth: hci0: start background scanning failed: -110", Level.WARNING),
    ("[ 881.4] Bluetooth: hci0: Unable to disable scanning: -112", Level.WARNING),
    ("[ 881.4] Bluetooth: hci0: Opcode 0x200e failed: -16", Level.NOTE),
    ("[   7.1] Bluetooth: hci0: BCM: Patch brcm/BCM4345C0.hcd not found", Level.WARNING),
    ("[   7.1] Bluetooth: hci0: Failed to load firmware: firmware file error -2", Level.WARNING),
    ("[  91.0] hwmon hwmon1: Undervoltage detected!", Level.WARNING),
    ("[  91.0] Under-voltage detected! (0x00050005)", Level.WARNING),
    ("[  91.5] usb 1-1.2: device descriptor read/64, error -32", Level.NOTE),
    ("[  91.5] usb usb1-port2: over-current condition", Level.NOTE),
]


def test_a_healthy_log_is_fine():
    assert levels(log_findings(HEALTHY)) == [Level.OK]


@pytest.mark.parametrize(("line", "level"), LINES)
def test_each_sign_is_found_and_has_a_cure(line, level):
    (finding,) = log_findings(HEALTHY + line + "\n")
    assert finding.level is level
    assert line in finding.what
    assert finding.cure


def test_every_sign_has_a_line_here():
    found = [finding.cure for line, _ in LINES for finding in log_findings(line)]
    assert {sign.cure for sign in SIGNS} == set(found)


def test_many_lines_of_one_kind_are_one_finding_with_the_last():
    (finding,) = log_findings("".join(f"[ {n}.0] Bluetooth: hci0: command 0x200c tx timeout\n" for n in range(9)))
    assert "9 times, last: [ 8.0]" in finding.what


def test_journald_is_asked_when_dmesg_refuses(scenery: Scenery):
    scenery.program("dmesg", "echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1")
    (finding,) = look_at_kernel_log(scenery.machine)
    assert finding.level is Level.NOTE
    assert "Operation not permitted; the program journalctl is not here" in finding.what
    assert finding.cure == "run as root or in the group systemd-journal"
    scenery.says("journalctl", "[ 881.2] pi kernel: Bluetooth: hci0: command 0x200c tx timeout")
    assert levels(look_at_kernel_log(scenery.machine)) == [Level.WARNING]


def test_an_empty_log_is_not_called_healthy(scenery: Scenery):
    scenery.program("dmesg", "")
    assert "empty" in told(look_at_kernel_log(scenery.machine))
