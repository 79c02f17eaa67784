"""A fan-out: commands of several devices that wait for each other at a gate, and go together.

Knows who stands at a gate, and who may still come. Each member is an ordinary command: its place in line, its
connection, its tries and its verdict are decided where those of every command are. No gate stays closed for
ever: its `gather` bounds it.
"""

from gattkeeper.core import admission, places
from gattkeeper.core.entry import Entry
from gattkeeper.core.events import FanoutSubmitted, Submitted
from gattkeeper.core.lifecycle import ConnectionState
from gattkeeper.core.state import DeviceState, Fanout, State
from gattkeeper.model.outcome import Phase


def submit(state: State, event: FanoutSubmitted) -> None:
    """Accept or refuse each command; those that stand in line now share a gate."""
    for command in event.commands:
        admission.submit(state, Submitted(command=command))
    entries = [state.entries[command.id] for command in event.commands if admission.waits(state, command.id)]
    if not entries:
        return
    state.fanouts[event.id] = Fanout(
        id=event.id, number=state.sequence, members={entry.command.id: entry for entry in entries}
    )
    gather_us = min(event.gather_us, min(map(_patience_us, entries)) // 2)
    state.timers.set(("gather", event.id), state.now + gather_us)


def _patience_us(entry: Entry) -> int:
    """How long a command may wait: half of it is left for what comes after the gate."""
    command = entry.command
    bounds = (command.deadline_us, command.queue_timeout_us)
    return min(bound for bound in bounds if bound is not None)


def gathers(state: State, device: DeviceState) -> bool:
    """Whether the first in line waits for the others of its fan-out: it stays there, and keeps its connection."""
    if device.setup or not state.fanouts:
        return False
    entry = device.waiting.ready(state.now)
    fanout = state.gate_of(entry) if entry is not None else None
    if entry is None or fanout is None:
        return False
    state.gathering[fanout.id] = None
    if entry.command.id not in fanout.arrived:
        fanout.arrived[entry.command.id] = None
        state.mark(entry, Phase.GATHERED, f"{len(fanout.arrived)} of {len(fanout.members)} are ready")
    return True


def open_gates(state: State) -> None:
    """Open each gate before which somebody stands, and to which nobody else can come."""
    for name in list(state.gathering):
        if _is_complete(state, state.fanouts[name]):
            open_gate(state, name)


def _is_complete(state: State, fanout: Fanout) -> bool:
    used = {state.devices[entry.command.device].adapter for entry in fanout.members.values()}
    has_place = {name: places.has_place(state, state.adapters[name]) for name in used}
    standing = 0
    for entry in fanout.members.values():
        if _stands(state, entry):
            standing += 1
        elif _may_come(state, fanout, entry, has_place):
            return False
    return standing > 0


def open_gate(state: State, name: str) -> None:
    """All who stand before it go now; the others go as they can, like any command."""
    fanout = state.fanouts[name]
    state.forget_fanout(fanout)
    for entry in fanout.members.values():
        state.touch(state.devices[entry.command.device])


def _stands(state: State, entry: Entry) -> bool:
    """Whether nothing but the gate keeps the command from starting."""
    device = state.devices[entry.command.device]
    return (
        device.connection is ConnectionState.CONNECTED
        and device.slot is None
        and device.stop is None
        and not device.sweeps
        and device.waiting.ready(state.now) is entry
    )


def _may_come(state: State, fanout: Fanout, entry: Entry, has_place: dict[str, bool]) -> bool:
    """Whether the command may stand before the gate without anybody's leaving it.

    One that waits behind a fan-out that came later is not waited for: of two that wait for each other, the older
    goes.
    """
    device = state.devices[entry.command.device]
    latched = device.waiting.latched and entry.held_back
    if entry.line is None or latched or _is_behind_a_later_one(state, fanout, device, entry):
        return False
    adapter = state.adapters[device.adapter]
    if device.connection is ConnectionState.CONNECTED:
        return adapter.up
    return adapter.up and has_place[device.adapter] and not adapter.ladder.holds_connect(stop=False)


def _is_behind_a_later_one(state: State, fanout: Fanout, device: DeviceState, entry: Entry) -> bool:
    front = device.waiting.ready(state.now)
    other = state.gate_of(front) if front is not None and front is not entry else None
    return other is not None and other.number >= fanout.number
