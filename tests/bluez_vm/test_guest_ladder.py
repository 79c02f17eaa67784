"""An adapter that is itself the trouble, over Debian's bluetoothd: gattkeeper makes it work again, without a reboot."""

from typing import Any

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system

OPERATION_S = 5.0
"""The time-out of a write."""

DOCTORS_SIGNS = ("connection: warning", "connection: problem", "discovery: warning")
SILENCE = ("kernel: warning: an adapter stopped answering", "kernel: warning: an adapter did not answer a command")

MILD = ["disconnect_device", "forget_device", "stop_discovery"]


def works_again(found: dict[str, Any]) -> None:
    """Every blind got what was asked of it before the trouble and after it, once, and each loss was told as such."""
    for name, tapped in found["tapped"].items():
        verdicts = [each["verdict"] for each in tapped]
        assert verdicts[-1] == "delivered", found
        assert set(verdicts[:-1]) <= {"not_delivered"}, found
        assert found["applied"][name] == ["before", "after"], found


def test_connections_that_only_the_adapter_knows_of_end_with_a_power_cycle(machine: Machine) -> None:
    found = machine.run("cases_ladder:phantom", timeout_s=150)
    assert found["left"] == {"on_air": 2, "in_bluez": []}, "the devices are taken, and nobody here knows"
    assert not [each for each in found["doctor"] if each.startswith(DOCTORS_SIGNS)], "the adapter alone knows"
    assert [each["rung"] for each in found["rungs"]] == [*MILD, "power_cycle"], found
    assert not any(each["fault"] for each in found["rungs"]), found
    works_again(found)


def test_a_link_that_only_bluez_believes_in_goes_after_one_write_and_nobody_else_notices(machine: Machine) -> None:
    found = machine.run("cases_ladder:believed", timeout_s=150)
    assert found["left"] == {"on_air": 1, "in_bluez": 2}, "BlueZ was not told that the link is lost"
    *lost, last = [each["verdict"] for each in found["tapped"]]
    assert last == "delivered", found
    assert set(lost) == {"unknown"}, "each was handed to BlueZ, and nobody can tell"
    assert found["applied"] == ["before", "after"], found
    assert found["other_verdicts"] == ["delivered"]
    assert found["other_s_max"] < OPERATION_S, found
    assert not {each["rung"] for each in found["rungs"]} - {"disconnect_device", "forget_device"}, found


def test_an_adapter_that_answers_nothing_is_reset_past_bluetoothd(machine: Machine) -> None:
    found = machine.run("cases_ladder:hung", timeout_s=150)
    *others, last = found["rungs"]
    assert [each["rung"] for each in others] == [*MILD, "power_cycle"], found
    assert others[-1]["fault"], "BlueZ cannot switch off an adapter that does not answer"
    assert (last["rung"], last["fault"]) == ("hard_reset", ""), found
    assert any(each.startswith(SILENCE) and "bluetoothctl power off" in each for each in found["doctor"]), found
    works_again(found)


def test_a_service_that_answers_nothing_is_restarted_where_the_settings_allow_it(machine: Machine) -> None:
    found = machine.run("cases_ladder:service_hung", timeout_s=240)
    *others, last = found["rungs"]
    assert [each["rung"] for each in others] == [*MILD, "power_cycle"], found
    assert all(each["fault"] for each in others), "none of them can be done without BlueZ"
    assert last["rung"] == "restart_service", found
    assert last["fault"] == "", str(found)
    works_again(found)
