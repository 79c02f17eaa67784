"""GATT procedures as data.

Knows what can be asked of a device. How a stack does it stands in `links`.
"""

from enum import Enum

from msgspec import Struct

from gattkeeper.model.gatt import CharacteristicRef


class WriteMode(Enum):
    """Whether the device acknowledges a write (ATT Write Request) or not (ATT Write Command)."""

    WITH_RESPONSE = "with_response"
    WITHOUT_RESPONSE = "without_response"


class Read(Struct, frozen=True, kw_only=True, tag="read"):
    """Read a characteristic's value."""

    target: CharacteristicRef


class Write(Struct, frozen=True, kw_only=True, omit_defaults=True, tag="write"):
    """Write a characteristic's value."""

    target: CharacteristicRef
    payload: bytes
    mode: WriteMode = WriteMode.WITH_RESPONSE


class ReadDescriptor(Struct, frozen=True, kw_only=True, tag="read_descriptor"):
    """Read a descriptor of a characteristic."""

    target: CharacteristicRef
    descriptor: str


class WriteDescriptor(Struct, frozen=True, kw_only=True, tag="write_descriptor"):
    """Write a descriptor of a characteristic. The CCCD (2902) is left to Subscribe."""

    target: CharacteristicRef
    descriptor: str
    payload: bytes


class Subscribe(Struct, frozen=True, kw_only=True, tag="subscribe"):
    """Register for a characteristic's notifications or indications and enable them at the device."""

    target: CharacteristicRef


class Unsubscribe(Struct, frozen=True, kw_only=True, tag="unsubscribe"):
    """Undo Subscribe."""

    target: CharacteristicRef


class RequestMtu(Struct, frozen=True, kw_only=True, tag="request_mtu"):
    """Ask for a larger ATT_MTU; the answer's value is the one agreed on, in bytes."""

    att_mtu: int = 517


class ReadRssi(Struct, frozen=True, kw_only=True, tag="read_rssi"):
    """Read the signal strength of the connection; the answer's value is in dBm."""


class DiscoverServices(Struct, frozen=True, kw_only=True, tag="discover_services"):
    """Discover the attribute table anew; the answer's value is the services."""


class Pair(Struct, frozen=True, kw_only=True, tag="pair"):
    """Pair with the device, so that later operations are encrypted."""


class Connect(Struct, frozen=True, kw_only=True, tag="connect"):
    """Bring the connection up, nothing more."""


class Disconnect(Struct, frozen=True, kw_only=True, tag="disconnect"):
    """Cancel what waits for the device and take the connection down. Needs no place in the queue."""


Operation = (
    Read
    | Write
    | ReadDescriptor
    | WriteDescriptor
    | Subscribe
    | Unsubscribe
    | RequestMtu
    | ReadRssi
    | DiscoverServices
    | Pair
    | Connect
    | Disconnect
)


_STATE_CHANGING: frozenset[type] = frozenset({Write, WriteDescriptor})
_ONCE_ONLY: frozenset[type] = frozenset({Write, WriteDescriptor, Pair})


def changes_state(operation: Operation) -> bool:
    """Whether it can change what the device does: such operations a stop and a latch hold back."""
    return type(operation) in _STATE_CHANGING


def is_idempotent(operation: Operation) -> bool:
    """Whether doing it twice is the same as once, whatever the device."""
    return type(operation) not in _ONCE_ONLY


def kind_of(operation: Operation) -> str:
    """The operation's name on the wire, in the journal and in the settings."""
    return str(operation.__struct_config__.tag)
