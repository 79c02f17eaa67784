"""rfkill, the bus of an adapter, USB 3 beside it, and a container's fence."""

from pathlib import Path

import pytest
from scenery import Scenery, levels, told

from gattkeeper.daemon.doctor.findings import Level
from gattkeeper.daemon.doctor.surroundings import (
    bus_of,
    look_at_adapters,
    look_at_confinement,
    look_at_links,
    look_at_rfkill,
)

USB = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-4"


def switch(scenery: Scenery, number: int, kind: str, name: str, *, soft: int = 0, hard: int = 0) -> None:
    for file, text in (("type", kind), ("name", name), ("soft", str(soft)), ("hard", str(hard))):
        scenery.file(f"sys/class/rfkill/rfkill{number}/{file}", f"{text}\n")


def usb_adapter(scenery: Scenery) -> None:
    scenery.link("sys/class/bluetooth/hci0", f"{USB}/1-4:1.0/bluetooth/hci0")
    scenery.file(f"{USB[1:]}/idVendor", "0bda\n")
    scenery.file(f"{USB[1:]}/product", "Bluetooth Radio\n")


def usb_device(scenery: Scenery, name: str, speed: str, product: str, device_class: str = "00") -> None:
    for file, text in (("speed", speed), ("product", product), ("bDeviceClass", device_class)):
        scenery.file(f"sys/bus/usb/devices/{name}/{file}", f"{text}\n")


def test_rfkill_tells_a_key_from_a_block_by_software_and_minds_only_bluetooth(scenery: Scenery):
    assert levels(look_at_rfkill(scenery.machine)) == [Level.OK]
    switch(scenery, 0, "wlan", "phy0", soft=1, hard=1)
    assert levels(look_at_rfkill(scenery.machine)) == [Level.OK]
    switch(scenery, 1, "bluetooth", "hci0", soft=1)
    assert "rfkill unblock bluetooth" in told(look_at_rfkill(scenery.machine))
    switch(scenery, 1, "bluetooth", "hci0", soft=1, hard=1)
    (finding,) = look_at_rfkill(scenery.machine)
    assert finding.level is Level.PROBLEM
    assert "software cannot" in finding.cure


def test_a_machine_without_an_adapter_is_told(scenery: Scenery):
    assert levels(look_at_adapters(scenery.machine)) == [Level.WARNING]


def test_a_usb_adapter_is_known_by_its_product(scenery: Scenery):
    usb_adapter(scenery)
    usb_device(scenery, "usb2", "5000", "xHCI Host Controller", "09")
    usb_device(scenery, "1-4", "12", "Bluetooth Radio", "e0")
    (finding,) = look_at_adapters(scenery.machine)
    assert (finding.level, finding.what) == (Level.OK, "hci0 is on USB (Bluetooth Radio)")


def test_a_usb_3_device_beside_a_usb_adapter_is_told(scenery: Scenery):
    usb_adapter(scenery)
    usb_device(scenery, "2-1", "5000", "Ultra Fit")
    _, hint = look_at_adapters(scenery.machine)
    assert hint.level is Level.NOTE
    assert "Ultra Fit" in hint.what
    assert "extension cable" in hint.cure


@pytest.mark.parametrize(
    ("place", "bus"),
    [
        ("platform/soc/3f201000.serial/serial0/serial0-0/bluetooth/hci0", "a serial line (UART)"),
        ("platform/soc/fe300000.mmcnr/mmc_host/mmc1/mmc1:0001/mmc1:0001:3/bluetooth/hci0", "SDIO"),
        ("virtual/bluetooth/hci0", "no bus: it is a virtual one"),
        ("pci0000:00/0000:00:01.0/bluetooth/hci0", "a bus not known here"),
    ],
)
def test_other_buses_are_told_apart(place, bus):
    assert bus_of(Path("/sys/devices") / place) == bus


def test_a_serial_adapter_is_not_disturbed_by_usb_3(scenery: Scenery):
    scenery.link("sys/class/bluetooth/hci0", "/sys/devices/platform/soc/serial0/serial0-0/bluetooth/hci0")
    usb_device(scenery, "2-1", "5000", "Ultra Fit")
    assert levels(look_at_adapters(scenery.machine)) == [Level.OK]


def test_an_adapter_of_usb_without_a_product_is_still_usb(scenery: Scenery):
    usb_adapter(scenery)
    (scenery.root / USB[1:] / "product").unlink()
    assert "hci0 is on USB |" in told(look_at_adapters(scenery.machine))


def test_connections_of_the_kernel_are_counted_by_adapter(scenery: Scenery):
    for name in ("hci0", "hci0:64", "hci0:65", "hci1"):
        scenery.file(f"sys/class/bluetooth/{name}/uevent", "")
    assert look_at_links(scenery.machine) == {"hci0": 2, "hci1": 0}


@pytest.mark.parametrize(
    ("profile", "level"),
    [
        ("docker-default (enforce)\n", Level.PROBLEM),
        ("home-assistant (enforce)\n", Level.WARNING),
        ("docker-default (complain)\n", Level.OK),
        ("unconfined\n", Level.OK),
    ],
)
def test_a_container_confined_by_apparmor_is_told(scenery: Scenery, profile, level):
    scenery.file(".dockerenv", "")
    scenery.file("proc/self/attr/current", profile)
    (finding,) = look_at_confinement(scenery.machine)
    assert finding.level is level
    assert ("apparmor=unconfined" in finding.cure) is (level is not Level.OK)


@pytest.mark.parametrize("context", ["kernel\0", "system_u:system_r:container_t:s0:c1,c2\0"])
def test_what_selinux_says_in_the_same_place_is_not_taken_for_apparmor(scenery: Scenery, context):
    scenery.file(".dockerenv", "")
    scenery.file("proc/self/attr/current", context)
    assert levels(look_at_confinement(scenery.machine)) == [Level.OK]


def test_outside_of_containers_and_without_apparmor_nothing_is_told(scenery: Scenery):
    scenery.file("proc/self/attr/current", "/usr/bin/gattkeeper (enforce)\n")
    assert told(look_at_confinement(scenery.machine)) == "not in a container | "
    (scenery.root / "proc/self/attr/current").unlink()
    scenery.file("run/.containerenv", "")
    assert levels(look_at_confinement(scenery.machine)) == [Level.OK]
