"""Discoveries that collide, over Debian's bluetoothd, which forgets one of two callers: ours are bounded."""

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system

SCAN_START_S = 10.0
"""So long an answer to StartDiscovery is waited for."""


def test_a_stranger_whose_call_was_lost_and_who_scans_on_is_in_nobodys_way(machine: Machine) -> None:
    found = machine.run("cases_discovery:two_strangers", timeout_s=90)
    assert found["answered"] == [False, True], "the first of two is never answered"
    assert found["discovering"]
    assert {each["verdict"] for each in found["outcomes"].values()} == {"delivered"}, found
    assert found["applied"] == [True, True]
    (said,) = found["doctor"]
    assert said.startswith("discovery: "), found
    assert "hci0 s" in said, found  # it scans, or says that it scans and hears nothing


def test_a_scan_of_ours_that_is_never_answered_is_begun_again(machine: Machine) -> None:
    found = machine.run("cases_discovery:our_own_is_lost", timeout_s=90)
    assert found["collided"] == 1
    assert (found["outcome"]["verdict"], found["applied"]) == ("delivered", 1), found
    assert found["outcome"]["took_s"] < 2 * SCAN_START_S, found
