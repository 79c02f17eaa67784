"""Commands that meet no trouble, over Debian's bluetoothd."""

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system


def test_commands_for_four_blinds_are_all_delivered_in_order(machine: Machine) -> None:
    found = machine.run("cases_commands:four_blinds", timeout_s=90)
    assert set(found["verdicts"]) == {"delivered"}
    reached = [[int(payload) for payload in payloads] for payloads in found["applied"].values()]
    assert reached == [list(range(first, len(found["verdicts"]), 4)) for first in range(4)]


def test_a_blind_is_read_written_and_heard_on_one_connection(machine: Machine) -> None:
    found = machine.run("cases_commands:one_blind", timeout_s=60)
    assert found["applied"] == [found["before"] - 10]
    assert found["heard"][-1] == found["before"] - 10
    assert found["heard"] == sorted(found["heard"], reverse=True)
    assert found["connections"] == 1


def test_the_next_cold_blind_is_connected_while_services_are_discovered(machine: Machine) -> None:
    found = machine.run("cases_beside:cold_blinds:2:8", timeout_s=240)
    rounds = [*found["one_by_one"], *found["beside"]]
    assert [each["delivered"] for each in rounds] == [8] * 4, rounds
    assert [each["begun_beside"] for each in found["one_by_one"]] == [0, 0], found
    assert all(each["begun_beside"] > 0 for each in found["beside"]), found
