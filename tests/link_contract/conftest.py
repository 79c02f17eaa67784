"""The scripted BlueZ for the contract of the Bleak link."""

from fake_bluez.fixtures import bluez, system_bus

__all__ = ["bluez", "system_bus"]
