"""The recovery ladder of an adapter that does not work any more: rung after rung, each one proven, with an end.

Knows when a rung begins, what has to end before it, and what follows it. What counts as a sign stands in `ladder`,
what a rung does in the link. A stop waits for none of it, but for an adapter that is being reset.
"""

from gattkeeper.core import roaming
from gattkeeper.core.adapters import start_afresh
from gattkeeper.core.connecting import abandon, discovers
from gattkeeper.core.effects import AlertChanged, RecordRung, Recover
from gattkeeper.core.events import RecoveryDone
from gattkeeper.core.lifecycle import HAS_LINK, LADDER, LadderPhase, LadderStep
from gattkeeper.core.state import AdapterState, DeviceState, State
from gattkeeper.core.sweep import sweep
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.outcome import Cause
from gattkeeper.model.status import Alert, AlertKind


def look(state: State, adapter: AdapterState) -> None:
    """Draw the conclusion from what was noted: it works, a rung is due, or the one that is due may begin."""
    ladder = adapter.ladder
    proven, ladder.proven = ladder.proven, False
    if proven:
        ladder.forget_signs()
        _settle(state, adapter)
    climbing = ladder.climbs or ladder.parked or state.closing
    if not climbing and ladder.is_suspect(state.limits, state.now):
        _climb(state, adapter, f"signs of a wedged adapter, the last of {ladder.device}: {ladder.fault}")
    if ladder.phase is LadderPhase.DRAINING and _is_drained(state, adapter):
        _run(state, adapter)


def note(state: State, device: DeviceState, fault: Fault) -> None:
    """An operation failed in a way that may be the adapter's fault."""
    state.adapters[device.adapter].ladder.note(state.limits, device.name, fault, state.now)
    state.touch(device)


def _climb(state: State, adapter: AdapterState, why: str) -> None:
    """Choose the next rung, and let what runs come to its end; or park, when there is none."""
    ladder = adapter.ladder
    ladder.why = why
    if ladder.phase is LadderPhase.RESTING:
        _tell(state, adapter, AlertKind.RECOVERY, text=f"{adapter.name} is being recovered: {why}")
    rung = ladder.next_rung(state.limits, state.now)
    if rung is None:
        _park(state, adapter)
        return
    ladder.phase = LADDER[ladder.phase, LadderStep.BEGIN]
    ladder.rung = rung
    state.timers.set(("recovery", adapter.name), state.now + state.limits.recovery_drain_us)
    connecting = state.devices[adapter.connecting] if adapter.connecting else None
    if connecting is not None and connecting.stop is None:
        abandon(state, connecting, None)
    for name in adapter.devices:
        state.touch(state.devices[name])


def _is_drained(state: State, adapter: AdapterState) -> bool:
    if adapter.connecting or discovers(state, adapter):
        return False
    return not adapter.ladder.cuts or not any(state.devices[name].slots for name in adapter.devices)


def _run(state: State, adapter: AdapterState) -> None:
    ladder = adapter.ladder
    ladder.phase = LADDER[ladder.phase, LadderStep.RUN]
    ladder.begin(state.limits, ladder.rung, state.now)
    state.timers.cancel(("recovery", adapter.name))
    state.effects.append(Recover(adapter=adapter.name, rung=ladder.rung, device=ladder.device))


def done(state: State, adapter: AdapterState, event: RecoveryDone) -> None:
    """A rung is over. What could not be done helps nobody: then the next one follows at once."""
    ladder = adapter.ladder
    if ladder.phase is not LadderPhase.RUNNING or ladder.rung is not event.rung:
        return
    state.effects.append(
        RecordRung(
            adapter=adapter.name,
            rung=event.rung,
            device=ladder.device,
            why=ladder.why,
            fault=event.fault,
            at_us=state.now,
        )
    )
    ladder.phase = LADDER[ladder.phase, LadderStep.END]
    ladder.forget_signs()
    start_afresh(state, adapter)
    if event.fault is not None:
        _climb(state, adapter, f"{event.rung} could not be done: {event.fault}")
    else:
        state.timers.set(("recovery", adapter.name), state.now + state.limits.recovery_cooldown_us)


def _park(state: State, adapter: AdapterState) -> None:
    """Nothing is left to try: say so, to everybody who waits for a connection, and try again later."""
    ladder = adapter.ladder
    ladder.phase = LADDER[ladder.phase, LadderStep.PARK]
    ladder.until = ladder.free_from(state.limits, state.now)
    state.timers.set(("recovery", adapter.name), ladder.until)
    fault = fault_of(state, adapter)
    _tell(state, adapter, AlertKind.PARKED, value=ladder.until - state.now, text=fault.text)
    roaming.fail_over(state, adapter, f"{adapter.name} is parked: {fault.text}")
    for name in adapter.devices:
        device = state.devices[name]
        if device.connection in HAS_LINK:
            continue
        if roaming.has_other(state, device):
            state.touch(device)  # it goes on by that one
        else:
            sweep(state, device, Cause.NEVER_SENT, fault=fault_of(state, adapter, roaming.tied(device)))


def fault_of(state: State, adapter: AdapterState, tied: str = "") -> Fault:
    """What a command is told that needs a connection of a parked adapter; `tied`: why of no other."""
    ladder = adapter.ladder
    return Fault(
        kind=FaultKind.WEDGED,
        ran=Ran.NO,
        stack="keeper",
        name="adapter_parked",
        text=f"{adapter.name} does not work, and nothing that may be done about it now helped; it is tried again"
        f" in {(ladder.until - state.now) / 1e6:.3g} s. The reason was: {ladder.why}{tied}",
    )


def due(state: State, adapter: AdapterState) -> None:
    """What runs had its time to end; or the last rung, or the pause of a parked adapter, is long ago."""
    if adapter.ladder.phase is LadderPhase.DRAINING:
        _run(state, adapter)
    else:
        _settle(state, adapter)


def adapter_changed(state: State, adapter: AdapterState) -> None:
    """It went away, or is back: what was counted is of the past. While a rung runs, that is the rung's doing."""
    adapter.ladder.forget_signs()
    _settle(state, adapter)


def _settle(state: State, adapter: AdapterState) -> None:
    """The climb, if there is one, is over, and the next one begins at the lowest rung."""
    ladder = adapter.ladder
    phase = LADDER.get((ladder.phase, LadderStep.SETTLE))
    if phase is None:
        return
    if ladder.parked:
        _tell(state, adapter, AlertKind.PARKED, raised=False)
    _tell(state, adapter, AlertKind.RECOVERY, raised=False)
    ladder.phase = phase
    ladder.place = 0
    state.timers.cancel(("recovery", adapter.name))
    start_afresh(state, adapter)


def _tell(
    state: State, adapter: AdapterState, kind: AlertKind, *, raised: bool = True, value: int = 0, text: str = ""
) -> None:
    alert = Alert(kind=kind, device=adapter.name, raised=raised, value=value, text=text)
    state.effects.append(AlertChanged(alert=alert))
