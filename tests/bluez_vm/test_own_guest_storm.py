"""The story that gattkeeper was made for, without gattkeeper, on Debian's kernel and bluetoothd."""

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
    except GuestGoneError as error:
        if not error.kernel_broke:
            raise  # a guest that was too slow shows nothing
        return  # the kernel itself did not survive it
    assert sum(storm["succeeded"] for storm in rounds) < sum(storm["callers"] for storm in rounds), rounds
