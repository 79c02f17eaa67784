"""Drives a scheduler in a test: keeps the clock, feeds events, plays the disk and, when told, the stack.

Knows events, effects and public commands. It decides nothing: each test says what the stack answers.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from core.watch import Watch
from gattkeeper.core import effects, events
from gattkeeper.core.limits import Limits
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import Characteristic, CharacteristicRef
from gattkeeper.model.operation import (
    Composite,
    Connect,
    Disconnect,
    LongWrite,
    Operation,
    Pair,
    Read,
    ReadRssi,
    Sequence,
    Subscribe,
    Unpair,
    Write,
    WriteMode,
    WriteThenWait,
)
from gattkeeper.model.outcome import AnswerValue, Cause, Outcome, Phase, Verdict
from gattkeeper.model.status import AdapterStatus, DeviceStatus

MS = 1_000
S = 1_000_000

POSITION = CharacteristicRef(uuid="00000001-0000-1000-8000-00805f9b34fb")
BATTERY = CharacteristicRef(uuid="00002a19-0000-1000-8000-00805f9b34fb")
ANSWERS = CharacteristicRef(uuid="00000003-0000-1000-8000-00805f9b34fb")

A_READ = Read(target=BATTERY)
SUBSCRIBE = Subscribe(target=ANSWERS)
STOP_WRITE = Write(target=POSITION, payload=b"\xff")

VALUE = CharacteristicRef(handle=3)

E = TypeVar("E", bound=effects.Effect)


def write(payload: int = 1, *, without: bool = False) -> Write:
    """A write that tests tell apart by its one byte."""
    mode = WriteMode.WITHOUT_RESPONSE if without else WriteMode.WITH_RESPONSE
    return Write(target=POSITION, payload=bytes([payload]), mode=mode)


def ask(payload: int = 1, **fields: Any) -> WriteThenWait:
    """A write whose answer is a notification of ANSWERS."""
    return WriteThenWait(write=write(payload), answer=ANSWERS, **fields)


def sequence(number: int) -> Sequence:
    """Two writes around a read, and an undo, which tell the number."""
    first, last, undo = (Write(target=POSITION, payload=number.to_bytes(2) + part) for part in (b"1", b"2", b"u"))
    between = Read(target=CharacteristicRef(handle=10_000 + number))
    return Sequence(steps=(first, between, last), undo=undo, lease_us=(1 + number % 9) * S)


def long_write(number: int, **fields: Any) -> LongWrite:
    """Three chunks at the least ATT_MTU, each of which tells the number: 20, 20 and 7 bytes."""
    chunks = (number.to_bytes(2) + bytes([part]) * 18 for part in range(3))
    return LongWrite(target=POSITION, payload=b"".join(chunks)[:47], **fields)


def operation_of(kind: str, number: int) -> Operation | Composite:
    """An operation that tells its command: by payload, or by handle."""
    payload = number.to_bytes(2)
    match kind:
        case "read":
            return Read(target=CharacteristicRef(handle=number))
        case "write":
            return Write(target=POSITION, payload=payload)
        case "without":
            return Write(target=POSITION, payload=payload, mode=WriteMode.WITHOUT_RESPONSE)
        case "long":
            return long_write(number)
        case "ask":
            waits = Write(target=POSITION, payload=payload)
            return WriteThenWait(write=waits, answer=ANSWERS, starts_with=payload, timeout_us=2 * S)
        case "subscribe":
            return Subscribe(target=CharacteristicRef(handle=number))
        case "pair":
            return Pair()
        case "unpair":
            return Unpair()
        case "rssi":
            return ReadRssi()
        case "connect":
            return Connect()
        case _:
            return Disconnect()


def said_to(command: Command) -> bytes:
    """What a device that behaves answers to a write that waits."""
    assert isinstance(command.operation, WriteThenWait)
    return command.operation.starts_with + b"!"


def fault(kind: FaultKind, ran: Ran = Ran.MAYBE) -> Fault:
    return Fault(kind=kind, ran=ran, stack="test")


class Drive:
    """One adapter "hci" with some devices. Intents are durable at once unless `slow_disk` is set."""

    def __init__(
        self,
        *devices: str,
        slots: int = 5,
        limits: Limits | None = None,
        journalled: bool = True,
        safety: bool = False,
        linger_us: int = 8 * S,
        watch: Watch | None = None,
        **traits: Any,
    ) -> None:
        self.scheduler = Scheduler(limits, journalled=journalled)
        self.now = 0
        self.slow_disk = False
        self.watch = watch
        self.effects: list[effects.Effect] = []
        self.fed: list[tuple[events.Event, int]] = []
        self.owed: list[effects.Dispatch] = []  # handed over, not answered, link still there
        self.forgets: list[effects.Forget] = []  # bonds to be given up without a connection, not answered
        self.epochs: dict[str, int] = {}
        self.recovering: list[effects.Recover] = []  # rungs that are not over
        self.feed(events.AdapterAdded(adapter="hci", slots=slots, **traits))
        for device in devices or ("blind",):
            self.feed(events.DeviceAdded(device=device, adapter="hci", safety=safety, linger_us=linger_us))

    def feed(self, event: events.Event) -> list[effects.Effect]:
        """One event now; everything it caused."""
        self.fed.append((event, self.now))
        if self.watch is not None:
            self.watch.before(event)
        caused = self.scheduler.handle(event, self.now)
        if self.watch is not None:
            self.watch.after(event, caused, self.now)
        self.effects += caused
        for effect in caused:
            self._note(effect)
        for effect in caused:
            if isinstance(effect, effects.RecordIntent) and effect.awaited and not self.slow_disk:
                caused = caused + self.feed(events.IntentRecorded(device=effect.device, token=effect.token))
            if isinstance(effect, effects.Resolve) and not self.slow_disk:
                device, command_id = effect.command.device, effect.command.id
                caused = caused + self.feed(events.Resolved(device=device, command_id=command_id))
        return caused

    def _note(self, effect: effects.Effect) -> None:
        match effect:
            case effects.StartConnect():
                self.epochs[effect.device] = effect.epoch
            case effects.Dispatch():
                self.owed.append(effect)
            case effects.Forget():
                self.forgets.append(effect)
            case effects.Recover():
                self.recovering.append(effect)
            case effects.StartDisconnect():
                self.owed = [one for one in self.owed if one.device != effect.device]
            case _:
                pass

    def wait(self, length_us: int) -> None:
        """Let time pass; the scheduler is woken whenever it asked for it."""
        until = self.now + length_us
        while (at := self.scheduler.wakeup_at()) is not None and at <= until:
            self.now = max(self.now, at)
            self.feed(events.Ticked())
        self.now = until

    def go_on(self, length_us: int, play_one: Callable[[], bool]) -> None:
        """Let time pass while the world answers: `play_one` says one thing, and whether there was anything to say."""
        until = self.now + length_us
        while self.now < until:
            for _ in range(60):
                if not play_one():
                    break
            else:
                raise AssertionError("it goes on for ever")
            at = self.scheduler.wakeup_at()
            self.wait(min(until, at if at is not None else until) - self.now)

    def jump(self, length_us: int) -> None:
        """Let time pass without waking the scheduler: the machine was asleep."""
        self.now += length_us

    # what callers do

    def submit(
        self, command_id: str, operation: Operation | Composite, device: str = "blind", **fields: Any
    ) -> None:
        command = Command(id=command_id, device=device, operation=operation, **fields)
        self.feed(events.Submitted(command=command))

    def fan_out(
        self, fanout_id: str, commands: dict[str, Operation], gather_us: int = 10 * S, **fields: Any
    ) -> None:
        """An operation for each device; a command's id is that of the fan-out and its device's name."""
        together = tuple(
            Command(id=f"{fanout_id}-{device}", device=device, operation=operation, fanout=fanout_id, **fields)
            for device, operation in commands.items()
        )
        self.feed(events.FanoutSubmitted(id=fanout_id, commands=together, gather_us=gather_us))

    def stop(self, command_id: str = "stop", operation: Operation = STOP_WRITE, **fields: Any) -> None:
        latch = fields.pop("latch", False)
        fields.setdefault("device", "blind")
        command = Command(id=command_id, operation=operation, stop=True, **fields)
        self.feed(events.StopRequested(command=command, latch=latch))

    def cancel(self, command_id: str) -> None:
        self.feed(events.CancelRequested(command_id=command_id))

    def reprioritise(self, command_id: str, priority: Priority) -> None:
        self.feed(events.Reprioritised(command_id=command_id, priority=priority))

    # what the stack does

    def linked(self, device: str = "blind") -> None:
        """The link is up; what it leads to is not known yet."""
        self.feed(events.ConnectProgressed(device=device, epoch=self.epochs[device], phase=Phase.CONNECTED))

    def connected(self, device: str = "blind", *, table: str = "") -> None:
        self.feed(events.Connected(device=device, epoch=self.epochs[device], table=table))

    def updated(self, *, device: str = "blind", **news: Any) -> None:
        """News of a connection: `att_mtu`, `table`."""
        self.feed(events.ConnectionUpdated(device=device, epoch=self.epochs.get(device, 0), **news))

    def connect_failed(
        self, kind: FaultKind = FaultKind.CANCELLED, device: str = "blind", ran: Ran = Ran.NO
    ) -> None:
        self.feed(events.ConnectFailed(device=device, epoch=self.epochs[device], fault=fault(kind, ran)))

    def warm(self, device: str = "blind", *, table: str = "") -> None:
        """Have the device connected, with nothing to do."""
        self.submit(f"connect-{device}", Connect(), device)
        self.connected(device, table=table)

    def answer(self, value: AnswerValue = None, device: str = "blind") -> None:
        """A good answer to what has been owed longest."""
        self.answer_to(self._oldest(device), value)

    def answer_to(self, owed: effects.Dispatch, value: AnswerValue = None) -> None:
        if self.watch is not None:
            value = self.watch.value(owed, value)
        self.feed(events.Answered(device=owed.device, epoch=owed.epoch, token=owed.token, value=value))

    def fail(self, kind: FaultKind, ran: Ran = Ran.MAYBE, device: str = "blind") -> None:
        """A bad answer to what has been owed longest."""
        self.fail_to(self._oldest(device), kind, ran)

    def fail_to(self, owed: effects.Dispatch, kind: FaultKind, ran: Ran = Ran.MAYBE) -> None:
        self.feed(events.Failed(device=owed.device, epoch=owed.epoch, token=owed.token, fault=fault(kind, ran)))

    def forgot(self, why: Fault | None = None) -> bool:
        """The oldest of the bonds is given up, or why that could not be done. True: something was said."""
        owed = self.forgets.pop(0)
        device, epoch, token = owed.device, owed.epoch, owed.token
        if why is None:
            self.feed(events.Answered(device=device, epoch=epoch, token=token))
        else:
            self.feed(events.Failed(device=device, epoch=epoch, token=token, fault=why))
        return True

    def _oldest(self, device: str) -> effects.Dispatch:
        owed = next(one for one in self.owed if one.device == device)
        self.owed.remove(owed)
        return owed

    def notify(
        self, payload: bytes = b"ok", target: CharacteristicRef = ANSWERS, device: str = "blind", epoch: int = 0
    ) -> None:
        """A value is pushed, on the connection there is unless another `epoch` is named."""
        pushed = Characteristic(uuid=target.uuid, service="", handle=7, properties=0x10)
        self.feed(
            events.Notified(
                device=device, epoch=epoch or self.epochs[device], characteristic=pushed, payload=payload
            )
        )

    def lost(self, device: str = "blind", kind: FaultKind = FaultKind.LINK_LOST) -> None:
        self.feed(events.ConnectionLost(device=device, epoch=self.epochs[device], fault=fault(kind)))

    def gone(self, device: str = "blind") -> None:
        self.feed(events.DisconnectDone(device=device, epoch=self.epochs[device]))

    def pairing(self, *, under_way: bool, device: str = "blind") -> None:
        """Somebody pairs on the connection, or that is over."""
        kind = events.PairingStarted if under_way else events.PairingEnded
        self.feed(kind(device=device, epoch=self.epochs.get(device, 0)))

    def adapter_down(self, kind: FaultKind = FaultKind.ADAPTER_GONE) -> None:
        self.feed(events.AdapterDown(adapter="hci", fault=fault(kind)))

    def adapter_up(self) -> None:
        self.feed(events.AdapterUp(adapter="hci"))

    def recovered(self, why: Fault | None = None) -> Rung:
        """The oldest rung under way is over; which one that was."""
        done = self.recovering.pop(0)
        self.feed(
            events.RecoveryDone(
                adapter=done.adapter, rung=done.rung, device=done.device, alone=done.alone, fault=why
            )
        )
        return done.rung

    # what a test asks

    def of(self, kind: type[E]) -> list[E]:
        """Every effect of a kind so far."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def sent(self, device: str = "blind") -> list[Operation]:
        """What was handed over to the stack, in order."""
        return [one.operation for one in self.of(effects.Dispatch) if one.device == device]

    def payloads(self, device: str = "blind") -> list[int]:
        """The bytes of the writes that were handed over, in order."""
        return [one.payload[0] for one in self.sent(device) if isinstance(one, Write)]

    def endings(self) -> dict[str, Outcome]:
        """Outcomes by command, in the order in which they were given."""
        finished = self.of(effects.Finish)
        outcomes = {one.command.id: one.outcome for one in finished}
        assert len(outcomes) == len(finished), "a command ended twice"
        return outcomes

    def ended(self, command_id: str) -> tuple[Verdict, Cause]:
        outcome = self.endings()[command_id]
        return outcome.verdict, outcome.cause

    def resolutions(self) -> list[tuple[str, bool]]:
        """Unknown commands, and whether they were applied, as far as the scheduler found out."""
        return [(one.command.id, one.applied) for one in self.of(effects.Resolve)]

    def open(self, command_id: str) -> bool:
        """Accepted, and without outcome."""
        return command_id in self.accepted() and command_id not in self.endings()

    def accepted(self) -> list[str]:
        """Ids, in the order in which they were taken on."""
        return [one.command.id for one in self.of(effects.Accept)]

    def refusal(self, command_id: str) -> effects.Refuse | None:
        return next((one for one in self.of(effects.Refuse) if one.command_id == command_id), None)

    def phases(self, command_id: str) -> list[Phase]:
        return [one.mark.phase for one in self.of(effects.Marked) if one.command.id == command_id]

    def note(self, command_id: str, phase: Phase) -> str:
        """What the command's timeline says at its last mark of this phase."""
        marks = [one.mark for one in self.of(effects.Marked) if one.command.id == command_id]
        return [mark.note for mark in marks if mark.phase is phase][-1]

    def device(self, name: str = "blind") -> DeviceStatus:
        return next(one for one in self.scheduler.status(self.now).devices if one.name == name)

    def adapter(self) -> AdapterStatus:
        return self.scheduler.status(self.now).adapters[0]

    def connects(self) -> list[str]:
        """The devices of all connection attempts, in order."""
        return [one.device for one in self.of(effects.StartConnect)]

    def dropped(self) -> list[str]:
        """Devices whose connection was taken down, in order."""
        return [one.device for one in self.of(effects.StartDisconnect)]


def subscribed(*devices: str, slots: int = 5, **traits: Any) -> Drive:
    """Devices that are connected, as far as the slots allow, for their subscriptions alone."""
    drive = Drive(*devices, slots=slots, **traits)
    for device in devices:
        drive.submit(f"subscribe-{device}", Subscribe(target=VALUE), device)
        drive.connected(device)
        drive.answer(device=device)
    return drive
