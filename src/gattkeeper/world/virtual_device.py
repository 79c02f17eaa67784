"""A remote device in software: its attributes, what it does when they are used, and its own log.

Knows GATT and time only. Which radio or link carries it is its host's business: the host calls
`read`, `write`, `connected` and `disconnected`, and sets `notify`.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX, Property, normal_uuid
from gattkeeper.model.identity import AddressKind, DeviceAddress, parse_address

READ_NOT_PERMITTED = 0x02
WRITE_NOT_PERMITTED = 0x03
REQUEST_NOT_SUPPORTED = 0x06
PREPARE_QUEUE_FULL = 0x09
INVALID_ATTRIBUTE_LENGTH = 0x0D
VALUE_NOT_ALLOWED = 0x13
"""ATT error codes a device answers with (Core Specification, Vol 3, Part F, 3.4.1.1)."""

_STATIC_BITS = 0xC0  # the two highest bits of a random static address are ones (Vol 6, Part B, 1.3.2.1)


class AttError(Exception):
    """The device refuses; `code` is the ATT error code of its answer."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the device answers with ATT error {code:#04x}")
        self.code = code


class Applied(Struct, frozen=True, kw_only=True):
    """One write that reached a device and was accepted by it."""

    at_s: float  # the running loop's time
    device: str  # its name
    characteristic: str  # UUID, in full
    payload: bytes


class Advertised(Struct, frozen=True, kw_only=True):
    """What a device tells everybody beside its name and its services."""

    manufacturer_data: dict[int, bytes] = {}  # by company number
    service_data: dict[str, bytes] = {}  # by UUID, in full
    tx_power_dbm: int | None = None


class VirtualCharacteristic:
    """A characteristic of a virtual device.

    An `encrypted` one is closed until its central has paired (ATT error 0x0F). `on_read` gives the value
    instead of the stored one. `on_write` gets each payload before it is stored and acts on it. Either may
    raise AttError.
    """

    def __init__(
        self,
        uuid: str,
        properties: Property,
        value: bytes = b"",
        *,
        encrypted: bool = False,
        on_read: Callable[[], bytes] | None = None,
        on_write: Callable[[bytes], None] | None = None,
    ) -> None:
        self.uuid = normal_uuid(uuid)
        self.properties = properties
        self.value = value
        self.encrypted = encrypted
        self.on_read = on_read
        self.on_write = on_write


class VirtualService:
    """A primary service of a virtual device."""

    def __init__(self, uuid: str, characteristics: tuple[VirtualCharacteristic, ...]) -> None:
        self.uuid = normal_uuid(uuid)
        self.characteristics = characteristics


class VirtualDevice:
    """A remote device: what it is called, what it offers, and what really happened to it.

    `applied` is the device's own log, independent of everything on our side of the radio: every
    accepted write, in order. `applied_sink` gets each entry at once, before the write is answered.
    `services` may be replaced; hosts look at it when they build an attribute table. With `database_hash` the
    table also has that hash of itself, by which a central knows it again; on a simulated link nobody asks for it.

    `att_mtu_max` is the longest ATT PDU it takes, in bytes, and `prepared_writes_max` how many prepared parts it
    keeps for each connection: 0 when it does not know prepared writes at all.

    `key_size_max` is how long a key it agrees to when it is paired, 7 to 16 bytes; no simulated link asks.
    `local_name` is what it calls itself on the air: its name unless told. Others may call themselves the same.
    An advertisement on a radio has 31 bytes: what of name, first service and `advertised` has no room is not sent.

    Raises ValueError when `address` is random by its `kind`, and not static.
    """

    def __init__(
        self,
        name: str,
        address: str,
        services: tuple[VirtualService, ...],
        *,
        database_hash: bool = True,
        kind: AddressKind = AddressKind.RANDOM,
        local_name: str = "",
        advertised: Advertised | None = None,
        key_size_max: int = 16,
        att_mtu_max: int = 517,
        prepared_writes_max: int = 64,
        on_disconnected: Callable[[], None] = lambda: None,
        applied_sink: Callable[[Applied], None] = lambda _applied: None,
    ) -> None:
        self.name = name
        self.local_name = local_name or name
        self.advertised = advertised or Advertised()
        self.address = _lasting_address(address, kind)
        self.services = services
        self.database_hash = database_hash
        self.key_size_max = key_size_max
        self.att_mtu_max = att_mtu_max
        self.prepared_writes_max = prepared_writes_max
        self.applied: list[Applied] = []
        self.notify: Callable[[VirtualCharacteristic, bytes], None] = lambda _characteristic, _payload: None
        self.connections = 0  # since the device exists
        self.held = 0  # connections that are up, by whatever adapter: while there is one, it does not advertise
        self._on_disconnected = on_disconnected
        self._applied_sink = applied_sink

    def characteristic(self, uuid: str) -> VirtualCharacteristic:
        """The first characteristic with this UUID. Raises KeyError when there is none."""
        wanted = normal_uuid(uuid)
        for service in self.services:
            for characteristic in service.characteristics:
                if characteristic.uuid == wanted:
                    return characteristic
        raise KeyError(f"{self.name} has no characteristic {uuid}")

    def read(self, characteristic: VirtualCharacteristic) -> bytes:
        """The value of a characteristic. Raises AttError when the device refuses."""
        if not characteristic.properties & Property.READ:
            raise AttError(READ_NOT_PERMITTED)
        return characteristic.value if characteristic.on_read is None else characteristic.on_read()

    def write(self, characteristic: VirtualCharacteristic, payload: bytes) -> None:
        """Apply a write and log it, or raise AttError and change nothing."""
        if not characteristic.properties & (Property.WRITE | Property.WRITE_WITHOUT_RESPONSE):
            raise AttError(WRITE_NOT_PERMITTED)
        if len(payload) > ATTRIBUTE_LENGTH_MAX:
            raise AttError(INVALID_ATTRIBUTE_LENGTH)
        payload = bytes(payload)
        if characteristic.on_write is not None:
            characteristic.on_write(payload)
        characteristic.value = payload
        now = asyncio.get_running_loop().time()
        applied = Applied(at_s=now, device=self.name, characteristic=characteristic.uuid, payload=payload)
        self.applied.append(applied)
        self._applied_sink(applied)

    def connected(self) -> None:
        """The host says that a central connected."""
        self.connections += 1
        self.held += 1

    def disconnected(self) -> None:
        """The host says that the connection is down."""
        self.held -= 1
        self._on_disconnected()


class AppliedFile:
    """Writes applied entries to a file, one JSON line each; call it as an `applied_sink`.

    A line is one write(2) on a file opened for appending: it is with the kernel before the device
    answers, so it survives the end of this process, however sudden. It is not synced to the disk.
    Payloads are base64; `msgspec.json.decode(line, type=Applied)` reads a line back.

    Raises OSError when the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def __call__(self, applied: Applied) -> None:
        """Append one line."""
        os.write(self._descriptor, msgspec.json.encode(applied) + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _lasting_address(text: str, kind: AddressKind) -> DeviceAddress:
    """The address, if it is public, or its bits make it a random static one."""
    address = parse_address(text, kind)
    if kind is AddressKind.PUBLIC:
        return address
    if "-" in address.value or int(address.value[:2], 16) & _STATIC_BITS != _STATIC_BITS:
        message = f"{text!r} is not a random static address: the first byte has to be C0 or more"
        raise ValueError(message)
    return address
