"""The transitions of commands, slots, connections, availability and recovery, as tables.

`docs/design.md` draws its diagrams from here. A pair that is not listed is illegal and changes nothing.
"""

from enum import Enum


class CommandPhase(Enum):
    """Where an accepted command is."""

    __hash__ = object.__hash__  # a member is one object; hashing its name takes six times as long

    WAITING = "waiting"
    IN_FLIGHT = "in_flight"
    BACKING_OFF = "backing_off"
    ENDED = "ended"


class CommandStep(Enum):
    """What moves a command."""

    __hash__ = object.__hash__  # likewise

    START = "start"
    BACK_OFF = "back_off"
    READY = "ready"
    PUT_BACK = "put_back"  # chosen, but taken back before its hand-over
    END = "end"


COMMAND: dict[tuple[CommandPhase, CommandStep], CommandPhase] = {
    (CommandPhase.WAITING, CommandStep.START): CommandPhase.IN_FLIGHT,
    (CommandPhase.WAITING, CommandStep.END): CommandPhase.ENDED,
    (CommandPhase.IN_FLIGHT, CommandStep.PUT_BACK): CommandPhase.WAITING,
    (CommandPhase.IN_FLIGHT, CommandStep.BACK_OFF): CommandPhase.BACKING_OFF,
    (CommandPhase.IN_FLIGHT, CommandStep.END): CommandPhase.ENDED,
    (CommandPhase.BACKING_OFF, CommandStep.READY): CommandPhase.WAITING,
    (CommandPhase.BACKING_OFF, CommandStep.END): CommandPhase.ENDED,
}


class SlotPhase(Enum):
    """Where the one operation of a device is."""

    __hash__ = object.__hash__  # likewise

    RECORDING = "recording"  # chosen; its intent row is not durable yet
    IN_FLIGHT = "in_flight"  # handed over to the stack
    RELEASING = "releasing"  # its command is gone; the bearer still owes an answer


class SlotStep(Enum):
    """What moves a slot. Freeing it is leaving the table."""

    __hash__ = object.__hash__  # likewise

    RECORDED = "recorded"
    RELEASE = "release"


SLOT: dict[tuple[SlotPhase, SlotStep], SlotPhase] = {
    (SlotPhase.RECORDING, SlotStep.RECORDED): SlotPhase.IN_FLIGHT,
    (SlotPhase.IN_FLIGHT, SlotStep.RELEASE): SlotPhase.RELEASING,
}


class ConnectionState(Enum):
    """Where a device's connection is. The adapter's place is free again only in DISCONNECTED."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    ABANDONING = "abandoning"
    CONNECTED = "connected"
    DISCONNECTING = "disconnecting"


class ConnectionStep(Enum):
    """What moves a connection."""

    CONNECT = "connect"
    UP = "up"
    FAIL = "fail"
    ABANDON = "abandon"
    DROP = "drop"  # we take it down, or it was lost: either way it must be let go of
    GONE = "gone"


CONNECTION: dict[tuple[ConnectionState, ConnectionStep], ConnectionState] = {
    (ConnectionState.DISCONNECTED, ConnectionStep.CONNECT): ConnectionState.CONNECTING,
    (ConnectionState.CONNECTING, ConnectionStep.UP): ConnectionState.CONNECTED,
    (ConnectionState.CONNECTING, ConnectionStep.FAIL): ConnectionState.DISCONNECTED,
    (ConnectionState.CONNECTING, ConnectionStep.ABANDON): ConnectionState.ABANDONING,
    (ConnectionState.ABANDONING, ConnectionStep.FAIL): ConnectionState.DISCONNECTED,
    (ConnectionState.CONNECTED, ConnectionStep.DROP): ConnectionState.DISCONNECTING,
    (ConnectionState.DISCONNECTING, ConnectionStep.GONE): ConnectionState.DISCONNECTED,
}


class Availability(Enum):
    """Whether a device can be reached, as far as its last connections tell."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"  # not tried for a while: commands end at once
    PROBING = "probing"  # the next connection tells


class AvailabilityStep(Enum):
    """What moves a device's availability."""

    OPEN = "open"  # it could not be reached too often
    HALF_OPEN = "half_open"  # the pause is over, or something connected nevertheless
    CLOSE = "close"  # it answered


AVAILABILITY: dict[tuple[Availability, AvailabilityStep], Availability] = {
    (Availability.AVAILABLE, AvailabilityStep.OPEN): Availability.UNAVAILABLE,
    (Availability.UNAVAILABLE, AvailabilityStep.HALF_OPEN): Availability.PROBING,
    (Availability.PROBING, AvailabilityStep.OPEN): Availability.UNAVAILABLE,
    (Availability.PROBING, AvailabilityStep.CLOSE): Availability.AVAILABLE,
}


class LadderPhase(Enum):
    """Where an adapter is with its recovery."""

    RESTING = "resting"  # nothing is the matter
    DRAINING = "draining"  # a rung is chosen; what runs ends first
    RUNNING = "running"
    PROBING = "probing"  # the next connections tell whether the last rung helped
    PARKED = "parked"  # nothing is left to try for a while


class LadderStep(Enum):
    """What moves a recovery."""

    BEGIN = "begin"
    RUN = "run"
    END = "end"  # of the rung, well or badly
    PARK = "park"
    SETTLE = "settle"  # it works again, or is another matter now


LADDER: dict[tuple[LadderPhase, LadderStep], LadderPhase] = {
    (LadderPhase.RESTING, LadderStep.BEGIN): LadderPhase.DRAINING,
    (LadderPhase.RESTING, LadderStep.PARK): LadderPhase.PARKED,
    (LadderPhase.DRAINING, LadderStep.RUN): LadderPhase.RUNNING,
    (LadderPhase.DRAINING, LadderStep.SETTLE): LadderPhase.RESTING,
    (LadderPhase.RUNNING, LadderStep.END): LadderPhase.PROBING,
    (LadderPhase.PROBING, LadderStep.BEGIN): LadderPhase.DRAINING,
    (LadderPhase.PROBING, LadderStep.PARK): LadderPhase.PARKED,
    (LadderPhase.PROBING, LadderStep.SETTLE): LadderPhase.RESTING,
    (LadderPhase.PARKED, LadderStep.SETTLE): LadderPhase.RESTING,
}
