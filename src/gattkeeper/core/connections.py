"""Connections: what follows when one is up, could not be made, is lost or let go of.

Knows adapters, slots of adapters and epochs. How one is tried stands in `connecting`; what runs over one is
`attempts`' business.
"""

from collections import deque
from functools import partial

from msgspec.structs import replace

from gattkeeper.core import breaker, connecting, leases, mending, parts, resolving, roaming, trust
from gattkeeper.core.answering import attempt_over
from gattkeeper.core.attempts import is_stale
from gattkeeper.core.effects import (
    RecordAttempt,
    StartDisconnect,
    SubscriptionEnded,
)
from gattkeeper.core.ending import end, end_failed, end_without_success
from gattkeeper.core.entry import Entry
from gattkeeper.core.forgetting import needs_no_connection
from gattkeeper.core.lifecycle import CommandStep, ConnectionState, ConnectionStep, SlotPhase
from gattkeeper.core.own_faults import CANCELLED, PLACE_TAKEN, STALLED, STOP_DROPS, TABLE_CHANGED
from gattkeeper.core.retry import Reaction, decide
from gattkeeper.core.state import AdapterState, DeviceState, Slot, SlotRole, State
from gattkeeper.core.sweep import sweep
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.outcome import Attempt, Cause, Phase, Verdict
from gattkeeper.model.security import Proof

RESUBSCRIBE_US = 30_000_000
"""How long a device that only has subscriptions is left alone after it could not be reached."""


def connected(state: State, device: DeviceState, att_mtu: int, table: str, proof: Proof) -> None:
    """The connection is up: what was subscribed to comes first, then the line. If it may be: see `trust`."""
    if not state.move_connection(device, ConnectionStep.UP):
        return
    device.att_mtu = att_mtu
    _take_table(state, device, table)
    state.timers.cancel(("connect", device.name))
    connecting.free(state, device)
    state.adapters[device.adapter].ladder.proven = True
    device.connect_failures = 0
    device.connect_ready_at = 0
    trust.look(state, device, proof)
    if device.shortfall and device.connect_strict and device.stop is None:
        device.connect_for = None
        _leave_untrusted(state, device, trust.fault_of(device))
        drop(state, device)
        return
    device.setup = deque(device.wanted.values())
    if device.setup and device.connect_for is not None:
        state.mark(device.connect_for, Phase.SETUP)
    device.connect_for = None
    resolving.ask_again(state, device)
    leases.activate(state, device)
    breaker.half_open(state, device)  # a stop connects although the device is left alone
    state.touch(device)


def _leave_untrusted(state: State, device: DeviceState, fault: Fault) -> None:
    """Who is there proved too little: nobody else is tried for what waits, and not soon for subscriptions."""
    trust.refuse(state, device, fault)
    device.connect_failures = 0
    device.connect_ready_at = state.now + RESUBSCRIBE_US if device.wanted else 0
    if device.wanted:
        state.timers.set(("reconnect", device.name), device.connect_ready_at)


def _take_table(state: State, device: DeviceState, table: str) -> bool:
    """Another attribute table is in force: subscriptions by handle have lost what they were about."""
    if table in ("", device.table):
        return False
    for target in [target for target in {**device.wanted, **device.enabled} if target.handle]:
        device.wanted.pop(target, None)
        device.enabled.pop(target, None)
        state.effects.append(SubscriptionEnded(device=device.name, target=target, fault=TABLE_CHANGED))
    device.first_table = device.first_table or table
    device.table = table
    return True


def updated(
    state: State, device: DeviceState, att_mtu: int | None, table: str | None, proof: Proof | None
) -> None:
    """News that is the answer to nothing. On another table the subscriptions are made anew."""
    if device.connection is not ConnectionState.CONNECTED:
        return
    if proof is not None and not _still_trusted(state, device, proof):
        return
    if att_mtu is not None:
        device.att_mtu = att_mtu
    leases.join(state, device)
    if table is None or not _take_table(state, device, table):
        return
    held = device.enabled if device.leases else {}
    device.setup = deque({**held, **device.wanted}.values())
    slot = device.slot
    if slot is not None and slot.entry is not None and is_stale(device, slot.entry) and _is_unsent(slot):
        device.slot = None
        _put_back(state, device, slot.entry, TABLE_CHANGED)
    state.touch(device)


def _still_trusted(state: State, device: DeviceState, proof: Proof) -> bool:
    """A connection that proves less than it did is given up at once, with what is in flight."""
    before = device.shortfall
    trust.look(state, device, proof)
    state.touch(device)
    if not device.shortfall or before:
        return True
    fault = trust.fault_of(device)
    trust.warn(state, device, fault)
    lose(state, device, fault, cause=Cause.NEVER_SENT)
    return False


