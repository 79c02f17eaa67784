"""Who is meant: addresses of remote devices and of our own adapters.

Knows how an address is spelled. Does not know whether anything answers there.
"""

import re
from enum import Enum
from functools import lru_cache
from types import MappingProxyType

from msgspec import Struct


class AddressKind(Enum):
    """How the 48 bits were chosen (Core Specification, Vol 6, Part B, 1.3)."""

    PUBLIC = "public"
    RANDOM = "random"
    ANY = "any"  # the stack knows, or has only one of them in sight


_KINDS = MappingProxyType({kind.value: kind for kind in (AddressKind.PUBLIC, AddressKind.RANDOM)})
_MAC = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
_PLATFORM_UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")  # macOS hides the address


class DeviceAddress(Struct, frozen=True, kw_only=True, order=True):
    """A remote device's address: six upper-case hex pairs, or the UUID macOS gives instead.

    Of every 48 bits there are two addresses, a public and a random one, and they may be those of two devices.
    """

    value: str
    kind: AddressKind = AddressKind.ANY

    def __str__(self) -> str:
        return self.value

    @property
    def spelled(self) -> str:
        """As `parse_address` reads it back, its kind included where that is known: F0:00:00:00:00:01/random."""
        return self.value if self.kind is AddressKind.ANY else f"{self.value}/{self.kind.value}"

    @property
    def rotates(self) -> bool:
        """Whether it has the form of a resolvable private address, which its device changes every few minutes.

        A public address may look the same (Core Specification, Vol 6, Part B, 1.3.2.2).
        """
        may_be = self.kind is not AddressKind.PUBLIC and bool(_MAC.fullmatch(self.value))
        return may_be and int(self.value[:2], 16) >> 6 == 1

    def overlaps(self, other: "DeviceAddress") -> bool:
        """Whether both may be the same device's."""
        kinds = (self.kind, other.kind)
        return self.value == other.value and (self.kind is other.kind or AddressKind.ANY in kinds)


@lru_cache(maxsize=1024)
def parse_address(text: str, kind: AddressKind = AddressKind.ANY) -> DeviceAddress:
    """Read an address as people write it (`aa:bb:…`, `AA-BB-…`), with its kind or without (`aa:bb:…/public`).

    Raises ValueError with a sentence that says what an address looks like.
    """
    value, slash, said = text.strip().partition("/")
    value = value.upper()
    if _PLATFORM_UUID.fullmatch(value) and not slash:
        return DeviceAddress(value=value, kind=kind)
    value = value.replace("-", ":")
    if not _MAC.fullmatch(value) or (slash and said.lower() not in _KINDS):
        message = f"{text!r} is not a Bluetooth address: six hex pairs are expected, as in F0:00:00:00:00:01"
        if slash:
            message += ", with /public or /random behind them"
        raise ValueError(message)
    return DeviceAddress(value=value, kind=_KINDS[said.lower()] if slash else kind)


def looks_like_address(text: str) -> bool:
    """Whether `parse_address` would take it."""
    try:
        parse_address(text)
    except ValueError:
        return False
    return True
