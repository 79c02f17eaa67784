"""What others do on our adapter, and what they leave there, over Debian's bluetoothd."""

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system


def test_connections_of_a_killed_daemon_are_taken_over_by_the_next(machine: Machine) -> None:
    found = machine.run("cases_foreign:killed_owner", timeout_s=90)
    assert len(found["left_connected"]) == 2, "BlueZ keeps the links of a program that is gone"
    assert found["after"]["codes"] == [0, 0], found
    assert sorted(found["after"]["applied"]) == ["k00", "k01"], found


def test_a_connect_that_a_killed_daemon_left_pending_hinders_the_next_one_not(machine: Machine) -> None:
    found = machine.run("cases_crash:connect_pending", timeout_s=90)
    assert found["left"]["scanning"], "the kernel goes on looking for the device"
    first, killed, second = found["codes"]
    assert (first, second) == (0, 0), found
    assert killed != 0, "its caller is not told that it worked"
    assert found["applied"] == ["first", "second"], "what was never sent is never done"


def test_devices_are_found_while_another_program_scans(machine: Machine) -> None:
    found = machine.run("cases_foreign:foreign_scan", timeout_s=90)
    assert [found["lounge"]["verdict"], found["kitchen"]["verdict"]] == ["delivered", "delivered"], found
    assert found["applied"] == [True, True]
    assert found["discovering"], "our own scan must not end the other program's"


def test_two_adapters_serve_four_blinds(machine: Machine) -> None:
    found = machine.run("cases_foreign:two_adapters", timeout_s=90)
    assert set(found["verdicts"]) == {"delivered"}, found
    assert all(payloads == ["0", "1", "2"] for payloads in found["applied"].values()), found
