"""Rows about no command, as people read them and as programs do.

Knows a sentence for each kind. Which rows there are is decided in `storage.event_query`.
"""

from typing import Any, assert_never

import msgspec
from msgspec import Struct

from gattkeeper.daemon.audit.moments import utc_text
from gattkeeper.fronts.cli.columns import Cell, in_columns
from gattkeeper.fronts.cli.style import GREY, YELLOW, Terminal, clean
from gattkeeper.model.command import Origin
from gattkeeper.model.record import (
    Accepted,
    Alerted,
    AttemptFailed,
    CancelAsked,
    ClockStep,
    Closed,
    Denied,
    Ended,
    FlawAccepted,
    Intended,
    Latch,
    Record,
    Recovery,
    ReprioritiseAsked,
    Resolved,
    ResumeAsked,
    SegmentDeleted,
    SettingsRead,
    Started,
    StopAsked,
    device_of,
    origin_of,
)
from gattkeeper.storage.event_query import FoundEvent

_WHAT = 3  # the column that gives way when a terminal is narrow

_KEYS_SHOWN = 5


class EventView(Struct, frozen=True, kw_only=True):
    """One row. The moment is ISO 8601 in UTC; `mono_us` compares within one boot only."""

    seq: int
    utc: str
    mono_us: int
    boot_id: str
    clock_synced: bool | None  # None: nobody knows
    kind: str
    device: str  # or the adapter of an alert; empty where it is not about one
    front: str
    principal: str
    uid: int | None
    pid: int | None
    text: str  # for people; its words may change
    body: dict[str, Any]  # the row itself


def event_view(found: FoundEvent) -> EventView:
    """The row for programs."""
    record = found.record
    origin = origin_of(record) or Origin(front="")
    return EventView(
        seq=found.seq,
        utc=utc_text(found.utc_us),
        mono_us=found.mono_us,
        boot_id=found.boot_id,
        clock_synced=found.clock_synced,
        kind=kind_of(record),
        device=device_of(record),
        front=origin.front,
        principal=origin.principal,
        uid=origin.uid,
        pid=origin.pid,
        text=event_text(record),
        body=msgspec.to_builtins(record),
    )


def kind_of(record: Record) -> str:
    """The row's kind, as its column has it."""
    return str(record.__struct_config__.tag)


def event_table(shown: list[FoundEvent], terminal: Terminal) -> list[str]:
    """A line for each row under a heading, or one that says there is none."""
    if not shown:
        return ["no such row is in the journal"]
    heading = [(word, GREY) for word in ("row", "written (UTC)", "kind", "what", "who")]
    return in_columns([heading, *map(_row, shown)], terminal, flexible=_WHAT)


def _row(found: FoundEvent) -> list[Cell]:
    record = found.record
    at = utc_text(found.utc_us).replace("T", " ").partition(".")[0]
    colour = YELLOW if isinstance(record, Latch | Alerted | Denied | StopAsked | FlawAccepted) else ""
    return [
        (str(found.seq), GREY),
        (at, ""),
        (kind_of(record).replace("_", " "), colour),
        (clean(event_text(record)), ""),
        (clean(who(origin_of(record))), ""),
    ]


def who(origin: Origin | None) -> str:
    """The way in, and whoever came."""
    if origin is None:
        return ""
    name = origin.principal or ("" if origin.uid is None else f"uid {origin.uid}")
    return f"{origin.front} {name}".rstrip()


def event_text(record: Record) -> str:  # noqa: C901, PLR0911, PLR0912 - a sentence for each kind
    """What a row says, in a sentence."""
    match record:
        case Started():
            adapters = ", ".join(record.adapters) or "none"
            return f"gattkeeper {record.version} began, process {record.pid}, adapters: {adapters}"
        case Closed():
            return "it ended in good order"
        case SettingsRead():
            return _settings_text(record)
        case StopAsked():
            latched = ", held until resume" if record.latch else ""
            return f"stop {record.scope}{latched}: {', '.join(record.commands) or 'no device'}"
        case ResumeAsked():
            return f"resume {record.scope}: {', '.join(record.devices) or 'no device'}"
        case CancelAsked():
            return f"{record.device}: take {record.asked} back"
        case ReprioritiseAsked():
            return f"{record.device}: {record.asked} is {record.priority.name.lower()} from now on"
        case FlawAccepted():
            return f"{record.who} takes the journal as it is: {'; '.join(record.flaws)} ({record.why})"
        case Latch():
            said = f"held until it is known what {record.by} did" if record.held else f"{record.by} is known: free"
            return f"{record.device}: {said}"
        case Alerted(alert=alert):
            said = f"raised: {alert.text}" if alert.raised else "cleared"
            return f"{alert.device}: {alert.kind.value.replace('_', ' ')} {said}"
        case Denied():
            times = f", {record.times} times" if record.times > 1 else ""
            return f"not let in: {record.why}{times}"
        case Recovery():
            done = f"could not be done: {record.fault}" if record.fault else "done"
            return f"{record.adapter}: {record.rung.replace('_', ' ')} {done}; {record.why}"
        case ClockStep():
            way = "ahead" if record.step_us > 0 else "back"
            return f"the wall clock went {way} by {abs(record.step_us) / 1e6:.3f} s against the monotonic one"
        case SegmentDeleted():
            return f"file {record.number}, rows {record.first_seq} to {record.last_seq}, is removed: {record.why}"
        case Accepted() | Intended() | AttemptFailed() | Ended() | Resolved():
            return ""
        case _:
            assert_never(record)


def _settings_text(record: SettingsRead) -> str:
    name = record.path or "without a file, by default"
    if record.refused:
        return f"{name}: refused, everything stays as it was: {record.refused}"
    keys = ", ".join(record.changed[:_KEYS_SHOWN]) + (" …" if len(record.changed) > _KEYS_SHOWN else "")
    later = f"; after a restart: {', '.join(record.after_restart)}" if record.after_restart else ""
    return f"{name}: in force, other values in {keys or 'nothing'}{later}"
