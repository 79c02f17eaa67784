"""The scheduler: events in, effects out. See the package for the promise it makes.

Knows which part of `core` an event belongs to, and in which order a device looks for its next work.
"""

from collections.abc import Callable, Hashable
from typing import Any, cast

from gattkeeper.core import (
    adapters,
    admission,
    alerts,
    answering,
    attempts,
    awaiting,
    breaker,
    connecting,
    connections,
    ending,
    events,
    fanout,
    leases,
    mending,
    overview,
    own_faults,
    pairing,
    persist,
    recovery,
    resolving,
    roaming,
    roster,
    stop,
    sweep,
    turns,
    undo,
)
from gattkeeper.core.effects import Effect
from gattkeeper.core.ladder import Ladder
from gattkeeper.core.lifecycle import CommandStep, SlotPhase
from gattkeeper.core.limits import Limits
from gattkeeper.core.state import AdapterState, DeviceState, SlotRole, State
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.outcome import Cause
from gattkeeper.model.status import KeeperStatus


class Scheduler:
    """The pure core. `journalled`: intents are recorded before a hand-over. `watched`: phases are told at once."""

    def __init__(self, limits: Limits | None = None, *, journalled: bool = True, watched: bool = True) -> None:
        self._state = State(limits=limits or Limits(), journalled=journalled, watched=watched)

    def handle(self, event: events.Event, now_us: int) -> list[Effect]:
        """Take one event at its moment and say what follows. An event that does not fit changes nothing."""
        state = self._state
        now = state.now = max(state.now, now_us)
        state.jitter = getattr(event, "jitter", 0.5)
        caused = state.effects = []
        _take(state, event)
        if state.timers.first_at <= now:
            _tick(state)  # after the event: an answer that is here counts, and nothing that is due starts
        turns.settle(state)
        return caused

    def wakeup_at(self) -> int | None:
        """The moment at which `Ticked` is due, in microseconds; None when there is none."""
        return self._state.timers.next_at()

    def may_wake_before(self, at_us: int) -> bool:
        """False: `wakeup_at` is no earlier than that moment. Asked for less than that costs."""
        return self._state.timers.first_at < at_us

    def waits(self, command_id: str) -> bool:
        """Whether a command has not started, so that its place may still be changed."""
        return admission.waits(self._state, command_id)

    def awaits(self, device: str) -> bool:
        """Whether a notification of the device may be the answer to a command: then `Notified` is to be fed."""
        known = self._state.devices.get(device)
        return known is not None and awaiting.armed(known) is not None

    def status(self, now_us: int) -> KeeperStatus:
        """What there is at this moment."""
        return overview.of(self._state, now_us)


def _take(state: State, event: events.Event) -> None:
    """By the event's type: one look, however many types there are."""
    kind = type(event)
    of_keeper = _OF_KEEPER.get(kind)
    if of_keeper is not None:
        of_keeper(state, event)
        return
    device = state.devices.get(getattr(event, "device", ""))
    if device is None:
        return
    of_device = _OF_DEVICE.get(kind)
    if of_device is not None:
        of_device(state, device, event)
    elif getattr(event, "epoch", -1) == device.epoch:
        _OF_CONNECTION[kind](state, device, event)


def _take_adapter(
    state: State, event: events.AdapterAdded | events.AdapterDown | events.AdapterUp | events.RecoveryDone
) -> None:
    if isinstance(event, events.AdapterAdded):
        if event.adapter in state.adapters:
            return
        state.adapters[event.adapter] = AdapterState(
            name=event.adapter,
            slots=event.slots,
            bypass=event.bypass,
            bypass_other=event.bypass_other,
            aside=event.aside,
            unanswered=event.unanswered,
            forgets=event.forgets,
            discovers_beside=event.discovers_beside,
            serialization=event.serialization,
            ladder=Ladder(rungs=event.rungs),
        )
    elif event.adapter in state.adapters:
        adapter = state.adapters[event.adapter]
        if isinstance(event, events.RecoveryDone):
            if event.alone:
                mending.done(state, event)
            else:
                recovery.done(state, adapter, event)
            return
        recovery.adapter_changed(state, adapter)
        if isinstance(event, events.AdapterDown):
            adapters.adapter_down(state, adapter, event.fault)
        else:
            adapters.adapter_up(state, adapter)


