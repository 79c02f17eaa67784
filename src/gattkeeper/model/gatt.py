"""Attributes of a device: services, characteristics, descriptors, and how callers point at them.

Knows names and numbers only. Whether a device has such an attribute is for its link to say.
"""

import hashlib
import re
from enum import Flag

import msgspec
from msgspec import Struct

ATT_MTU_DEFAULT = 23
"""ATT_MTU before any exchange, in bytes (Core Specification, Vol 3, Part G, 5.2.1)."""

ATTRIBUTE_LENGTH_MAX = 512
"""Longest attribute value, in bytes (Core Specification, Vol 3, Part F, 3.2.9)."""

_BASE_UUID = "0000{}-0000-1000-8000-00805f9b34fb"
_SHORT = re.compile(r"[0-9a-f]{4}")
_LONG = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Property(Flag):
    """What a characteristic allows; the bit values of its declaration (Vol 3, Part G, 3.3.1.1)."""

    BROADCAST = 0x01
    READ = 0x02
    WRITE_WITHOUT_RESPONSE = 0x04
    WRITE = 0x08
    NOTIFY = 0x10
    INDICATE = 0x20
    AUTHENTICATED_SIGNED_WRITES = 0x40
    EXTENDED_PROPERTIES = 0x80  # more of them in a descriptor


class CharacteristicRef(Struct, frozen=True, kw_only=True, omit_defaults=True, order=True):
    """How a caller points at a characteristic: by UUID, by (service, UUID), or by handle.

    UUIDs are kept lower-case and 128 bits long. A handle is good for one attribute table only.
    """

    uuid: str = ""
    service: str = ""
    handle: int = 0

    def __str__(self) -> str:
        return short_uuid(self.uuid) if self.uuid else f"handle {self.handle:#06x}"


class Descriptor(Struct, frozen=True, kw_only=True):
    """A descriptor as discovered."""

    uuid: str
    handle: int


class Characteristic(Struct, frozen=True, kw_only=True):
    """A characteristic as discovered; `handle` is that of its value."""

    uuid: str
    service: str
    handle: int
    properties: int  # bits of Property
    descriptors: tuple[Descriptor, ...] = ()

    def allows(self, wanted: Property) -> bool:
        """Whether the declaration carries this property."""
        return bool(self.properties & wanted.value)


class Service(Struct, frozen=True, kw_only=True):
    """A primary service as discovered."""

    uuid: str
    handle: int
    characteristics: tuple[Characteristic, ...] = ()


def normal_uuid(text: str) -> str:
    """Spell a UUID in full: `2a19` and `0x2A19` become 00002a19-0000-1000-8000-00805f9b34fb.

    Raises ValueError with a sentence that says what a UUID looks like.
    """
    value = text.strip().lower().removeprefix("0x")
    if _SHORT.fullmatch(value):
        return _BASE_UUID.format(value)
    if _LONG.fullmatch(value):
        return value
    message = f"{text!r} is not a UUID: four hex digits (2a19) or 128 bits with dashes are expected"
    raise ValueError(message)


def short_uuid(uuid: str) -> str:
    """The four digits of a UUID on the Bluetooth base, else the UUID whole: for people to read."""
    return uuid[4:8] if uuid == _BASE_UUID.format(uuid[4:8]) else uuid


def characteristic_ref(pointer: "str | int | tuple[str, str] | CharacteristicRef") -> CharacteristicRef:
    """Read what the library takes for a characteristic: "2a19", ("180f", "2a19"), or a handle.

    Raises ValueError for anything else.
    """
    if isinstance(pointer, CharacteristicRef):
        return pointer
    if isinstance(pointer, tuple):
        service, uuid = pointer
        return CharacteristicRef(uuid=normal_uuid(uuid), service=normal_uuid(service))
    if isinstance(pointer, str):
        return CharacteristicRef(uuid=normal_uuid(pointer))
    if isinstance(pointer, bool) or not 0 < pointer <= 0xFFFF:
        message = f"{pointer!r} is not an attribute handle: 1 to 65535 is expected"
        raise ValueError(message)
    return CharacteristicRef(handle=pointer)


def find_characteristics(services: tuple[Service, ...], ref: CharacteristicRef) -> list[Characteristic]:
    """Every characteristic the reference fits; more than one means that it is ambiguous."""
    return [
        characteristic
        for service in services
        for characteristic in service.characteristics
        if matches(ref, characteristic)
    ]


def table_digest(services: tuple[Service, ...]) -> str:
    """Sixteen hex digits that tell one attribute table from another: UUIDs, handles and properties count."""
    return hashlib.sha256(msgspec.json.encode(services)).hexdigest()[:16]


def matches(ref: CharacteristicRef, characteristic: Characteristic) -> bool:
    """Whether this is a characteristic the reference points at."""
    if ref.handle:
        return ref.handle == characteristic.handle
    return ref.uuid == characteristic.uuid and ref.service in ("", characteristic.service)