def connect_failed(state: State, device: DeviceState, fault: Fault) -> None:
    """The attempt is over and nothing of it is left."""
    abandoned = device.connection is ConnectionState.ABANDONING
    if not state.move_connection(device, ConnectionStep.FAIL):
        return
    state.timers.cancel(("connect", device.name))
    connecting.free(state, device)
    adapter = state.adapters[device.adapter]
    adapter.occupied -= 1
    entry, device.connect_for = device.connect_for, None
    state.touch(device)
    roaming.reconsider(state, adapter)
    _finish_leaving(state, device)
    charged = device.connect_verdict if abandoned else fault
    sign = fault if fault.kind is FaultKind.WEDGED else charged  # a stack that is stuck says so in any case
    if sign is not None:
        adapter.ladder.note(state.limits, device.name, sign, state.now, alone=not adapter.occupied)
    if charged is None:
        return
    device.connect_failures += 1
    mending.note(device, charged)
    if entry is not None:
        _charge(state, device, entry, charged)
    if device.stop is not None:
        breaker.failed(state, device, charged, gave_up=False)
        roaming.avoid(state, device)
        if device.stop.attempt >= state.limits.stop_attempts_max:
            end_failed(state, device, device.stop, charged)
            return
        device.connect_ready_at = state.now + state.limits.stop_connect_backoff_us
        state.timers.set(("reconnect", device.name), device.connect_ready_at)
        return
    _connect_again_or_give_up(state, device, charged)


def _charge(state: State, device: DeviceState, entry: Entry, fault: Fault) -> None:
    """A connection tried on a command's behalf is one of its attempts."""
    entry.attempt += 1
    entry.attempts.append(
        Attempt(number=entry.attempt, started_at_us=device.connect_started_at, ended_at_us=state.now, fault=fault)
    )
    state.effects.append(
        RecordAttempt(command_id=entry.command.id, attempt=entry.attempt, epoch=device.epoch, fault=fault)
    )


def _connect_again_or_give_up(state: State, device: DeviceState, fault: Fault) -> None:
    if fault.kind is FaultKind.INSUFFICIENT_SECURITY:
        _leave_untrusted(state, device, fault)
        return
    ladder = state.adapters[device.adapter].ladder
    if not state.closing and (ladder.climbs or ladder.is_suspect(state.limits, state.now)):
        return  # the adapter is to blame: the line waits until something was done about that
    decision = decide(fault.kind, nth=device.connect_failures, jitter=state.jitter)
    again = decision.reaction in (Reaction.RETRY, Reaction.RECONNECT)
    breaker.failed(state, device, fault, gave_up=not again)
    if again and not breaker.is_open(device) and not ladder.parked:
        device.connect_ready_at = state.now + decision.backoff_us
        head = device.waiting.head()
        if head is not None:
            state.mark(head, Phase.BACKOFF, f"{decision.backoff_us / 1e6:.3g} s after {fault}")
    elif not breaker.is_open(device) and roaming.avoid(state, device):
        device.connect_failures = 0  # it goes on by another adapter, within this event
    else:
        _give_up(state, device, fault)
    if device.connect_ready_at > state.now:
        state.timers.set(("reconnect", device.name), device.connect_ready_at)


def _give_up(state: State, device: DeviceState, fault: Fault) -> None:
    """End what waits. Who came when the attempt was abandoned already gets one of its own."""
    without = needs_no_connection(state, device)
    after = device.connect_after

    def is_spared(entry: Entry) -> bool:
        return without(entry) or 0 < after <= entry.sequence

    device.connect_failures = 0
    device.connect_ready_at = state.now + RESUBSCRIBE_US if device.wanted and not after else 0
    sweep(state, device, Cause.NEVER_SENT, fault=fault, spared=is_spared)


def linger(state: State, device: DeviceState) -> None:
    """There is nothing to do since `idle_since`. A timer that rings too early is left alone until it does."""
    over_at = device.idle_since + device.linger_us
    if not 0 <= device.linger_at <= over_at:
        device.linger_at = over_at
        state.timers.set(("linger", device.name), over_at)


def linger_over(state: State, device: DeviceState) -> None:
    """The connection goes, unless it was used meanwhile, or somebody keeps it."""
    device.linger_at = -1
    if device.idle_since < 0 or device.wanted or device.leases:
        return  # whatever ends that looks for its next work, and lingers
    if device.idle_since + device.linger_us > state.now:
        linger(state, device)
    else:
        drop(state, device)


def drop(state: State, device: DeviceState, fault: Fault = PLACE_TAKEN) -> None:
    """Take a connection down that has nothing on its bearer. What is beside it had no effect, and waits again.

    `fault` is what those are told who held it.
    """
    state.move_connection(device, ConnectionStep.DROP)
    _let_go(state, device)
    slot = device.aside
    if slot is not None and not slot.unconnected:
        device.aside = None
        _stop_clock(state, device, slot)
        if slot.entry is not None and slot.phase is not SlotPhase.RELEASING:
            _put_back(state, device, slot.entry, CANCELLED)
    leases.end_active(state, device, fault)


