"""From moments to lengths: what a command, or a connection, was doing between two marks.

Knows which phase begins which stage. Does not know how stages are drawn.
"""

from collections.abc import Sequence
from enum import Enum

from msgspec import Struct

from gattkeeper.model.outcome import Phase, PhaseMark


class Stage(Enum):
    """What fills the time between two marks."""

    WAITING = "waiting"
    LOCK_WAIT = "lock_wait"
    CONNECTING = "connecting"
    DISCOVERING = "discovering"
    SETTING_UP = "setting_up"
    IN_FLIGHT = "in_flight"
    BACKING_OFF = "backing_off"
    CONNECTED = "connected"
    DISCONNECTING = "disconnecting"


STAGE_OF_PHASE: dict[Phase, Stage | None] = {
    Phase.ACCEPTED: Stage.WAITING,
    Phase.WAITING: Stage.WAITING,
    Phase.LOCK_WAIT: Stage.LOCK_WAIT,
    Phase.LOCK_ACQUIRED: Stage.CONNECTING,
    Phase.SCAN: Stage.CONNECTING,
    Phase.CONNECT_START: Stage.CONNECTING,
    Phase.CONNECTED: Stage.DISCOVERING,
    Phase.DISCOVERED: Stage.SETTING_UP,
    Phase.SETUP: Stage.SETTING_UP,
    Phase.PAIR: Stage.SETTING_UP,
    Phase.DISPATCHED: Stage.IN_FLIGHT,
    Phase.READ_BACK: Stage.IN_FLIGHT,
    Phase.AWAITING: Stage.IN_FLIGHT,
    Phase.ANSWERED: None,
    Phase.BACKOFF: Stage.BACKING_OFF,
    Phase.GATHERED: Stage.WAITING,
    Phase.RETRY: Stage.WAITING,
    Phase.DISCONNECT: Stage.DISCONNECTING,
    Phase.OUTCOME: None,
}
"""The stage each phase begins; None ends one. Phases that are not listed are moments inside a stage."""

_STAGE_OF_STATE = {
    "connecting": Stage.CONNECTING,
    "discovering": Stage.DISCOVERING,
    "connected": Stage.CONNECTED,
    "disconnecting": Stage.DISCONNECTING,
}


class ConnectionChange(Struct, frozen=True, kw_only=True):
    """A device's connection entered a state: disconnected, connecting, discovering, connected, disconnecting."""

    device: str
    state: str
    at_us: int


class Span(Struct, frozen=True, kw_only=True):
    """One stage of one device from `from_us` to `to_us`, on the keeper's monotonic clock."""

    device: str
    stage: Stage
    from_us: int
    to_us: int
    command_id: str = ""  # empty: the connection's own


def command_spans(device: str, command_id: str, marks: Sequence[PhaseMark], until_us: int) -> list[Span]:
    """The stages a command went through, oldest first; the last one lasts until `until_us` if it is open."""
    spans: list[Span] = []
    stage: Stage | None = None
    since_us = 0

    def close(at_us: int) -> None:
        if stage is not None and at_us > since_us:
            spans.append(Span(device=device, stage=stage, from_us=since_us, to_us=at_us, command_id=command_id))

    for mark in marks:
        if mark.phase not in STAGE_OF_PHASE:
            continue
        following = STAGE_OF_PHASE[mark.phase]
        if following is not stage:
            close(mark.at_us)
            stage, since_us = following, mark.at_us
    close(until_us)
    return spans


def connection_spans(changes: Sequence[ConnectionChange], until_us: int) -> list[Span]:
    """What each device's connection was doing, in the order in which the stages began."""
    spans: list[Span] = []
    open_changes: dict[str, ConnectionChange] = {}

    def close(change: ConnectionChange, at_us: int) -> None:
        stage = _STAGE_OF_STATE.get(change.state)
        if stage is not None and at_us > change.at_us:
            spans.append(Span(device=change.device, stage=stage, from_us=change.at_us, to_us=at_us))

    for change in changes:
        if change.device in open_changes:
            close(open_changes[change.device], change.at_us)
        open_changes[change.device] = change
    for change in open_changes.values():
        close(change, until_us)
    return sorted(spans, key=lambda span: span.from_us)


def adapter_spans(connections: Sequence[Span]) -> list[Span]:
    """Who held the adapter when, oldest first: a device while its connection is made.

    Where services are discovered beside the next attempt, they are a stage of their own, which holds nothing.
    """
    return [span for span in connections if span.stage is Stage.CONNECTING]