def _take_gate(
    state: State, device: DeviceState, event: events.Resumed | events.Latched | events.Resolved
) -> None:
    if isinstance(event, events.Resumed):
        persist.resume(state, device)
        stop.resume(device)
    elif isinstance(event, events.Latched):
        if device.safety and not device.latched_by:
            ending.latch(state, device, event.command_id)
    else:
        resolving.settle(device, event.command_id)
        if device.latched_by == event.command_id:
            ending.unlatch(state, device)


def _take_intent(state: State, device: DeviceState, event: events.IntentRecorded | events.IntentFailed) -> None:
    slot = attempts.slot_of(device, event.token)
    if slot is None or slot.phase is not SlotPhase.RECORDING:
        return
    if isinstance(event, events.IntentFailed):
        answering.failed(state, device, slot, event.fault)
    elif slot.entry is not None and state.now < slot.entry.deadline_at:  # else the clock ends it
        attempts.hand_over(state, device, slot)
        state.glance(device)


def _take_answer(state: State, device: DeviceState, event: events.Answered | events.Failed) -> None:
    slot = attempts.slot_of(device, event.token)
    if slot is None or slot.phase is SlotPhase.RECORDING:
        return
    if event.epoch != device.epoch and not slot.unconnected:
        return
    if slot is not device.aside and (isinstance(event, events.Answered) or event.fault.ran is Ran.REFUSED):
        breaker.answered(state, device)
        state.adapters[device.adapter].ladder.failures.clear()  # the radio works, for one device at least
    if isinstance(event, events.Answered):
        answering.answered(state, device, slot, event.value)
    else:
        if event.fault.kind is FaultKind.BUSY:
            adapters.contended(state, device, event.fault)
        if event.fault.kind is FaultKind.WEDGED:
            recovery.note(state, device, event.fault)
        answering.failed(state, device, slot, event.fault)
        if event.fault.kind in answering.LINK_KINDS:
            connections.lose(state, device, event.fault)  # whichever news of a loss comes first


def _connect_failed(state: State, device: DeviceState, fault: Fault) -> None:
    if fault.kind is FaultKind.BUSY:
        adapters.connect_contended(state, device, fault)
    connections.connect_failed(state, device, fault)


def _accept_failed(state: State, command_id: str) -> None:
    """Without a durable row a command must not run; only a stop goes on."""
    entry = state.entries.get(command_id)
    if entry is not None and not entry.command.stop:
        device = state.devices[entry.command.device]
        admission.take_back(state, device, entry, Cause.NEVER_SENT)


def _close(state: State) -> None:
    state.closing = True
    for device in state.devices.values():
        sweep.sweep(state, device, Cause.NEVER_SENT, spared=lambda entry: bool(entry.undoes))
        for slot in device.slots:
            if slot.entry is not None and slot.phase is SlotPhase.RECORDING:
                admission.take_back(state, device, slot.entry, Cause.NEVER_SENT)
        persist.give_up(state, device)
        leases.end_all(state, device, own_faults.CLOSING)
        state.touch(device)


_OF_KEEPER: dict[type, Callable[[State, Any], None]] = {
    events.Submitted: admission.submit,
    events.FanoutSubmitted: fanout.submit,
    events.StopRequested: lambda state, event: stop.request(state, event.command, latch=event.latch),
    events.CancelRequested: lambda state, event: admission.cancel(state, event.command_id),
    events.LeaseOpened: leases.take,
    events.LeaseRenewed: leases.take,
    events.LeaseClosed: leases.take,
    events.Reprioritised: lambda state, event: admission.reprioritise(state, event.command_id, event.priority),
    events.AcceptFailed: lambda state, event: _accept_failed(state, event.command_id),
    events.Ticked: lambda _state, _event: None,  # `handle` looks at the clock after every event
    events.Closing: lambda state, _event: _close(state),
    events.AdapterAdded: _take_adapter,
    events.AdapterDown: _take_adapter,
    events.AdapterUp: _take_adapter,
    events.RecoveryDone: _take_adapter,
    events.DeviceAdded: roster.add,
}
"""Events that are about no device, or one that need not be known."""

