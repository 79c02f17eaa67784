"""The whole examination: on a machine without anything, on the scripted BlueZ, and with probes that fail."""

import asyncio
import threading

import pytest
from scenery import Scenery, levels

from fake_bluez.bus import PrivateBus
from fake_bluez.device import FakeDevice
from fake_bluez.stack import FakeBluez, Step
from gattkeeper.daemon.doctor.examination import examine, kept_connections, together
from gattkeeper.daemon.doctor.findings import Finding, Level, ok
from gattkeeper.daemon.doctor.machine import UnreadableError
from gattkeeper.daemon.settings import load_settings
from gattkeeper.links import bluez_look
from system.home import SETTINGS, running_home


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No settings, no bus, and a runtime folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    for name in ("GATTKEEPER_SETTINGS", "GATTKEEPER_SOCKET"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/no.bus")
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """Discoveries are listened to for a moment only."""
    monkeypatch.setattr(bluez_look.look, "__defaults__", (0.05,))


def of(area: str, findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.area == area]


def test_a_machine_with_nothing_is_examined_to_the_end(nowhere, scenery: Scenery):
    findings = examine(None, scenery.machine)
    areas = list(dict.fromkeys(each.area for each in findings))
    assert areas == [
        "bluez", "container", "rfkill", "adapter", "bus", "others", "lock", "keeper", "kernel", "power", "memory",
    ]  # fmt: skip
    (bus,) = of("bus", findings)
    assert bus.level is Level.PROBLEM
    assert bus.what.startswith("no system D-Bus at DBUS_SYSTEM_BUS_ADDRESS=")
    assert bus.cure.startswith("start it")
    assert all(each.cure for each in findings if each.level in (Level.WARNING, Level.PROBLEM))


def test_without_an_adapter_of_bluez_its_absence_is_no_problem(nowhere, scenery: Scenery):
    (nowhere / "g.toml").write_text(SETTINGS)
    findings = examine(nowhere / "g.toml", scenery.machine)
    assert levels(of("bus", findings)) == [Level.NOTE]


def test_settings_with_mistakes_are_told_and_the_rest_is_examined(nowhere, scenery: Scenery):
    (nowhere / "gattkeeper.toml").write_text("[keeper]\nlog_levle = 1\n")
    findings = examine(None, scenery.machine)
    assert findings[0].level is Level.PROBLEM
    assert "gattkeeper.toml:2" in findings[0].what
    assert of("memory", findings)


def test_probes_that_fail_or_hang_cost_only_their_own_findings():
    hanging = threading.Event()

    def unreadable() -> list[Finding]:
        raise UnreadableError("not allowed to read /proc/x: run as root")

    def odd() -> list[Finding]:
        raise KeyError("odd")

    def hangs() -> list[Finding]:
        hanging.wait()
        return []

    found = together({"a": unreadable, "b": odd, "c": hangs, "d": lambda: [ok("d", "well")]}, limit_s=0.1)
    hanging.set()
    assert [f"{each.area}: {each.what}" for each in found] == [
        "a: not looked at: not allowed to read /proc/x: run as root",
        "b: not looked at: KeyError: 'odd'",
        "c: not looked at: that takes longer than 0.1 s",
        "d: well",
    ]


@pytest.mark.system
@pytest.mark.asyncio
async def test_a_healthy_bluez_is_fine(
    nowhere, quick, system_bus: PrivateBus, monkeypatch, bluez: FakeBluez, scenery: Scenery
):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", system_bus.address)
    findings = await asyncio.to_thread(examine, None, scenery.machine)
    assert not of("bus", findings)
    assert "hci0 (F4:4E:FC:00:00:01) is on" in of("adapter", findings)[-1].what
    assert levels(of("discovery", findings) + of("connection", findings)) == [Level.OK, Level.OK]
    assert {member for member, _ in bluez.calls} == {"GetManagedObjects"}, "looking changes nothing"


@pytest.mark.system
@pytest.mark.asyncio
async def test_a_sick_bluez_is_told_part_by_part(
    nowhere, quick, system_bus: PrivateBus, monkeypatch, bluez: FakeBluez, device: FakeDevice, scenery: Scenery
):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", system_bus.address)
    bluez.know(device)
    bluez.link_up(device)
    bluez.add_adapter("/org/bluez/hci1", powered=False)
    bluez.objects["/org/bluez/hci0"]["org.bluez.Adapter1"]["Discovering"].value = True
    findings = await asyncio.to_thread(examine, None, scenery.machine)
    said = [each.what for area in ("adapter", "discovery", "connection") for each in of(area, findings)]
    assert any("hci1 (F4:4E:FC:00:00:01) is powered off" in what for what in said)
    assert any("hci0 and hci1 have the same address" in what for what in said)
    assert any("or it is stuck" in what for what in said)
    assert any("connected to F0:00:00:00:00:01, and no keeper runs" in what for what in said)


@pytest.mark.system
@pytest.mark.asyncio
async def test_a_bus_without_bluez_and_a_bluez_that_refuses_are_problems(
    nowhere, quick, system_bus: PrivateBus, monkeypatch, scenery: Scenery
):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", system_bus.address)
    (absent,) = of("bus", await asyncio.to_thread(examine, None, scenery.machine))
    assert (absent.level, absent.cure) == (Level.PROBLEM, "start it: sudo systemctl start bluetooth")
    bluez = FakeBluez()
    await bluez.start()
    bluez.script("GetManagedObjects", Step(refuse="org.freedesktop.DBus.Error.AccessDenied", text="Rejected"))
    (refused,) = of("bus", await asyncio.to_thread(examine, None, scenery.machine))
    assert (refused.level, refused.cure) == (Level.PROBLEM, "add it to the group bluetooth")
    await bluez.crash()


@pytest.mark.system
def test_what_a_running_keeper_is_connected_to_is_asked(tmp_path):
    with running_home(tmp_path) as home:
        settings = load_settings(home.settings)
        assert "connected" not in (kept_connections(settings) or {}).values()
        assert home.ask("read", "lounge", "2a19").returncode in (0, 1)
        assert (kept_connections(settings) or {})["F0:00:00:00:00:01"] == "connected"
    assert kept_connections(settings) is None
