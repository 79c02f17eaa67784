"""An emergency stop while a write has no answer, over Debian's bluetoothd: what reaches the blind, in which order."""

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system

LABEL, MOTOR = "b11d0005", "b11d0004"
STOP = [MOTOR, "\0"]

BLUEZ_DISCONNECT_S = 2.0
"""BlueZ's own pause before it disconnects."""


def test_on_another_characteristic_it_overtakes_the_write(machine: Machine) -> None:
    found = machine.run("cases_stop:on_another_characteristic", timeout_s=60)
    assert found["applied"] == [[LABEL, "slow"], STOP]
    assert found["stop"]["verdict"] == "sent"
    assert found["during"]["verdict"] == "delivered"
    assert found["reached_s"][1] < found["during"]["took_s"], found
    assert (found["waiting"]["verdict"], found["waiting"]["cause"]) == ("not_delivered", "stopped")
    assert not found["moving"]


def test_on_the_same_characteristic_it_goes_first_on_a_new_connection(machine: Machine) -> None:
    found = machine.run("cases_stop:on_the_same_characteristic", timeout_s=60)
    assert found["applied"] == [STOP, STOP]
    assert (found["stop"]["verdict"], found["stop"]["cause"]) == ("delivered", "acknowledged")
    assert found["during"]["verdict"] == "unknown"
    assert (found["waiting"]["verdict"], found["waiting"]["cause"]) == ("not_delivered", "stopped")
    assert not found["moving"]


def test_with_the_privileged_program_the_link_is_cut_for_it(machine: Machine) -> None:
    found = machine.run("cases_stop:with_the_privileged_program", timeout_s=60)
    assert found["applied"] == [STOP, STOP]
    assert found["stop"]["verdict"] == "delivered"
    assert "the privileged program cut the link" in found["stop"]["stop_route"], found
    assert found["during"]["verdict"] == "unknown"
    assert not found["moving"]


def test_the_privileged_program_cuts_a_link_at_once_where_bluez_waits(machine: Machine) -> None:
    found = machine.run("cases_privileged:cut_link", timeout_s=60)
    assert found["cut_s"] < BLUEZ_DISCONNECT_S / 2 < found["bluez_s"], found
    assert {each["verdict"] for each in (*found["before"], *found["after"])} == {"delivered"}, found