_OF_DEVICE: dict[type, Callable[[State, DeviceState, Any], None]] = {
    events.DeviceLeaving: lambda state, device, _event: roster.let_go(state, device),
    events.DeviceRemoved: lambda state, device, _event: roster.forget(state, device),
    events.Sighted: roaming.take,
    events.Bonded: roaming.take,
    events.Resumed: _take_gate,
    events.Latched: _take_gate,
    events.Resolved: _take_gate,
    events.IntentRecorded: _take_intent,
    events.IntentFailed: _take_intent,
    events.Answered: _take_answer,
    events.Failed: _take_answer,
}
"""Events about a device, if it is known."""

_OF_CONNECTION: dict[type, Callable[[State, DeviceState, Any], None]] = {
    events.ConnectProgressed: lambda state, device, event: connecting.progressed(state, device, event.phase),
    events.Connected: lambda state, device, event: connections.connected(
        state, device, event.att_mtu, event.table, event.proof
    ),
    events.ConnectionUpdated: lambda state, device, event: connections.updated(
        state, device, event.att_mtu, event.table, event.proof
    ),
    events.ConnectFailed: lambda state, device, event: _connect_failed(state, device, event.fault),
    events.ConnectionLost: lambda state, device, event: connections.lose(state, device, event.fault),
    events.DisconnectDone: lambda state, device, event: connections.gone(state, device, event.means),
    events.PairingStarted: lambda state, device, _event: pairing.started(state, device),
    events.PairingEnded: lambda state, device, _event: pairing.over(state, device),
    events.Notified: lambda state, device, event: awaiting.notified(
        state, device, event.characteristic, event.payload
    ),
}
"""Events about one connection of a device, if it is the one there is."""


def _tick(state: State) -> None:
    while (key := state.timers.pop_due(state.now)) is not None:
        _due(state, key)


def _due(state: State, key: Hashable) -> None:
    kind, name, *rest = cast("tuple[str, str, int]", key)
    if kind in ("deadline", "queue_deadline", "lease", "backoff"):
        _due_for_command(state, kind, name)
        return
    if kind in _DUE_ELSEWHERE:
        _DUE_ELSEWHERE[kind](state, name)
        return
    if kind in _DUE_ON_ADAPTER:
        _DUE_ON_ADAPTER[kind](state, state.adapters[name])
        return
    device = state.devices[name]
    slot = attempts.slot_of(device, rest[0]) if rest else None
    if slot is None:
        _DUE_ON_DEVICE[kind](state, device)
    elif kind == "attempt":
        waits = slot.role is SlotRole.AWAITING
        answering.release(state, device, slot, own_faults.NO_APP_ACK if waits else own_faults.ATTEMPT_TIMED_OUT)
    elif slot is device.aside:
        attempts.free(state, device, slot)  # the bearer owes nothing: only its place was kept
    else:
        recovery.note(state, device, own_faults.STALLED)
        connections.lose(state, device, own_faults.STALLED)


_DUE_ELSEWHERE: dict[str, Callable[[State, str], None]] = {
    "gather": fanout.open_gate,
    "held": leases.over,
}

_DUE_ON_ADAPTER: dict[str, Callable[[State, AdapterState], None]] = {
    "contention": adapters.contention_over,
    "recovery": recovery.due,
    "lease_idle": leases.idle,
}

_DUE_ON_DEVICE: dict[str, Callable[[State, DeviceState], None]] = {
    "connect": connecting.timed_out,
    "stop_grace": stop.grace_over,
    "stop_again": persist.again,
    "pairing": pairing.over,
    "linger": connections.linger_over,
    "probe": breaker.half_open,
    "alert": alerts.due,
    "sweep": sweep.go_on,
    "reconnect": State.touch,  # the back-off is over
}


def _due_for_command(state: State, kind: str, command_id: str) -> None:
    match kind:
        case "lease":
            undo.lease_over(state, command_id)
        case "backoff":
            entry = state.entries[command_id]
            entry.move(CommandStep.READY)
            state.touch(state.devices[entry.command.device])
        case _:  # deadline, queue_deadline
            admission.expire(state, command_id)
