"""What follows from the end of an emergency stop: an alert when it failed, and further stops if they are wanted.

Knows how long it goes on, and that the gate stays closed meanwhile. Each further stop is a command of its own,
with rows, tries and an outcome like the first: how one is carried out is `stop`'s business. The verdict of the
first is never edited.
"""

from msgspec.structs import replace

from gattkeeper.core import stop
from gattkeeper.core.effects import AlertChanged
from gattkeeper.core.entry import Entry
from gattkeeper.core.state import DeviceState, Persistence, State
from gattkeeper.core.sweep import sweep
from gattkeeper.model.operation import changes_state
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.status import Alert, AlertKind


def look(state: State, device: DeviceState, entry: Entry, verdict: Verdict) -> None:
    """See to what a stop that has just ended leaves behind. A gate that nothing holds any more opens."""
    device.stop_ended = None
    if verdict in (Verdict.DELIVERED, Verdict.SENT):
        _clear_alert(state, device)
        give_up(state, device)
        return
    held = _held(state, device, entry)
    at_us = state.now + state.limits.stop_persist_backoff_us
    if state.closing or at_us > held.until_us:
        _raise_alert(state, device, entry, 0)
        give_up(state, device)
        return
    _raise_alert(state, device, entry, held.until_us - state.now)
    device.persisting = held
    state.timers.set(("stop_again", device.name), at_us)
    sweep(state, device, Cause.STOPPED, by=device.stopped_by, spared=_is_spared)


def _held(state: State, device: DeviceState, entry: Entry) -> Persistence:
    """What has gone on until now; it begins anew when somebody asked for another stop meanwhile."""
    held = device.persisting
    asked = entry.joined[-1] if entry.joined else entry
    if held is not None and asked.command.id == _id(held):
        return held
    return Persistence(command=asked.command, table=asked.table, until_us=state.now + state.limits.stop_persist_us)


def _id(held: Persistence) -> str:
    return f"{held.command.id}-again-{held.tries}"


def _is_spared(entry: Entry) -> bool:
    """Nothing is written behind a gate that stays closed; undos are what the stop itself left in line."""
    return not changes_state(entry.command.operation)


def again(state: State, device: DeviceState) -> None:
    """The pause is over: the next stop, unless one that somebody asked for runs."""
    held = device.persisting
    if held is None or device.stop is not None:
        return
    device.persisting = held = replace(held, tries=held.tries + 1)
    stop.request(state, replace(held.command, id=_id(held)), latch=False, table=held.table)


def resume(state: State, device: DeviceState) -> None:
    """A person has taken over: no further stops. One that runs comes to its own end."""
    _clear_alert(state, device)
    if device.stop is None:
        give_up(state, device)
    elif device.persisting is not None:
        device.persisting = replace(device.persisting, until_us=state.now)


def give_up(state: State, device: DeviceState) -> None:
    """No further stops; the gate opens unless it is latched, or a stop runs."""
    device.persisting = None
    state.timers.cancel(("stop_again", device.name))
    if device.stop is None and not device.gate_latched:
        device.stopped_by = ""


def _raise_alert(state: State, device: DeviceState, entry: Entry, persists_us: int) -> None:
    if AlertKind.STOP_FAILED in device.alerts:
        return
    device.alerts[AlertKind.STOP_FAILED] = None
    name, limits = device.name, state.limits
    text = f"the emergency stop {entry.command.id} failed: {name} may still be doing what it did"
    if persists_us:
        backoff_s, persists_s = limits.stop_persist_backoff_us / 1e6, persists_us / 1e6
        text += f"; it is tried again every {backoff_s:.3g} s for {persists_s:.3g} s"
    alert = Alert(kind=AlertKind.STOP_FAILED, device=name, raised=True, value=entry.attempt, text=text)
    state.effects.append(AlertChanged(alert=alert))


def _clear_alert(state: State, device: DeviceState) -> None:
    if AlertKind.STOP_FAILED in device.alerts:
        del device.alerts[AlertKind.STOP_FAILED]
        alert = Alert(kind=AlertKind.STOP_FAILED, device=device.name, raised=False, value=0)
        state.effects.append(AlertChanged(alert=alert))
