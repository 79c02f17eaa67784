"""Checkpoints: signed statements that a row of the journal had this hash at this time.

Knows their form and their signatures. The chain alone shows neither that the last rows are missing nor that all of
them were written anew; a checkpoint that is kept elsewhere shows both. When they are made stands in
`checkpointing`, whether the rows are those that were signed in `attestation`.

A checkpoint is one line of JSON. Signed (Ed25519, RFC 8032) is a MessagePack array of DOMAIN and every field from
`install_id` to `next_key`, in their order and in their shortest form. A checkpoint that names a `next_key` is the
last one of its own key: the keys are a chain too, and the oldest one vouches for all of them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import astuple

from gattkeeper.errors import StorageError
from gattkeeper.storage.ed25519 import is_signature
from gattkeeper.storage.verification import Flaw

DOMAIN = "gattkeeper checkpoint 1"
"""First in what is signed: no signature of ours means anything to another program."""

Hex32 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
"""32 bytes as hex digits: a hash, a key."""

Filled = Annotated[str, Meta(pattern="^([0-9a-f]{64}|[0-9a-f]{128})?$")]
"""What signing fills in: a public key, or a signature."""


class Checkpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The row `seq`, and so every row before it, is what led to `hash`."""

    checkpoint: Literal[1] = 1  # the number of this form
    install_id: str
    segment: int  # number of the file the row is in
    seq: int
    hash: Hex32  # of the row
    utc_us: int  # when it was signed
    mono_us: int  # the same moment; compares within one boot only
    boot_id: str
    clock_synced: bool | None
    key: Filled = ""  # the public key
    next_key: Filled = ""  # that of every checkpoint to come; empty: the same again
    signature: Filled = ""


class Signed(Struct, frozen=True, kw_only=True):
    """Checkpoints whose signatures are right."""

    checkpoints: tuple[Checkpoint, ...]  # by row
    key: str  # the public key that vouches for all of them; empty: there are none
    others: int  # lines that are something else, as a system's log has them


_DECODE = msgspec.json.Decoder(Checkpoint).decode


def signed_bytes(checkpoint: Checkpoint) -> bytes:
    """What the signature is of."""
    _form, *fields, _signature = astuple(checkpoint)
    return msgspec.msgpack.encode((DOMAIN, *fields))


def line_of(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as a file has it."""
    return msgspec.json.encode(checkpoint) + b"\n"


def checkpoint_in(line: bytes) -> Checkpoint | None:
    """The checkpoint in a line, also behind what a system's log puts before it; None where there is none.

    Raises msgspec.MsgspecError for one that is damaged.
    """
    begin = line.find(b"{")
    return _DECODE(line[begin:].rstrip()) if begin >= 0 else None


def signed_in(lines: Iterable[bytes], *, key: str = "") -> Signed | Flaw:
    """Check every signature, from the public key that is trusted on; gives the checkpoints, or the first flaw.

    Without `key` the key of the oldest checkpoint is trusted. The same checkpoint may come more than once. Raises
    StorageError where signatures cannot be checked.
    """
    others = 0
    found: dict[Checkpoint, None] = {}
    for number, line in enumerate(lines, start=1):
        try:
            checkpoint = checkpoint_in(line)
        except msgspec.MsgspecError as fault:
            return Flaw(what=f"line {number} of the checkpoints is damaged: {fault}")
        if checkpoint is not None:
            found[checkpoint] = None
        elif line.strip():
            others += 1
    by_row = sorted(found, key=lambda checkpoint: checkpoint.seq)
    first = key or (by_row[0].key if by_row else "")
    if key and not found:
        return Flaw(what="there are no checkpoints, although there is a key: they were lost or taken away")
    flaw = next((flaw for flaw in map(_flaw_of, by_row) if flaw), None) or _flaw_of_keys(by_row, first)
    return flaw or Signed(checkpoints=tuple(by_row), key=first if by_row else "", others=others)


def told(checkpoint: Checkpoint) -> str:
    """Which one it is, for people."""
    try:
        at = datetime.fromtimestamp(checkpoint.utc_us / 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        at = "no time that there is"
    return f"the checkpoint of row {checkpoint.seq} ({at})"


def _flaw_of(checkpoint: Checkpoint) -> Flaw | None:
    signature, key = bytes.fromhex(checkpoint.signature), bytes.fromhex(checkpoint.key)
    if is_signature(signature, signed_bytes(checkpoint), key):
        return None
    return Flaw(seq=checkpoint.seq, what=f"{told(checkpoint)} has a wrong signature")


def _flaw_of_keys(by_row: list[Checkpoint], first: str) -> Flaw | None:
    """Whether each key is vouched for by the one before, back to the first, and was not used after the next."""
    last_of: dict[str, Checkpoint] = {}  # by key: the checkpoint that names the next one
    for checkpoint in by_row:
        if checkpoint.key in last_of:
            what = f"{told(checkpoint)} is signed with a key that was replaced before"
            return Flaw(seq=checkpoint.seq, what=what)
        if checkpoint.next_key:
            last_of[checkpoint.key] = checkpoint
    vouched = {first}
    key = first
    while key in last_of and last_of[key].next_key not in vouched:
        key = last_of[key].next_key
        vouched.add(key)
    for checkpoint in by_row:
        if checkpoint.key not in vouched:
            what = f"{told(checkpoint)} is signed with {checkpoint.key}, for which {first} does not vouch"
            what = f"{what}: it is another keeper's, forged, or some before it are missing"
            return Flaw(seq=checkpoint.seq, what=what)
    return None


def check_key(text: str) -> str:
    """A public key as people give it. Raises StorageError for what is none."""
    key = text.strip().lower()
    try:
        return msgspec.convert(key, Hex32)
    except msgspec.ValidationError:
        raise StorageError("a public key is 64 hex digits, as `gattkeeper audit key` prints them") from None
