"""A full queue: whether it is, who would make room, and when a place may be free.

Knows figures; only answers questions. Admission refuses or ends.
"""

from gattkeeper.core.entry import Entry
from gattkeeper.core.state import DeviceState, State
from gattkeeper.model.command import Command

_WEIGHT = 8
"""A new length counts for an eighth of the average: a few slow answers do not turn it over."""


def is_full(state: State, device: DeviceState) -> str:
    """What is full, for people; empty when there is room."""
    depth = device.depth
    if depth >= state.limits.queue_per_device_max:
        return f"{depth} commands wait for {device.name} already"
    return f"{state.waiting} commands wait already" if state.waiting >= state.limits.queue_max else ""


def victim(state: State, device: DeviceState, command: Command) -> Entry | None:
    """The oldest of the least urgent that wait, if the command is more urgent and shedding is allowed.

    A look at the head of each device's lines, and only when the queue of all is full.
    """
    if not state.limits.shed:
        return None
    own = device.depth >= state.limits.queue_per_device_max
    heads = [one.waiting.least() for one in ([device] if own else state.devices.values())]
    less = [entry for entry in heads if entry is not None and entry.command.priority > command.priority]
    return min(less, key=lambda entry: (-entry.command.priority, entry.accepted_at, entry.sequence), default=None)


def served(device: DeviceState, length_us: int) -> None:
    """An operation of the device took so long."""
    device.service_us += (length_us - device.service_us) // (_WEIGHT if device.service_us else 1)


def retry_after_s(state: State, device: DeviceState) -> float:
    """When the next place may be free: an operation's usual length, or what it may take at most."""
    return max(device.service_us or state.limits.attempt_timeout_us, 1_000) / 1_000_000
