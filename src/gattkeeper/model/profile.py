"""What a device can be asked to do, in its own bytes: its profile.

Knows actions, arguments and payload templates as data. How a profile is read from a file, and how
a template becomes bytes, stands in `devices`. Lengths of time are seconds, as their author wrote them.
"""

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from gattkeeper.model.command import DEADLINE_US_MAX, Priority
from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX, CharacteristicRef
from gattkeeper.model.operation import WriteMode
from gattkeeper.model.security import SecurityLevel

Seconds = Annotated[float, Meta(gt=0, le=DEADLINE_US_MAX / 1_000_000)]
"""A length of time that is more than nothing and at most a day."""

INTEGER_MAX = 2**32 - 1
"""Largest whole number an argument may be: what the widest placeholder carries."""


class PartKind(Enum):
    """What stands at one place of a payload. Numbers are named by sign, bits and byte order."""

    LITERAL = "literal"  # these very bytes
    U8 = "u8"
    I8 = "i8"
    U16LE = "u16le"
    U16BE = "u16be"
    I16LE = "i16le"
    I16BE = "i16be"
    U24LE = "u24le"
    U24BE = "u24be"
    U32LE = "u32le"
    U32BE = "u32be"
    I32LE = "i32le"
    I32BE = "i32be"
    BYTES = "bytes"  # the argument's bytes; when decoding, all that follows
    TEXT = "text"  # UTF-8 up to the end; only when decoding
    TOKEN = "token"  # noqa: S105 - four bytes, big end first, that no other command carries; only in writes
    ANY = "any"  # one byte that does not matter; only when decoding
    XOR = "xor"  # checksum: every byte from `start` up to here, exclusive-or
    SUM = "sum"  # checksum: every byte from `start` up to here, added, modulo 256


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One place of a payload. `literal` belongs to LITERAL, `start` (a byte index) to XOR and SUM."""

    kind: PartKind
    literal: bytes = b""
    start: int = 0


class Template(Struct, frozen=True, kw_only=True):
    """How a payload is laid out. `text` is what its author wrote: "00 ff 9a 0d 01 {u8} {xor:2}"."""

    text: str
    parts: tuple[Part, ...]


class Integer(Struct, frozen=True, kw_only=True, tag_field="type", tag="integer"):
    """A whole number from `min` to `max`, both included."""

    min: Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    max: Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]


class Number(Struct, frozen=True, kw_only=True, tag_field="type", tag="number"):
    """A number from `min` to `max`, both included."""

    min: float
    max: float


class Choice(Struct, frozen=True, kw_only=True, tag_field="type", tag="choice"):
    """One of several words, each with the number that goes into the payload."""

    values: Annotated[dict[str, int], Meta(min_length=1)]


class Raw(Struct, frozen=True, kw_only=True, tag_field="type", tag="bytes"):
    """Bytes, given as hex digits: one at least."""

    length_max: Annotated[int, Meta(ge=1, le=ATTRIBUTE_LENGTH_MAX)] = ATTRIBUTE_LENGTH_MAX


Argument = Integer | Number | Choice | Raw


class ReadBackRule(Struct, frozen=True, kw_only=True):
    """How to see that a write took effect: a read of `characteristic` starts with `equals`."""

    characteristic: CharacteristicRef
    equals: Template  # filled with the argument, as the payload is
    required: bool = False  # without it an acknowledgement is not enough
    absence: bool = False  # another value proves that the write did not take effect


class ReadAction(Struct, frozen=True, kw_only=True, tag_field="operation", tag="read"):
    """Read a characteristic. A person is shown `decoded number * scale + offset` and the unit."""

    characteristic: CharacteristicRef
    aliases: tuple[str, ...] = ()
    decode: Template | None = None  # None: shown as hex
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    priority: Priority = Priority.NORMAL
    attempt_timeout: Seconds | None = None
    deadline: Seconds | None = None


class WriteAction(Struct, frozen=True, kw_only=True, tag_field="operation", tag="write"):
    """Write a characteristic. The payload carries `(argument - offset) / scale`, rounded."""

    characteristic: CharacteristicRef
    payload: Template
    aliases: tuple[str, ...] = ()
    argument: Argument | None = None
    scale: float = 1.0
    offset: float = 0.0
    mode: WriteMode = WriteMode.WITH_RESPONSE
    setpoint: bool | str = False  # a name is shared with other actions; True is the action's own name
    idempotent: bool = False  # may be repeated after an attempt that ended unclear; a setpoint always may
    read_back: ReadBackRule | None = None
    priority: Priority = Priority.NORMAL
    attempt_timeout: Seconds | None = None
    deadline: Seconds | None = None


Action = ReadAction | WriteAction


class StopRule(Struct, frozen=True, kw_only=True):
    """The write that stops the device."""

    characteristic: CharacteristicRef
    payload: Template
    mode: WriteMode = WriteMode.WITH_RESPONSE
    may_bypass: bool = False  # may go without response, past a request that still waits for its answer


class Profile(Struct, frozen=True, kw_only=True):
    """A kind of device."""

    actions: dict[str, Action]
    security: SecurityLevel = SecurityLevel.NONE  # what a connection has to prove; a device's settings come first
    stop: StopRule | None = None  # None: an emergency stop disconnects, and the device must do the rest


def setpoint_of(name: str, action: Action) -> str:
    """The setpoint an action moves, empty for none: of those waiting for one setpoint the newest stays."""
    if isinstance(action, ReadAction) or action.setpoint is False:
        return ""
    return name if action.setpoint is True else action.setpoint
