"""The link contract, kept by the link through Bleak over Debian's kernel and bluetoothd."""

from typing import Any

import pytest

from bluez_vm.guests import booted

pytestmark = pytest.mark.system

LEFT_OUT = {"the_devices_refusal_keeps_its_number": "att_error"}
"""Checks that cannot be made there, and the provocation that they lack; the bench says why."""

GUESTS = 2


def every_check() -> dict[str, Any]:
    """What became of each check, in a guest of its own: its adapters are pulled out with connections on them.

    Now and then that breaks this kernel's own lists and ends bluetoothd, whoever uses it. What failed in such a guest
    tells nothing of the link, and is done again in another one.
    """
    found: dict[str, Any] = {}
    for _ in range(GUESTS):
        for machine in booted():
            found = machine.run("cases_contract:every_check", timeout_s=400)
        if not found["kernel_bugs"]:
            break
    return found


def test_bleak_over_bluez_keeps_the_link_contract() -> None:
    found = every_check()
    checks = found["checks"]
    failed = {name: each["why"] for name, each in checks.items() if each["became"] == "failed"}
    assert not failed, (found["kernel_bugs"], failed)
    skipped = {name: each["why"] for name, each in checks.items() if each["became"] == "skipped"}
    assert {name: why.partition(":")[0] for name, why in skipped.items()} == LEFT_OUT
    assert len(checks) == found["of"], "each program came to its end"