def lose(state: State, device: DeviceState, fault: Fault, *, cause: Cause = Cause.LINK_LOST_BEFORE_SEND) -> None:
    """The connection is gone, or must go: the one in flight ends or waits again, then those in line.

    Those in line end that did not ask to survive. When the link is dropped because an answer did not come, the one
    that is to be tried again for just that is not among them, nor are those that came when the answer was given up
    already.
    """
    if not state.move_connection(device, ConnectionStep.DROP):
        return
    _let_go(state, device)
    released = [slot.released_after for slot in device.slots]
    stays = device.aside if device.aside is not None and device.aside.unconnected else None
    for slot in device.slots:
        if slot is not stays:
            _lose_slot(state, device, slot, fault)
    device.slot = device.bypass = None
    device.aside = stays
    device.setup.clear()
    before = replace(fault, ran=Ran.NO)
    leases.end_active(state, device, before)
    if device.waiting.roll.mortal and not roaming.goes_on(state, device, fault):
        spared = partial(_survives, fault, max(released, default=0))
        sweep(state, device, cause, fault=before, spared=spared)
    if fault is STOP_DROPS or device.answering:
        return
    mending.note(device, before)
    if fault.kind is FaultKind.LINK_LOST:
        breaker.failed(state, device, before, gave_up=True)  # it took the connection, and let it go at once


def _survives(fault: Fault, released_after: int, entry: Entry) -> bool:
    stalled = fault is STALLED and (FaultKind.TIMED_OUT in entry.faults or entry.sequence > released_after)
    return entry.command.survive_reconnect or stalled


def _lose_slot(state: State, device: DeviceState, slot: Slot, fault: Fault) -> None:
    _stop_clock(state, device, slot)
    if slot.phase is SlotPhase.IN_FLIGHT:
        attempt_over(state, device, slot, replace(fault, ran=Ran.MAYBE))
    elif slot.entry is not None and _is_unsent(slot):
        _put_back(state, device, slot.entry, replace(fault, ran=Ran.NO))


def _is_unsent(slot: Slot) -> bool:
    return slot.phase is SlotPhase.RECORDING and slot.role is SlotRole.MAIN


def _stop_clock(state: State, device: DeviceState, slot: Slot) -> None:
    for timer in ("attempt", "grace"):
        state.timers.cancel((timer, device.name, slot.token))


def _put_back(state: State, device: DeviceState, entry: Entry, fault: Fault) -> None:
    """It had no effect: it waits in its old place, unless a newer one took that, or its lease is over."""
    if parts.has_begun(entry) or state.has_lapsed(entry):
        end_failed(state, device, entry, fault)
        return
    newer = device.waiting.roll.keys.get(entry.command.coalesce_key)
    if newer is None:
        entry.move(CommandStep.PUT_BACK)
        state.wait(device, entry)
    else:
        end_without_success(state, device, entry, Cause.SUPERSEDED, by=newer.command.id)


def _let_go(state: State, device: DeviceState) -> None:
    quick = device.hurried or device.stop is not None or stop_wants_place(state, state.adapters[device.adapter])
    device.hurried = False
    device.enabled.clear()
    device.idle_since = device.linger_at = -1
    for timer in ("linger", "stop_grace", "pairing"):
        state.timers.cancel((timer, device.name))
    state.moved[device.name] = device
    state.effects.append(StartDisconnect(device=device.name, epoch=device.epoch, quick=quick))


def stop_wants_place(state: State, adapter: AdapterState) -> bool:
    """Whether an emergency stop needs a place on an adapter that has none."""
    return adapter.occupied >= adapter.slots and any(
        state.devices[name].stop is not None for name in adapter.wanting
    )


def gone(state: State, device: DeviceState, means: str) -> None:
    """Everything the connection held is let go: the place is free. By which means, a stop that waited tells."""
    if not state.move_connection(device, ConnectionStep.GONE):
        return
    if means and device.stop is not None:
        state.mark(device.stop, Phase.STOP_ROUTE, means)
    adapter = state.adapters[device.adapter]
    adapter.occupied -= 1
    roaming.reconsider(state, adapter)
    _finish_leaving(state, device)
    state.touch(device)


def _finish_leaving(state: State, device: DeviceState) -> None:
    leaving, device.leaving = device.leaving, []
    for entry in leaving:
        if not entry.move(CommandStep.START):
            continue  # expired meanwhile
        state.mark(entry, Phase.DISCONNECT)
        end(state, device, entry, Verdict.DELIVERED, Cause.ACKNOWLEDGED)
