"""One connection of a simulated link: requests on their way to the device, and answers on their way back.

Knows time, loss and the device's attributes. When a connection comes up is `simulated_link`'s business.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import (
    Characteristic,
    CharacteristicRef,
    Property,
    Service,
    find_characteristics,
)
from gattkeeper.model.operation import (
    KIND_CONFLICT,
    Connect,
    Disconnect,
    DiscoverServices,
    Operation,
    Pair,
    Phy,
    Read,
    ReadDescriptor,
    ReadPhy,
    ReadRssi,
    RequestConnectionParameters,
    RequestMtu,
    SetPhy,
    Subscribe,
    SubscriptionKind,
    Unpair,
    Unsubscribe,
    Write,
    WriteDescriptor,
    WriteMode,
    kind_of,
    problem_with_parameters,
)
from gattkeeper.model.outcome import AnswerValue, ConnectionParameters, Phys
from gattkeeper.runtime.ports import ConnectionEvents, LinkTraits
from gattkeeper.world.simulated_lengths import must_be_kept, parts_of
from gattkeeper.world.simulated_log import Seen, SeenKind, SimulatedLog
from gattkeeper.world.simulated_rules import (
    Fail,
    Hang,
    LateRequest,
    LateResponse,
    LinkAction,
    LinkMoment,
    LoseLink,
    LoseRequest,
    LoseResponse,
    Raise,
)
from gattkeeper.world.simulated_table import discover
from gattkeeper.world.virtual_device import REQUEST_NOT_SUPPORTED, AttError, VirtualCharacteristic, VirtualDevice

ATT_MTU = 247
"""Largest ATT_MTU of a simulated connection, in bytes: what fits one packet of Bluetooth 4.2."""

RSSI_DBM = -50
INVALID_PARAMETERS = Fault(
    kind=FaultKind.REJECTED, ran=Ran.NO, stack="simulated", code=0x12, name="invalid_parameters"
)
OTHER_KIND = Fault(
    kind=FaultKind.REJECTED,
    ran=Ran.NO,
    stack="simulated",
    name=KIND_CONFLICT,
    text="it is subscribed to the other way already: unsubscribe that first, or take either kind",
)

_KINDS = {
    SubscriptionKind.EITHER: Property.NOTIFY | Property.INDICATE,
    SubscriptionKind.NOTIFY: Property.NOTIFY,
    SubscriptionKind.INDICATE: Property.INDICATE,
}

_NEEDS_PAIRING = (0x05, 0x0F)
_INSUFFICIENT_ENCRYPTION = 0x0F
_INVALID_HANDLE = 0x01
"""ATT error codes (Core Specification, Vol 3, Part F, 3.4.1.1)."""

LOCAL_HOST_TERMINATED = Fault(
    kind=FaultKind.LINK_LOST, ran=Ran.MAYBE, stack="simulated", code=0x16, name="terminated_by_local_host"
)


class Chance(Struct, frozen=True, kw_only=True, eq=False):
    """What decides about faults and figures on one link."""

    dice: random.Random
    interval_s: float
    disconnect_s: float
    ask: Callable[[LinkMoment, str, str], LinkAction | None]
    traits: LinkTraits
    settle_s: float
    paired: set[str]  # names of devices


class Request(Struct, kw_only=True, eq=False):
    """An operation on its way. `answer` carries a value, or the exception to raise."""

    operation: Operation
    parts: int  # of a long value, each with an answer of its own before the execution
    action: LinkAction | None
    answer: "asyncio.Future[AnswerValue | BaseException]"


class SimulatedConnection:
    """Implements `ports.LinkConnection`.

    What was handed over stays on its way when the caller stops waiting for it, as on a real radio: it may
    still be carried out, and it occupies the connection until its answer arrives.
    """

    def __init__(
        self,
        device: VirtualDevice,
        events: ConnectionEvents,
        *,
        epoch: int,
        chance: Chance,
        log: SimulatedLog,
        on_end: Callable[[], object],
    ) -> None:
        self.device = device
        self.down: Fault | None = None
        self._events = events
        self._epoch = epoch
        self._chance = chance
        self._log = log
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, Request] = {}  # requests without an answer, by number
        self._count = 0
        self._att_mtu = 23
        self._table, self._services = discover(device)
        self._subscribed: dict[str, tuple[Characteristic, Property]] = {}  # by UUID; NOTIFY or INDICATE
        self._pushed: deque[tuple[Characteristic, bytes]] = deque()  # on the air
        self._interval_s = chance.interval_s
        self._phys = Phys(tx=Phy.LE_1M, rx=Phy.LE_1M)
        device.notify = self._notify
        device.connected()
        self._note(SeenKind.UP)

    @property
    def att_mtu(self) -> int:
        """ATT_MTU in force, in bytes."""
        return self._att_mtu

    @property
    def services(self) -> tuple[Service, ...]:
        """The attribute table as discovered on this connection."""
        return self._services

    async def perform(self, operation: Operation) -> AnswerValue:
        """Run one operation once. Raises LinkError, and whatever a rule says."""
        if self.down is not None:
            raise LinkError(replace(self.down, ran=Ran.NO))
        kind = kind_of(operation)
        request = Request(
            operation=operation,
            parts=parts_of(operation, self._att_mtu),
            action=self._chance.ask(LinkMoment.OPERATION, self.device.name, kind),
            answer=self._loop.create_future(),
        )
        if isinstance(operation, Write) and operation.mode is WriteMode.WITHOUT_RESPONSE:
            self._note(SeenKind.REQUEST, operation)
            self._send(request, 0)
            return None
        self._count += 1
        self._open[self._count] = request
        traits = self._chance.traits
        on_bearer = sum(kind_of(one.operation) not in traits.aside for one in self._open.values())
        self._note(SeenKind.REQUEST, operation, pending=on_bearer if kind not in traits.aside else 0)
        self._send(request, self._count)
        if kind in traits.unanswered:
            self._loop.call_later(self._chance.settle_s, self._answer, request, self._count, None)
        answer = await request.answer
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def pair(self, *, under_way: bool) -> None:
        """The device begins to pair, or is paired."""
        if not under_way:
            self._chance.paired.add(self.device.name)
        self._events.pairing(under_way=under_way)

    async def disconnect(self) -> None:
        """Take the connection down. Raises only what a rule says."""
        action = self._chance.ask(LinkMoment.DISCONNECT, self.device.name, "")
        try:
            if isinstance(action, Hang):
                await asyncio.wait([self._loop.create_future()], timeout=_finite(action.seconds))
            elif isinstance(action, Raise):
                raise action.error
            elif self.down is None:
                await asyncio.sleep(self._chance.disconnect_s)
        finally:
            self.end(LOCAL_HOST_TERMINATED)

    def end(self, fault: Fault, *, told: int = 1) -> None:
        """The connection is down: what is pending fails, and the owner hears of it, at once or a little later."""
        if self.down is not None:
            return
        self.forget(fault)
        for request in self._open.values():
            _give(request, LinkError(replace(fault, ran=Ran.MAYBE)))
        self._open.clear()
        later = self._chance.dice.choice((0.0, self._interval_s))
        for _ in range(told):
            if later:
                self._loop.call_later(later, self._events.lost, fault)
            else:
                self._events.lost(fault)

    def forget(self, fault: Fault = LOCAL_HOST_TERMINATED) -> None:
        """The connection is down without a word to its owner, who never had it."""
        self.down = fault
        self._note(SeenKind.DOWN)
        self.device.notify = lambda _attribute, _payload: None  # nobody listens
        self.device.disconnected()
        self._on_end()

    def _note(
        self, kind: SeenKind, operation: Operation | None = None, *, value: AnswerValue = None, pending: int = 0
    ) -> None:
        self._log.note(
            Seen(
                at_s=self._loop.time(),
                device=self.device.name,
                epoch=self._epoch,
                kind=kind,
                operation=operation,
                value=value,
                pending=pending,
            )
        )

    def _send(self, request: Request, number: int) -> None:
        if isinstance(request.action, LoseRequest):
            return
        delay = self._interval_s * (self._chance.dice.uniform(0.1, 1.0) + 2 * request.parts)
        if isinstance(request.action, LateRequest):
            delay += request.action.seconds
        self._loop.call_later(delay, self._arrive, request, number)

    def _arrive(self, request: Request, number: int) -> None:
        """The device has the request."""
        if self.down is not None:
            return
        action = request.action
        answer: AnswerValue | BaseException = None
        if not isinstance(action, Fail | LoseLink | Raise) or action.applied:
            answer = self._apply(request)
        match action:
            case LoseLink():
                self.end(action.fault, told=action.told)
                return
            case LoseResponse():
                return
            case Fail():
                answer = LinkError(action.fault)
            case Raise():
                answer = action.error()
            case _:
                pass
        if kind_of(request.operation) in self._chance.traits.unanswered and not isinstance(answer, BaseException):
            return
        delay = self._interval_s + (action.seconds if isinstance(action, LateResponse) else 0.0)
        self._loop.call_later(delay, self._answer, request, number, answer)

    def _answer(self, request: Request, number: int, answer: AnswerValue | BaseException) -> None:
        if self.down is None and self._open.pop(number, None) is not None:
            self._note(SeenKind.ANSWERED, request.operation)
            _give(request, answer)
            if isinstance(request.operation, Unpair) and not isinstance(answer, BaseException):
                self._loop.call_soon(self.end, LOCAL_HOST_TERMINATED)  # after its caller has the answer

    def _apply(self, request: Request) -> AnswerValue | BaseException:
        operation = request.operation
        try:
            must_be_kept(request.parts, self.device.prepared_writes_max)
            value = self._carry_out(operation)
        except AttError as refusal:
            return LinkError(_att_fault(refusal.code))
        except LinkError as error:
            return error
        self._note(SeenKind.APPLIED, operation, value=value if not isinstance(value, tuple) else None)
        return value

    def _carry_out(self, operation: Operation) -> AnswerValue:  # noqa: C901, PLR0911, PLR0912 - a case each
        match operation:
            case Read():
                return self.device.read(self._target(operation.target)[1])
            case Write():
                self.device.write(self._target(operation.target)[1], operation.payload)
            case Subscribe():
                self._subscribe(operation)
            case Unsubscribe():
                self._subscribed.pop(self._target(operation.target)[0].uuid, None)
            case RequestMtu():
                self._att_mtu = max(self._att_mtu, min(operation.att_mtu, ATT_MTU, self.device.att_mtu_max))
                return self._att_mtu
            case ReadRssi():
                return RSSI_DBM
            case DiscoverServices():
                self._table, self._services = discover(self.device)
                return self._services
            case Pair():
                self._chance.paired.add(self.device.name)
            case Unpair():
                self._chance.paired.discard(self.device.name)  # the connection ends once this is answered
            case ReadPhy():
                return self._phys
            case SetPhy():
                self._phys = Phys(tx=operation.tx or self._phys.tx, rx=operation.rx or self._phys.rx)
                return self._phys
            case RequestConnectionParameters():
                return self._change_parameters(operation)
            case Connect():
                pass  # it is up
            case Disconnect():
                self._loop.call_soon(self.end, LOCAL_HOST_TERMINATED)
            case ReadDescriptor() | WriteDescriptor():
                raise AttError(REQUEST_NOT_SUPPORTED)
            case _:
                assert_never(operation)
        return None

    def _subscribe(self, operation: Subscribe) -> None:
        """Raises AttError: the characteristic has not the kind wanted; LinkError: somebody has the other kind."""
        known, attribute = self._target(operation.target)
        held = self._subscribed.get(known.uuid, (known, None))[1]
        offered = attribute.properties & _KINDS[operation.kind]
        if not offered:
            raise AttError(REQUEST_NOT_SUPPORTED)
        if held is not None and held not in _KINDS[operation.kind]:
            raise LinkError(OTHER_KIND)
        chosen = held or (Property.NOTIFY if Property.NOTIFY in offered else Property.INDICATE)
        self._subscribed[known.uuid] = known, chosen

    def _change_parameters(self, wanted: RequestConnectionParameters) -> ConnectionParameters:
        """The longest interval that is wanted. Raises LinkError: no adapter would take them."""
        if problem_with_parameters(wanted):
            raise LinkError(INVALID_PARAMETERS)
        self._interval_s = wanted.interval_max_us / 1_000_000
        return ConnectionParameters(
            interval_us=wanted.interval_max_us,
            latency=wanted.latency,
            supervision_timeout_us=wanted.supervision_timeout_us,
        )

    def _target(self, ref: CharacteristicRef) -> tuple[Characteristic, VirtualCharacteristic]:
        """The attribute a reference points at. Raises AttError: none, or closed until paired."""
        known = find_characteristics(self._services, ref)
        if not known:
            raise AttError(_INVALID_HANDLE)
        attribute = self._table[known[0].handle]
        if attribute.encrypted and self.device.name not in self._chance.paired:
            raise AttError(_INSUFFICIENT_ENCRYPTION)
        return known[0], attribute

    def _notify(self, attribute: VirtualCharacteristic, payload: bytes) -> None:
        if attribute.uuid in self._subscribed:
            known, _ = self._subscribed[attribute.uuid]
            self._pushed.append((known, payload))
            self._loop.call_later(self._interval_s, self._notified)

    def _notified(self) -> None:
        """The oldest arrives: timers of one moment fire in any order, notifications in theirs."""
        known, payload = self._pushed.popleft()
        if self.down is None:
            self._events.notification(known, payload)


def _give(request: Request, answer: AnswerValue | BaseException) -> None:
    if not request.answer.done():
        request.answer.set_result(answer)


def _finite(seconds: float) -> float | None:
    return seconds if seconds != float("inf") else None


def _att_fault(code: int) -> Fault:
    kind = FaultKind.NEEDS_PAIRING if code in _NEEDS_PAIRING else FaultKind.REJECTED
    return Fault(kind=kind, ran=Ran.REFUSED, stack="att", code=code)
