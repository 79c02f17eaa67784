"""Who is meant: addresses of remote devices and of our own adapters.

Knows how an address is spelled. Does not know whether anything answers there.
"""

import re
from enum import Enum

from msgspec import Struct


class AddressKind(Enum):
    """How the 48 bits were chosen (Core Specification, Vol 6, Part B, 1.3)."""

    PUBLIC = "public"
    RANDOM = "random"
    ANY = "any"  # the stack knows, or has only one of them in sight


_MAC = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
_PLATFORM_UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")  # macOS hides the address


class DeviceAddress(Struct, frozen=True, kw_only=True, order=True):
    """A remote device's address: six upper-case hex pairs, or the UUID macOS gives instead."""

    value: str
    kind: AddressKind = AddressKind.ANY

    def __str__(self) -> str:
        return self.value


def parse_address(text: str, kind: AddressKind = AddressKind.ANY) -> DeviceAddress:
    """Read an address as people write it (`aa:bb:…`, `AA-BB-…`).

    Raises ValueError with a sentence that says what an address looks like.
    """
    value = text.strip().upper()
    if _PLATFORM_UUID.fullmatch(value):
        return DeviceAddress(value=value, kind=kind)
    value = value.replace("-", ":")
    if not _MAC.fullmatch(value):
        message = f"{text!r} is not a Bluetooth address: six hex pairs are expected, as in F0:00:00:00:00:01"
        raise ValueError(message)
    return DeviceAddress(value=value, kind=kind)


def looks_like_address(text: str) -> bool:
    """Whether `parse_address` would take it."""
    value = text.strip().upper()
    return bool(_PLATFORM_UUID.fullmatch(value) or _MAC.fullmatch(value.replace("-", ":")))
