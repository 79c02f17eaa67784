"""The scripted BlueZ for the tests of the Bleak link."""

from fake_bluez.fixtures import bluez, device, link, system_bus

__all__ = ["bluez", "device", "link", "system_bus"]
