"""A record as a row of the journal's table, and back.

Knows columns and the JSON in them. When a row is written, and in which order, stands in `writer`.
"""

from collections.abc import Callable, Iterable
from typing import get_args

import msgspec
from msgspec import Struct

from gattkeeper.errors import StorageError
from gattkeeper.model.record import Accepted, Record, command_of

COLUMNS = (
    "seq",
    "kind",
    "command_id",
    "device",
    "idempotency_key",
    "utc_us",
    "mono_us",
    "boot_id",
    "clock_synced",
    "body",
    "hash",
)
"""Of a row, in the order of its table and of what is hashed."""

COLUMN_LIST = ", ".join(COLUMNS)

INSERT = f"INSERT INTO journal ({COLUMN_LIST}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - ours

_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)

_TAGS: dict[type, str] = {kind: str(kind.__struct_config__.tag) for kind in get_args(Record)}
"""Kept, because msgspec makes a new description of a struct each time it is asked for one."""

OnDurable = Callable[[StorageError | None], None]
"""Told that a row is durable, or why it is not."""

Columns = tuple[str, str | None, str | None, str | None, int, int, str, int | None, bytes]
"""What INSERT takes between `seq` and `hash`."""


class Appended(Struct, frozen=True, kw_only=True):
    """A record on its way to the disk, with the moment at which it was appended."""

    record: Record
    utc_us: int
    mono_us: int
    boot_id: str
    clock_synced: bool | None
    on_durable: OnDurable | None


def columns_of(appended: Appended) -> Columns:
    """The row's columns between `seq` and `hash`. Raises UnicodeEncodeError for text that UTF-8 cannot hold."""
    record = appended.record
    command = record.command if isinstance(record, Accepted) else None
    return (
        _TAGS[type(record)],
        command_of(record) or None,
        command.device if command else None,
        (command.idempotency_key or None) if command else None,
        appended.utc_us,
        appended.mono_us,
        appended.boot_id,
        None if appended.clock_synced is None else int(appended.clock_synced),
        msgspec.json.encode(record),
    )


def records_in(rows: Iterable[tuple[int, bytes]]) -> list[Record]:
    """The records of (seq, body) pairs. Raises StorageError, naming the row, for a body that is none."""
    return [_record_in(seq, body) for seq, body in rows]


def _record_in(seq: int, body: bytes) -> Record:
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError as fault:
        raise StorageError(f"row {seq} of the journal is damaged: {fault}") from fault
