"""What BlueZ's objects mean: adapters, discoveries, connections that only one side believes in."""

import pytest
from scenery import levels, told

from gattkeeper.daemon.doctor.bluez_bus import (
    Context,
    adapter_findings,
    connection_findings,
    discovery_findings,
)
from gattkeeper.daemon.doctor.findings import Level
from gattkeeper.links.bluez_look import BluezView
from gattkeeper.links.bluez_watch import ADAPTER, DEVICE

OWN = "F4:4E:FC:00:00:01"
LAMP = "F0:00:00:00:00:01"
WELL = {"Address": OWN, "Powered": True, "Discovering": False, "Roles": ["central", "peripheral"]}
KEEPER = Context(kept={LAMP: "connected"}, kernel_links={"hci0": 1})


def view(*adapters: dict, devices: tuple[dict, ...] = (), heard: int = 0) -> BluezView:
    objects = {f"/org/bluez/hci{number}": {ADAPTER: one} for number, one in enumerate(adapters)}
    for number, one in enumerate(devices):
        objects[f"/org/bluez/hci0/dev_{number}"] = {DEVICE: one}
    return BluezView(objects=objects, pids=(), heard={"/org/bluez/hci0": heard} if heard else {})


def connected(address: str = LAMP, *, resolved: bool = True) -> dict:
    return {"Address": address, "Connected": True, "ServicesResolved": resolved}


def test_an_adapter_that_is_on_is_fine_and_told_with_its_places():
    (finding,) = adapter_findings(view(WELL), Context(slots={"hci0": 7}))
    assert finding.level is Level.OK
    assert finding.what == f"hci0 ({OWN}) is on, central, peripheral, 7 connections at once by the settings"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Powered": False}, "powered off"),
        ({"Address": "00:00:00:00:00:00"}, "did not start"),
        ({"Roles": ["peripheral"]}, "cannot be a central"),
    ],
)
def test_an_adapter_that_cannot_work_is_a_problem_with_a_cure(change, words):
    (finding,) = adapter_findings(view(WELL | change), Context())
    assert finding.level is Level.PROBLEM
    assert words in finding.what
    assert finding.cure


def test_an_old_bluez_that_tells_no_roles_is_believed():
    (finding,) = adapter_findings(view({"Address": OWN, "Powered": True}), Context())
    assert (finding.level, "roles not told" in finding.what) == (Level.OK, True)


def test_no_adapter_and_twins_are_problems():
    assert levels(adapter_findings(view(), Context())) == [Level.PROBLEM]
    twins = adapter_findings(view(WELL, WELL), Context())
    assert levels(twins) == [Level.OK, Level.OK, Level.PROBLEM]
    assert "hci0 and hci1 have the same address" in twins[-1].what


def test_a_discovery_that_hears_nothing_is_stuck_and_one_that_hears_is_somebodys():
    assert levels(discovery_findings(view(WELL), Context())) == [Level.OK]
    scanning = WELL | {"Discovering": True}
    (stuck,) = discovery_findings(view(scanning), Context())
    assert stuck.level is Level.WARNING
    assert "stuck" in stuck.what
    assert levels(discovery_findings(view(scanning, heard=4), Context())) == [Level.NOTE]


def test_programs_that_may_use_the_adapter_too_are_named():
    (finding,) = discovery_findings(view(WELL), Context(others=("node (process 12)",)))
    assert finding.level is Level.NOTE
    assert finding.what.startswith("node (process 12) may use the adapter too")


def test_a_connection_that_everybody_knows_of_is_fine():
    assert told(connection_findings(view(WELL, devices=(connected(),)), KEEPER)) == (
        "1 connected, as everybody says | "
    )


def test_a_connection_that_bluez_alone_has_is_told():
    (other,) = connection_findings(view(WELL, devices=(connected("F0:00:00:00:00:02"), connected())), KEEPER)
    assert other.level is Level.NOTE
    assert "F0:00:00:00:00:02, and the keeper does not hold it" in other.what
    assert "bluetoothctl disconnect F0:00:00:00:00:02" in other.cure
    (alone,) = connection_findings(view(WELL, devices=(connected(),)), Context())
    assert "no keeper runs" in alone.what


def test_a_connection_without_services_may_be_a_phantom_unless_the_keeper_is_making_it():
    half = view(WELL, devices=(connected(resolved=False),))
    (finding,) = connection_findings(half, Context(kept={}))
    assert finding.level is Level.WARNING
    assert "phantom" in finding.what
    for state in ("connecting", "connected", "disconnecting"):
        assert levels(connection_findings(half, Context(kept={LAMP: state}))) == [Level.OK]
    assert levels(connection_findings(half, Context(kept={LAMP: "disconnected"}))) == [Level.WARNING]


def test_a_connection_that_the_keeper_alone_has_is_told():
    (finding,) = connection_findings(
        view(WELL, devices=({"Address": LAMP, "Connected": False},)), Context(kept={LAMP: "connected"})
    )
    assert finding.level is Level.WARNING
    assert f"connected to {LAMP}, and BlueZ says it is not" in finding.what


def test_a_connection_that_the_kernel_alone_has_is_told():
    (finding,) = connection_findings(view(WELL), Context(kernel_links={"hci0": 1}))
    assert finding.level is Level.WARNING
    assert "the kernel has 1 connections on hci0, BlueZ knows of 0" in finding.what
