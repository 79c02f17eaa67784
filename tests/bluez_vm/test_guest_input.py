"""Devices that serve what nobody expects, over Debian's bluetoothd: a sentence, and the other device is served."""

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system

OPERATION_S = 5.0
"""The time-out of a write."""


def test_three_hundred_characteristics_are_all_there(machine: Machine) -> None:
    found = machine.run("cases_input:three_hundred", timeout_s=120)
    assert found == {"characteristics": 300, "read": ["0", "299"]}


def test_twins_are_told_apart_by_handle_and_what_is_closed_stays_so(machine: Machine) -> None:
    found = machine.run("cases_input:odd_table", timeout_s=60)
    assert found["empty"] == ""
    assert found["twins"] == ["one", "two"]
    assert "is there 2 times: name its service or its handle" in found["ambiguous"]
    assert "read_not_permitted" in found["closed"]
    assert found["empty_service"] == [0]


def test_an_answer_that_is_none_leaves_the_write_open_and_the_next_one_is_delivered(machine: Machine) -> None:
    found = machine.run("cases_input:malformed", timeout_s=120)
    assert len(found) == 5
    for what, ended in found.items():
        assert ended["during"]["verdict"] == "unknown", what
        assert ended["during"]["took_s"] < OPERATION_S + 2, what
        assert ended["other"]["verdict"] == "delivered", what
        assert ended["after"]["verdict"] == "delivered", what


def test_a_wrong_kind_of_address_is_named_and_costs_the_others_nothing(machine: Machine) -> None:
    found = machine.run("cases_input:wrong_address", timeout_s=90)
    for told in (found["during"], found["known"]):
        assert (told["verdict"], told["cause"]) == ("not_delivered", "never_sent"), found
        assert (
            "F0:00:00:00:00:0D is a random address to BlueZ, and F0:00:00:00:00:0D/public is meant"
            in told["fault"]
        )
    assert found["other_verdicts"] == ["delivered"]
    assert found["malformed"].startswith("unknown_device: no device is called 'F0:00:00:00:00'")
    assert found["after"]["verdict"] == "delivered", found["after"]
    assert found["applied"] == ["after"]


def test_a_device_that_never_says_what_it_has_costs_the_others_nothing(machine: Machine) -> None:
    found = machine.run("cases_input:never_resolved", timeout_s=90)
    assert found["during"]["verdict"] == "not_delivered", found
    assert "did not answer" in found["during"]["fault"]
    assert found["other_verdicts"] == ["delivered"]
    assert found["other_s_max"] < OPERATION_S, found
    assert found["after"]["verdict"] == "delivered", found
    assert found["applied"] == ["after"]
