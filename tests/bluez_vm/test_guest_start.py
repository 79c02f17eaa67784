"""What hinders a start, on Debian's BlueZ and D-Bus: one sentence that says what to do."""

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system


def test_an_adapter_that_is_not_there_is_named(machine: Machine) -> None:
    said = machine.run("cases_start:adapter_missing", timeout_s=60)["told"]
    assert said == "there is no adapter F4:4E:FC:00:00:01; BlueZ has none at all"


def test_an_adapter_that_is_off_is_named_with_its_cure(machine: Machine) -> None:
    said = machine.run("cases_start:adapter_off", timeout_s=60)["told"]
    assert "(F4:4E:FC:00:00:01) is powered off; switch it on: bluetoothctl power on" in said


def test_a_user_whom_the_bus_stops_is_told_the_group(machine: Machine) -> None:
    said = machine.run("cases_start:not_allowed", timeout_s=60)["told"]
    assert "D-Bus forbids this user to speak to the Bluetooth service" in said
    assert "add it to the group bluetooth" in said
