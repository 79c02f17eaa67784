"""The scheduler: events in, effects out. See the package for the promise it makes.

Knows which part of `core` an event belongs to, and in which order a device looks for its next work.
"""

from collections.abc import Callable, Hashable
from typing import assert_never, cast

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
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.outcome import Cause
from gattkeeper.model.status import KeeperStatus


class Scheduler:
    """The pure core. `journalled`: intents are recorded before a hand-over."""

    def __init__(self, limits: Limits | None = None, *, journalled: bool = True) -> None:
        self._state = State(limits=limits or Limits(), journalled=journalled)

    def handle(self, event: events.Event, now_us: int) -> list[Effect]:
        """Take one event at its moment and say what follows. An event that does not fit changes nothing."""
        state = self._state
        state.now = max(state.now, now_us)
        state.jitter = getattr(event, "jitter", 0.5)
        state.effects = []
        _take(state, event)
        _tick(state)  # after the event: an answer that is here counts, and nothing that is due starts
        turns.settle(state)
        return state.effects

    def wakeup_at(self) -> int | None:
        """The moment at which `Ticked` is due, in microseconds; None when there is none."""
        return self._state.timers.next_at()

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
    match event:
        case events.Submitted() | events.FanoutSubmitted() | events.StopRequested():
            _take_wish(state, event)
        case events.CancelRequested():
            admission.cancel(state, event.command_id)
        case events.LeaseOpened() | events.LeaseRenewed() | events.LeaseClosed():
            leases.take(state, event)
        case events.Reprioritised():
            admission.reprioritise(state, event.command_id, event.priority)
        case events.AcceptFailed():
            _accept_failed(state, event.command_id)
        case events.Ticked():
            pass  # `handle` looks at the clock after every event
        case events.Closing():
            _close(state)
        case events.AdapterAdded() | events.AdapterDown() | events.AdapterUp() | events.RecoveryDone():
            _take_adapter(state, event)
        case _:
            if event.device in state.devices or isinstance(event, events.DeviceAdded):
                _take_device(state, event)


def _take_wish(state: State, event: events.Submitted | events.FanoutSubmitted | events.StopRequested) -> None:
    match event:
        case events.Submitted():
            admission.submit(state, event.command)
        case events.FanoutSubmitted():
            fanout.submit(state, event)
        case events.StopRequested():
            stop.request(state, event.command, latch=event.latch)
        case _:
            assert_never(event)


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


DeviceEvent = (
    events.DeviceAdded
    | events.Sighted
    | events.Bonded
    | events.DeviceLeaving
    | events.DeviceRemoved
    | events.Resumed
    | events.Latched
    | events.Resolved
    | events.IntentRecorded
    | events.IntentFailed
    | events.ConnectProgressed
    | events.Connected
    | events.ConnectionUpdated
    | events.ConnectFailed
    | events.ConnectionLost
    | events.DisconnectDone
    | events.PairingStarted
    | events.PairingEnded
    | events.Answered
    | events.Failed
    | events.Notified
)


def _take_device(state: State, event: DeviceEvent) -> None:
    match event:
        case events.DeviceAdded() | events.DeviceLeaving() | events.DeviceRemoved():
            roster.take(state, event)
        case events.Sighted() | events.Bonded():
            roaming.take(state, state.devices[event.device], event)
        case events.Resumed() | events.Latched() | events.Resolved():
            _take_gate(state, event)
        case events.IntentRecorded() | events.IntentFailed():
            _take_intent(state, event)
        case events.Answered() | events.Failed():
            _take_answer(state, event)
        case events.Notified():
            device = state.devices[event.device]
            if event.epoch == device.epoch:
                awaiting.notified(state, device, event.characteristic, event.payload)
        case (
            events.ConnectProgressed()
            | events.Connected()
            | events.ConnectionUpdated()
            | events.ConnectFailed()
            | events.ConnectionLost()
            | events.DisconnectDone()
            | events.PairingStarted()
            | events.PairingEnded()
        ):
            if event.epoch == state.devices[event.device].epoch:
                _take_connection(state, event)
        case _:
            assert_never(event)


def _take_gate(state: State, event: events.Resumed | events.Latched | events.Resolved) -> None:
    device = state.devices[event.device]
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


def _take_intent(state: State, event: events.IntentRecorded | events.IntentFailed) -> None:
    device = state.devices[event.device]
    slot = attempts.slot_of(device, event.token)
    if slot is None or slot.phase is not SlotPhase.RECORDING:
        return
    if isinstance(event, events.IntentFailed):
        answering.failed(state, device, slot, event.fault)
    elif slot.entry is not None and state.now < slot.entry.deadline_at:  # else the clock ends it
        attempts.hand_over(state, device, slot)
        state.touch(device)


def _take_answer(state: State, event: events.Answered | events.Failed) -> None:
    device = state.devices[event.device]
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


def _take_connection(
    state: State,
    event: events.ConnectProgressed
    | events.Connected
    | events.ConnectionUpdated
    | events.ConnectFailed
    | events.ConnectionLost
    | events.DisconnectDone
    | events.PairingStarted
    | events.PairingEnded,
) -> None:
    device = state.devices[event.device]
    match event:
        case events.ConnectProgressed():
            connecting.progressed(state, device, event.phase)
        case events.Connected():
            connections.connected(state, device, event.att_mtu, event.table, event.proof)
        case events.ConnectionUpdated():
            connections.updated(state, device, event.att_mtu, event.table, event.proof)
        case events.ConnectFailed():
            if event.fault.kind is FaultKind.BUSY:
                adapters.connect_contended(state, device, event.fault)
            connections.connect_failed(state, device, event.fault)
        case events.ConnectionLost():
            connections.lose(state, device, event.fault)
        case events.DisconnectDone():
            connections.gone(state, device, event.means)
        case events.PairingStarted():
            pairing.started(state, device)
        case events.PairingEnded():
            pairing.over(state, device)
        case _:
            assert_never(event)


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
    "linger": connections.drop,
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
