"""How the scripted BlueZ says no: D-Bus errors, and what it makes of ATT's.

Knows names and texts.
"""

BLUEZ_ERROR = "org.bluez.Error."


class Refused(Exception):
    """Answer with this D-Bus error: name, text."""


def att_refusal(code: int) -> tuple[str, str]:
    """Name and text that BlueZ makes of an ATT error (create_gatt_dbus_error in its gatt-client.c)."""
    special = {
        0x02: ("NotPermitted", "Read not permitted"),
        0x03: ("NotPermitted", "Write not permitted"),
        0x05: ("NotPermitted", "Not paired"),
        0x06: ("NotSupported", "Operation is not supported"),
        0x07: ("InvalidArguments", "Invalid offset"),
        0x08: ("NotAuthorized", "Operation Not Authorized"),
        0x0C: ("NotPermitted", "Not paired"),
        0x0D: ("InvalidArguments", "Invalid Length"),
        0x0F: ("NotPermitted", "Not paired"),
    }
    name, text = special.get(code, ("Failed", f"Operation failed with ATT error: {code:#04x}"))
    return BLUEZ_ERROR + name, text
