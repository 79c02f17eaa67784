"""Something goes away in the middle of a write, over Debian's bluetoothd: nobody is told what is not so."""

from typing import Any

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system

SEEN_S = 2.0
"""What the contract allows until the keeper knows."""


def fault(machine: Machine, case: str) -> dict[str, Any]:
    """What holds for every one of them: the write in flight is unknown, soon, and service goes on by itself."""
    found = machine.run(f"cases_faults:{case}", timeout_s=90)
    assert found["before"]["verdict"] == "delivered"
    assert found["during"]["verdict"] == "unknown", found
    assert found["seen_after_s"] <= SEEN_S, found
    assert found["during"]["after_s"] <= SEEN_S, found
    assert found["after"]["verdict"] == "delivered", found
    assert found["applied"] == ["before", "during", "after"], found
    return found


def test_c23_bluetoothd_killed_and_started_again(machine: Machine) -> None:
    assert fault(machine, "bluetoothd_killed")["during"]["cause"] == "stack_restarted"
