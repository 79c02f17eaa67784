"""The story that gattkeeper was made for, on Debian's kernel and bluetoothd: many programs, and none collides."""

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system


def test_with_gattkeeper_all_end_right_in_a_tenth_of_what_a_lock_takes(machine: Machine) -> None:
    kept = machine.run("storm:with_gattkeeper", timeout_s=120)["rounds"]
    for storm in kept:
        assert storm["codes"] == [0] * storm["callers"], storm
        assert sorted(storm["applied"]) == [f"k{number:02d}" for number in range(storm["callers"])], storm
    (locked,) = machine.run("storm:with_a_lock", timeout_s=240)["rounds"]
    assert locked["succeeded"] == locked["callers"], locked
    assert kept[0]["took_s"] <= locked["took_s"] / 10, (kept, locked)
