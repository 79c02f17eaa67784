"""Something goes away in the middle of a write, over Debian's bluetoothd: nobody is told what is not so."""

from typing import Any

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system

SEEN_S = 2.0
"""What the keeper promises until it knows, in seconds."""


def told_of(machine: Machine, case: str) -> dict[str, Any]:
    """How the write in flight ended, of a fault for which all holds that does for every one."""
    during: dict[str, Any] = found_of(machine, case)["during"]
    return during


def found_of(machine: Machine, case: str) -> dict[str, Any]:
    """What holds for every fault: the write in flight is unknown, soon, and service goes on without help."""
    found = machine.run(f"cases_faults:{case}", timeout_s=90)
    assert found["before"]["verdict"] == "delivered", found
    assert found["during"]["verdict"] == "unknown", found
    assert found["seen_after_s"] <= SEEN_S, found
    assert found["during"]["after_s"] <= SEEN_S, found
    assert found["after"]["verdict"] == "delivered", found
    assert found["applied"] == ["before", "during", "after"], found
    return found


def test_bluetoothd_is_killed_and_started_again(machine: Machine) -> None:
    assert told_of(machine, "bluetoothd_killed")["cause"] == "stack_restarted"


def test_an_adapter_is_pulled_out_and_returns_under_another_number(machine: Machine) -> None:
    told_of(machine, "adapter_pulled_out")


def test_an_adapter_is_powered_off_by_somebody_and_on_again(machine: Machine) -> None:
    told_of(machine, "adapter_powered_off")


def test_the_radio_is_switched_off_by_rfkill_and_on_again(machine: Machine) -> None:
    found = found_of(machine, "adapter_blocked")
    assert found["switched_on"].startswith("org.bluez.Error."), "BlueZ cannot switch it on meanwhile"
    assert found["doctor"] == ["rfkill: problem: hci0 is blocked by software -> rfkill unblock bluetooth"]


def test_a_device_gets_out_of_reach_and_comes_back(machine: Machine) -> None:
    assert told_of(machine, "device_out_of_reach")["cause"] == "link_lost_in_flight"


def test_a_device_ends_the_connection(machine: Machine) -> None:
    assert told_of(machine, "device_hangs_up")["cause"] == "link_lost_in_flight"
