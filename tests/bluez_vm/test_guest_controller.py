"""An adapter of the kernel's, taken over whole through its user channel, past Debian's bluetoothd."""

import pytest

from bluez_vm.guest.place import adapter_address
from bluez_vm.machine import Machine

pytestmark = pytest.mark.system

SEEN_S = 2.0
"""What a link promises until it says that its adapter is gone, in seconds."""


def test_an_adapter_is_taken_over_when_it_is_down_and_taken_up_again_after_it_was_pulled_out(
    machine: Machine,
) -> None:
    found = machine.run("cases_controller:user_channel", timeout_s=200)
    assert "BlueZ or another program has it up; it must be down" in found["while_up"]
    assert "the kernel has no such adapter" in found["missing"]
    assert "BlueZ or another program has it up; it must be down" in found["taken"]
    assert found["name"] == adapter_address(0)
    assert found["fault"] == "adapter_gone"
    assert found["seen_after_s"] <= SEEN_S
    assert found["back"]
    assert found["applied"] == ["one", "two"]
