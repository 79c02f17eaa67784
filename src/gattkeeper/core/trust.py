"""Whether a connection proves enough of what its device demands, and what may be done on one that does not.

Knows demands and proofs. How a link proves anything is its business. An emergency stop goes out on any connection,
for it must not be withheld; but an answer that anybody may have given proves nothing (decision 0006). Pairing is
how a device comes to prove more. Nothing else is handed over on a connection that proves too little.
"""

from msgspec.structs import replace

from gattkeeper.core.effects import AlertChanged
from gattkeeper.core.entry import Entry
from gattkeeper.core.state import DeviceState, State
from gattkeeper.core.sweep import sweep
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Pair, Unpair
from gattkeeper.model.outcome import Cause
from gattkeeper.model.security import Demand, Proof, shortfall
from gattkeeper.model.status import Alert, AlertKind


def needs_no_proof(entry: Entry) -> bool:
    """Whether a command may go out on a connection that proves too little."""
    return entry.command.stop or isinstance(entry.command.operation, Pair | Unpair)


def demand_for(device: DeviceState, entry: Entry | None) -> Demand:
    """What a connection has to prove that is made for this command, or for subscriptions alone."""
    if entry is not None and needs_no_proof(entry) and device.demand.asks:
        return replace(device.demand, strict=False)
    return device.demand


def look(state: State, device: DeviceState, proof: Proof) -> None:
    """Compare what a connection proves with what is demanded."""
    device.shortfall = shortfall(device.demand, proof)
    if not device.shortfall and AlertKind.SECURITY in device.alerts:
        del device.alerts[AlertKind.SECURITY]
        alert = Alert(kind=AlertKind.SECURITY, device=device.name, raised=False, value=0)
        state.effects.append(AlertChanged(alert=alert))


def may_go_on(state: State, device: DeviceState) -> bool:
    """Whether the next of those that wait may go out on a connection that proves too little."""
    entry = device.waiting.ready(state.now)
    return entry is not None and needs_no_proof(entry)


def fault_of(device: DeviceState, ran: Ran = Ran.NO) -> Fault:
    """What is told of a connection that proves too little."""
    text = f"{device.shortfall}: somebody else may answer there, or it has to be paired"
    return Fault(kind=FaultKind.INSUFFICIENT_SECURITY, ran=ran, stack="keeper", name="unproved", text=text)


def warn(state: State, device: DeviceState, fault: Fault) -> None:
    """Tell that a device proved too little: once, until it proves enough."""
    if AlertKind.SECURITY in device.alerts:
        return
    device.alerts[AlertKind.SECURITY] = None
    text = f"{device.name} is not trusted, and gets nothing but an emergency stop: {fault}"
    state.effects.append(
        AlertChanged(alert=Alert(kind=AlertKind.SECURITY, device=device.name, raised=True, value=1, text=text))
    )


def refuse(state: State, device: DeviceState, fault: Fault) -> None:
    """A connection proved too little: warn, and end what waits for one that does."""
    warn(state, device, fault)
    sweep(state, device, Cause.NEVER_SENT, fault=fault, spared=needs_no_proof)
