"""Pairing with and without a passkey, over Debian's bluetoothd, with devices that speak SMP themselves."""

import pytest

from bluez_vm.machine import Machine

pytestmark = pytest.mark.system


@pytest.mark.parametrize(
    ("case", "asked"),
    [
        ("just_works", []),
        ("passkey_entry", ["request lounge"]),
        ("passkey_display", ["display lounge"]),
        ("numbers_compared", ["compare lounge"]),
    ],
)
def test_a_device_is_paired_and_not_made_trusted(machine: Machine, case: str, asked: list[str]) -> None:
    found = machine.run(f"cases_pairing:{case}", timeout_s=120)
    assert found == {"said": "paired", "asked": asked, "bluez": [[True, False]], "applied": ["mine"]}


@pytest.mark.parametrize("case", ["kept", "lost_here"])
def test_a_device_that_demands_a_bond_is_paired_by_the_first_write_and_again_when_we_lost_it(
    machine: Machine, case: str
) -> None:
    found = machine.run(f"cases_bonds:{case}", timeout_s=180)
    assert [found[each]["verdict"] for each in ("first", "second", "other")] == ["delivered"] * 3, found
    assert found["bonded"] == [[True], [True]], "and the bond is kept"
    assert found["applied"] == ["first", "second"]


@pytest.mark.parametrize(
    ("case", "asked", "said"),
    [
        ("passkey_wrong", ["request lounge"], "perhaps the passkey was wrong"),
        ("passkey_declined", ["request lounge"], "declined here"),
        ("nobody_asked", [], "pair it where a person can be asked"),
    ],
)
def test_a_pairing_that_fails_says_what_to_do(machine: Machine, case: str, asked: list[str], said: str) -> None:
    found = machine.run(f"cases_pairing:{case}", timeout_s=120)
    assert (found["asked"], found["applied"], found["bluez"]) == (asked, [], [[False, False]])
    assert said in found["said"]
