"""The chain over the journal: each row carries a hash of itself and of the row before.

Knows which bytes are hashed. Who computes a chain stands in `writer`, who checks one in `verification`.

SHA-256 (FIPS 180-4) over the hash before and the row as a MessagePack array of its columns in their shortest form
(https://github.com/msgpack/msgpack/blob/master/spec.md): each value carries its type and length, so no two
different rows are the same bytes. The body counts as the bytes that are stored, not as what they mean.
"""

import hashlib
from collections.abc import Iterable

import msgspec
from msgspec import Struct

HASH_LENGTH = 32
"""Bytes of a SHA-256."""

DOMAIN = "gattkeeper journal 3"
"""First in what a segment's own hash is made of: a chain of ours is no other program's. 3 is the schema."""

NOTHING_BEFORE = bytes(HASH_LENGTH)
"""What the first segment of an installation says is before it."""

Value = int | str | bytes | None
Row = tuple[Value, ...]
"""The columns of a row but its hash, in the order of the table: seq, kind, ..., body."""

_encode = msgspec.msgpack.Encoder().encode
_sha256 = hashlib.sha256


class Segment(Struct, frozen=True, kw_only=True):
    """The beginning of a file: whose it is, and where it goes on from."""

    number: int  # from 1
    first_seq: int  # the number of the first row in it
    install_id: str  # 32 hex digits, made by chance once for each installation
    made_utc_us: int
    previous_hash: bytes = NOTHING_BEFORE  # of the last row of the segment before
    carried_hash: bytes = NOTHING_BEFORE  # over what was carried over from the segment before: see `carried`


class Head(Struct, frozen=True, kw_only=True):
    """How far a chain goes. Everything up to `seq` follows from `hash`."""

    seq: int  # of its last row; one less than `first_seq` when there is none yet
    hash: bytes


def origin(segment: Segment) -> Head:
    """Where the chain of a segment begins."""
    content = _encode(
        (
            DOMAIN,
            segment.number,
            segment.first_seq,
            segment.install_id,
            segment.made_utc_us,
            segment.previous_hash,
            segment.carried_hash,
        )
    )
    return Head(seq=segment.first_seq - 1, hash=_sha256(content).digest())


def carried(rows: Iterable[Row], keys: Iterable[Row]) -> bytes:
    """The hash of what a segment carries over: rows with their hashes, then keys, in the order of the tables."""
    last = NOTHING_BEFORE
    for row in (*rows, *keys):
        last = link(last, row)
    return last


def link(previous: bytes, row: Row) -> bytes:
    """The hash that a row carries when `previous` is that of the row before, or of the origin."""
    return _sha256(previous + _encode(row)).digest()
