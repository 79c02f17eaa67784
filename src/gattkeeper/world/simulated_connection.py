"""One connection of a simulated link: requests on their way to the device, and answers on their way back.

Knows time, loss and the device's attributes. When a connection comes up is `simulated_link`'s business.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, Ran
from gattkeeper.model.gatt import Characteristic, Service, table_digest
from gattkeeper.model.operation import Disconnect, Operation, Pair, Unpair, Write, WriteMode, kind_of
from gattkeeper.model.outcome import AnswerValue
from gattkeeper.model.security import Proof
from gattkeeper.runtime.ports import ConnectionEvents, LinkTraits
from gattkeeper.world.simulated_faults import LOCAL_HOST_TERMINATED, refused_with
from gattkeeper.world.simulated_gatt import SimulatedGatt
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
    Pretend,
    Raise,
    Stubborn,
    be_deaf,
)
from gattkeeper.world.virtual_device import AttError, VirtualCharacteristic, VirtualDevice

_APART_S = 1e-6

STRAGGLER_S = 1.0
"""How long after the end of a connection a straggling notification comes."""

STRAGGLER, STALE_TABLE = "straggler", "stale_table"
"""Names in the log of faults that no rule brings about."""


class Chance(Struct, frozen=True, kw_only=True, eq=False):
    """What decides about faults and figures on one link."""

    dice: random.Random
    interval_s: float
    disconnect_s: float
    ask: Callable[[LinkMoment, str, int, Operation | None], LinkAction | None]
    traits: LinkTraits
    settle_s: float
    paired: set[str]  # names of devices
    att_mtu_max: Callable[[], int]


class Request(Struct, kw_only=True, eq=False):
    """An operation on its way. `answer` carries a value, or the exception to raise."""

    operation: Operation
    parts: int  # of a long value, each with an answer of its own before the execution
    action: LinkAction | None
    answer: "asyncio.Future[AnswerValue | BaseException]"


class SimulatedConnection:
    """Implements `ports.LinkConnection`.

    Who is not `sincere` pretends to be the device: what it does, the device does not.

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
        prove: Callable[[], Proof],
        sincere: bool = True,
    ) -> None:
        self.device = device
        self.down: Fault | None = None
        self._events = events
        self._epoch = epoch
        self._chance = chance
        self._log = log
        self._on_end = on_end
        self._prove = prove
        self._done = SeenKind.APPLIED if sincere else SeenKind.PRETENDED
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, Request] = {}  # requests without an answer, by number
        self._count = 0
        self._leaving = False  # its owner takes it down
        self._gatt = SimulatedGatt(
            device, paired=chance.paired, att_mtu_max=chance.att_mtu_max(), interval_s=chance.interval_s
        )
        self._arrives_at = 0.0  # when what was sent last is with the device
        self._pushed: deque[tuple[Characteristic, bytes]] = deque()  # on the air
        device.notify = self._notify
        device.connected()
        self._note(SeenKind.UP)

    @property
    def att_mtu(self) -> int:
        """ATT_MTU in force, in bytes."""
        return self._gatt.att_mtu

    @property
    def services(self) -> tuple[Service, ...]:
        """The attribute table as discovered on this connection."""
        return self._gatt.services

    async def perform(self, operation: Operation) -> AnswerValue:
        """Run one operation once. Raises LinkError, and whatever a rule says."""
        if self.down is not None:
            raise LinkError(replace(self.down, ran=Ran.NO))
        kind = kind_of(operation)
        request = Request(
            operation=operation,
            parts=parts_of(operation, self._gatt.att_mtu),
            action=self._ask(LinkMoment.OPERATION, operation),
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

    def discover_again(self) -> None:
        """The device has another attribute table, and says so: subscriptions went with the old one."""
        self._gatt.discover_again()
        self._events.updated(table=table_digest(self._gatt.services))

    def change_mtu(self, att_mtu: int) -> None:
        """The device exchanged another ATT_MTU, in bytes, without being asked."""
        self._gatt.att_mtu = att_mtu
        self._events.updated(att_mtu=att_mtu)

    def pair(self, *, under_way: bool) -> None:
        """The device begins to pair, or is paired."""
        if not under_way:
            self._chance.paired.add(self.device.name)
            self.prove()
        self._events.pairing(under_way=under_way)

    def prove(self) -> Proof:
        """Do everything to prove how secure it is, and tell the owner what came of it."""
        proof = self._prove()
        self._events.proved(proof)
        return proof

    async def disconnect(self, *, quick: bool = False) -> str:
        """Take the connection down; there is no quicker way. Raises only what a rule says."""
        del quick
        if self._leaving:
            return ""  # the first call takes its time
        self._leaving = True
        action = self._ask(LinkMoment.DISCONNECT, None)
        try:
            if isinstance(action, Stubborn):
                await be_deaf(action.seconds)
            elif isinstance(action, Hang):
                await asyncio.wait([self._loop.create_future()], timeout=_finite(action.seconds))
            elif isinstance(action, Raise):
                raise action.error
            elif self.down is None:
                await asyncio.sleep(self._chance.disconnect_s)
        finally:
            self.end(LOCAL_HOST_TERMINATED)
        return ""

    def end(self, fault: Fault, *, told: int = 1, straggler: bytes = b"") -> None:
        """The connection is down: what is pending fails, and the owner hears of it, at once or a little later.

        A `straggler` is a notification that the stack passes on STRAGGLER_S after that.
        """
        if self.down is not None:
            return
        self.forget(fault)
        for request in self._open.values():
            _give(request, LinkError(replace(fault, ran=Ran.MAYBE)))
        self._open.clear()
        later = self._chance.dice.choice((0.0, self._gatt.interval_s))
        for _ in range(told):
            if later:
                self._loop.call_later(later, self._events.lost, fault)
            else:
                self._events.lost(fault)
        if straggler:
            self._loop.call_later(STRAGGLER_S, self._straggle, straggler)

    def forget(self, fault: Fault = LOCAL_HOST_TERMINATED) -> None:
        """The connection is down without a word to its owner, who never had it."""
        self.down = fault
        self._note(SeenKind.DOWN)
        self.device.notify = lambda _attribute, _payload: None  # nobody listens
        self.device.disconnected()
        self._on_end()

    def _straggle(self, payload: bytes) -> None:
        for known, _ in self._gatt.subscribed.values():
            self._note(SeenKind.FAULT, fault=STRAGGLER)
            self._events.notification(known, payload)

    def _ask(self, moment: LinkMoment, operation: Operation | None) -> LinkAction | None:
        return self._chance.ask(moment, self.device.name, self._epoch, operation)

    def _note(
        self,
        kind: SeenKind,
        operation: Operation | None = None,
        *,
        value: AnswerValue = None,
        pending: int = 0,
        fault: str = "",
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
                fault=fault,
            )
        )

    def _send(self, request: Request, number: int) -> None:
        if isinstance(request.action, LoseRequest):
            return
        delay = self._gatt.interval_s * (self._chance.dice.uniform(0.1, 1.0) + 2 * request.parts)
        if isinstance(request.action, LateRequest):
            delay += request.action.seconds
        # nothing overtakes on one bearer (Vol 3, Part A, 2.4): what is sent later arrives later
        self._arrives_at = max(self._loop.time() + delay, self._arrives_at + _APART_S)
        self._loop.call_at(self._arrives_at, self._arrive, request, number)

    def _arrive(self, request: Request, number: int) -> None:
        """The device has the request."""
        if self.down is not None:
            return
        action = request.action
        answer: AnswerValue | BaseException = None
        if isinstance(action, Pretend):
            self._note(SeenKind.PRETENDED, request.operation)
        elif not isinstance(action, Fail | LoseLink | Raise) or action.applied:
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
        delay = self._gatt.interval_s + (action.seconds if isinstance(action, LateResponse) else 0.0)
        self._loop.call_later(delay, self._answer, request, number, answer)

    def _answer(self, request: Request, number: int, answer: AnswerValue | BaseException) -> None:
        if self.down is None and self._open.pop(number, None) is not None:
            self._note(SeenKind.ANSWERED, request.operation)
            if isinstance(request.operation, Pair) and not isinstance(answer, BaseException):
                self.prove()
            _give(request, answer)
            if isinstance(request.operation, Unpair) and not isinstance(answer, BaseException):
                self._loop.call_soon(self.end, LOCAL_HOST_TERMINATED)  # after its caller has the answer

    def _apply(self, request: Request) -> AnswerValue | BaseException:
        operation = request.operation
        try:
            must_be_kept(request.parts, self.device.prepared_writes_max)
            value = self._gatt.carry_out(operation)
        except AttError as refusal:
            return LinkError(refused_with(refusal.code))
        except LinkError as error:
            if self._gatt.is_stale:
                self._note(SeenKind.FAULT, operation, fault=STALE_TABLE)
            return error
        if isinstance(operation, Disconnect):
            self._loop.call_soon(self.end, LOCAL_HOST_TERMINATED)
        self._note(self._done, operation, value=value if not isinstance(value, tuple) else None)
        return value

    def _notify(self, attribute: VirtualCharacteristic, payload: bytes) -> None:
        if attribute.uuid in self._gatt.subscribed:
            known, _ = self._gatt.subscribed[attribute.uuid]
            self._pushed.append((known, payload))
            self._loop.call_later(self._gatt.interval_s, self._notified)

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
