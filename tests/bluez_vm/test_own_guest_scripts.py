"""Eight processes of one plain Bleak script, on Debian's kernel and bluetoothd: under `gattkeeper run`, and without."""

from collections.abc import Iterator

import pytest

from bluez_vm.guests import booted
from bluez_vm.machine import GuestGoneError, Machine

pytestmark = pytest.mark.system

EACH_ONCE = [f"s{number}" for number in range(8)]
CASE_S = 300
"""Two minutes of it are eight Pythons that load Bleak on emulated processors."""


@pytest.fixture
def machine_to_break() -> Iterator[Machine]:
    """A guest of its own: what comes without a keeper can end bluetoothd, or the kernel."""
    yield from booted()


def test_plain_scripts_collide_and_under_run_the_same_scripts_do_not(machine_to_break: Machine) -> None:
    run = machine_to_break.run("cases_scripts:under_run", timeout_s=CASE_S)
    assert (run["errors"], run["applied"]) == ([], EACH_ONCE)
    overlaps = run["overlaps"]
    assert overlaps["calls"] > len(EACH_ONCE), "the bus was heard"
    assert (overlaps["on_a_device"], overlaps["connects"]) == (0, 0)
    try:
        plain = machine_to_break.run("cases_scripts:plainly", timeout_s=CASE_S)
    except GuestGoneError as error:
        if not error.kernel_broke:
            raise  # a guest that was too slow shows nothing
        return  # the kernel itself did not survive it
    assert plain["errors"], plain
    assert plain["overlaps"]["on_a_device"] + plain["overlaps"]["unanswered_scans"] > 0, plain
