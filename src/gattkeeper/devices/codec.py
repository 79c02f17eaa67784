"""Payload templates: text to parts, a value to bytes, bytes to a value.

Knows the layout of payloads, and nothing about devices or their connections. Pure functions.
"""

import re
from collections.abc import Iterator
from typing import Literal

from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX
from gattkeeper.model.profile import Part, PartKind, Template

_TOKEN = re.compile(r"(?P<hex>[0-9a-fA-F]{2})|\{(?P<kind>[a-z0-9]+)(:(?P<start>[0-9]{1,3}))?\}|(?P<gap>\s+)")
_CHECKSUMS = (PartKind.XOR, PartKind.SUM)
_TOKEN_LENGTH = 4
_NUMBER = re.compile(r"[ui](8|16|24|32)(le|be)?")


def parse_template(text: str) -> Template:
    """Read a template as people write it: hex bytes, and placeholders such as {u8} or {xor:4}.

    Raises ValueError with a sentence that says what is wrong.
    """
    parts: list[Part] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            message = f"{text[position : position + 12]!r} is neither a hex byte (0a) nor a placeholder ({{u8}})"
            raise ValueError(message)
        position = token.end()
        if not token["gap"]:
            parts.append(_part(token))
    if not parts:
        message = "a template needs at least one byte"
        raise ValueError(message)
    if len(parts) > ATTRIBUTE_LENGTH_MAX:
        message = (
            f"a template of {len(parts)} parts is longer than any attribute: {ATTRIBUTE_LENGTH_MAX} is the limit"
        )
        raise ValueError(message)
    return Template(text=text, parts=tuple(parts))


def _part(token: re.Match[str]) -> Part:
    if token["hex"]:
        return Part(kind=PartKind.LITERAL, literal=bytes.fromhex(token["hex"]))
    known = [kind.value for kind in PartKind if kind is not PartKind.LITERAL]
    if token["kind"] not in known:
        message = f"{token[0]} is no placeholder: there are {', '.join(known)}"
        raise ValueError(message)
    kind = PartKind(token["kind"])
    if token["start"] is not None and kind not in _CHECKSUMS:
        message = f"{token[0]}: only the checksums xor and sum have a first byte to start at"
        raise ValueError(message)
    return Part(kind=kind, start=int(token["start"] or 0))


def values_of(template: Template) -> list[PartKind]:
    """The kinds of the places that carry a value, in their order."""
    return [part.kind for part in template.parts if _carries_value(part.kind)]


def is_number(kind: PartKind) -> bool:
    """Whether this place carries a number."""
    return _NUMBER.fullmatch(kind.value) is not None


def tokens(after: int) -> Iterator[int]:
    """Numbers for {token}, one after the other: none twice in 2**32 - 1, and never 0, which means none.

    Start after a number from dice, so that a device does not still show one of an earlier run.
    """
    while True:
        after = after % (2 ** (8 * _TOKEN_LENGTH) - 1) + 1
        yield after


def has_token(template: Template) -> bool:
    """Whether the template has a place for the number that no other command has."""
    return any(part.kind is PartKind.TOKEN for part in template.parts)


def encode(template: Template, value: int | bytes | None, token: int = 0) -> bytes:
    """The payload with `value` in its places: an int for numbers, bytes for {bytes}, None for neither.

    `token` is a number of 32 bits, 0 for none. Raises ValueError when the value does not fit, or a token is needed
    and there is none.
    """
    payload = b""
    for part in template.parts:
        payload += _encode_part(part, value, payload, token)
    return payload


def _encode_part(part: Part, value: int | bytes | None, before: bytes, token: int) -> bytes:
    if part.kind is PartKind.LITERAL:
        return part.literal
    if part.kind is PartKind.TOKEN and token:
        return token.to_bytes(_TOKEN_LENGTH, "big")
    if part.kind in _CHECKSUMS:
        return _checksum(part, before)
    if part.kind is PartKind.BYTES and isinstance(value, bytes):
        return value
    if is_number(part.kind) and isinstance(value, int):
        width, order, signed = _layout(part.kind)
        try:
            return value.to_bytes(width, order, signed=signed)
        except OverflowError:
            message = f"{value} does not fit into {part.kind.value}"
            raise ValueError(message) from None
    message = f"{{{part.kind.value}}} cannot carry {'nothing' if value is None else type(value).__name__}"
    raise ValueError(message)


def decode(template: Template, payload: bytes) -> int | bytes | str | None:
    """The value in a payload; None when the template has no place for one. Bytes that follow are ignored.

    Raises ValueError when the payload is shorter than the template or differs from its literals.
    """
    value: int | bytes | str | None = None
    position = 0
    for part in template.parts:
        width = _width(part, len(payload) - position)
        piece = payload[position : position + width]
        if len(piece) < width or (part.kind is PartKind.LITERAL and piece != part.literal):
            message = f"{payload.hex(' ')!r} does not have the form {template.text!r}"
            raise ValueError(message)
        if part.kind in _CHECKSUMS and piece != _checksum(part, payload[:position]):
            message = f"{payload.hex(' ')!r} has a wrong checksum for {template.text!r}"
            raise ValueError(message)
        if _carries_value(part.kind):
            value = _decode_value(part.kind, piece)
        position += width
    return value


def _decode_value(kind: PartKind, piece: bytes) -> int | bytes | str:
    if kind is PartKind.BYTES:
        return piece
    if kind is PartKind.TEXT:
        return piece.rstrip(
            b"\x00"
        ).decode()  # some devices fill up with zeros; UnicodeDecodeError is a ValueError
    _, order, signed = _layout(kind)
    return int.from_bytes(piece, order, signed=signed)


def _carries_value(kind: PartKind) -> bool:
    return is_number(kind) or kind in (PartKind.BYTES, PartKind.TEXT)


def _width(part: Part, left: int) -> int:
    if part.kind is PartKind.LITERAL:
        return len(part.literal)
    if part.kind in (PartKind.BYTES, PartKind.TEXT):
        return left
    return _layout(part.kind)[0] if is_number(part.kind) else 1


def _layout(kind: PartKind) -> tuple[int, Literal["little", "big"], bool]:
    """Width in bytes, byte order, signed: what the name of the number says."""
    name = kind.value
    return int(name[1:].rstrip("lbe")) // 8, "big" if name.endswith("be") else "little", name.startswith("i")


def _checksum(part: Part, before: bytes) -> bytes:
    covered = before[part.start :]
    if part.kind is PartKind.SUM:
        return bytes([sum(covered) % 256])
    result = 0
    for byte in covered:
        result ^= byte
    return bytes([result])


def to_raw(value: float, scale: float, offset: float) -> int:
    """The number on the wire for a value of a person: `(value - offset) / scale`, rounded."""
    return round((value - offset) / scale)


def to_text(raw: int, scale: float, offset: float) -> str:
    """What a person reads for a number on the wire: `raw * scale + offset`, ten digits at most."""
    return f"{raw * scale + offset:.10g}"
