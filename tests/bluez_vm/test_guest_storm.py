"""The story that gattkeeper was made for, on Debian's kernel and bluetoothd: programs that collide, and do not."""

from collections.abc import Iterator

import pytest

from bluez_vm.guests import booted
from bluez_vm.machine import GuestGoneError, Machine

pytestmark = pytest.mark.system


@pytest.fixture
def machine_to_break() -> Iterator[Machine]:
    """A guest of its own: such a storm can end bluetoothd, or the kernel."""
    yield from booted()


def test_programs_without_a_keeper_destroy_each_other(machine_to_break: Machine) -> None:
    try:
        rounds = machine_to_break.run("storm:without", timeout_s=90)["rounds"]
    except GuestGoneError:
        return  # the kernel itself did not survive it
    assert sum(storm["succeeded"] for storm in rounds) < sum(storm["callers"] for storm in rounds), rounds


def test_with_gattkeeper_all_end_right_in_a_tenth_of_what_a_lock_takes(machine: Machine) -> None:
    kept = machine.run("storm:with_gattkeeper", timeout_s=120)["rounds"]
    for storm in kept:
        assert storm["codes"] == [0] * storm["callers"], storm
        assert sorted(storm["applied"]) == [f"k{number:02d}" for number in range(storm["callers"])], storm
    (locked,) = machine.run("storm:with_a_lock", timeout_s=240)["rounds"]
    assert locked["succeeded"] == locked["callers"], locked
    assert kept[0]["took_s"] <= locked["took_s"] / 10, (kept, locked)
