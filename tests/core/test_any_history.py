"""Whatever callers, stacks, disk and clock do, in any order: the promises hold, and everything ends.

Knows how to play a random world. The promises themselves are checked in `watch`.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from core.drive import Drive, S, fault, operation_of, said_to, sequence
from core.obeying import obey
from core.seen import proof_of
from core.tight import AGAIN, LIMITS, PERSISTENT, devices, jitters, kinds, lengths, rans
from core.watch import Watch
from gattkeeper.core import effects, events
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Command, Origin, Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Disconnect, Read
from gattkeeper.model.outcome import Verdict

DEVICES = ("a", "b", "c")
DEADLINE_US_MAX = 40 * S


class AnyHistory(RuleBasedStateMachine):
    """One adapter, three devices, and a world without manners."""

    @initialize(
        slots=st.integers(1, 3),
        journalled=st.booleans(),
        safety=st.booleans(),
        bypass=st.booleans(),
        bypass_other=st.booleans(),
        forgets=st.booleans(),
        discovers_beside=st.booleans(),
        aside=st.sampled_from((frozenset(), frozenset({"read_rssi"}))),
        linger_us=st.sampled_from((0, 8 * S)),
        rungs=st.sampled_from(((), (Rung.STOP_DISCOVERY,), (Rung.DISCONNECT_DEVICE, Rung.POWER_CYCLE))),
        limits=st.sampled_from((LIMITS, PERSISTENT)),
    )
    def begin(
        self, *, slots: int, journalled: bool, safety: bool, linger_us: int, limits: Limits, **traits: Any
    ) -> None:
        self.limits = limits
        self.watch = Watch(slots=slots, safety=safety, beside=traits["discovers_beside"])
        self.drive = Drive(
            *DEVICES,
            slots=slots,
            limits=limits,
            journalled=journalled,
            safety=safety,
            linger_us=linger_us,
            watch=self.watch,
            **traits,
        )
        self.links_obey = True  # connections come up and go as asked, at once
        self.count = 0
        self.adapter_is_up = True
        self.drive.warm("a")

    def new_number(self) -> int:
        self.count += 1
        return self.count

    # callers

    @rule(
        device=devices,
        kind=st.sampled_from(
            ("read", "without", "subscribe", "pair", "connect", "disconnect", "long", "rssi", "unpair")
        ),
        priority=st.sampled_from(Priority),
        survives=st.booleans(),
    )
    def submit(self, *, device: str, kind: str, priority: Priority, survives: bool) -> None:
        number = self.new_number()
        operation = operation_of(kind, number)
        self.drive.submit(f"{kind}-{number}", operation, device, priority=priority, survive_reconnect=survives)

    @rule(
        device=devices,
        priority=st.sampled_from((Priority.NORMAL, Priority.NORMAL, Priority.URGENT)),
        deadline_us=st.sampled_from((3 * S, 30 * S, DEADLINE_US_MAX)),
        queue_timeout_us=st.sampled_from((None, None, 1 * S)),
        idempotent=st.booleans(),
        survives=st.booleans(),
        key=st.sampled_from(("", "", "position")),
        proof=st.sampled_from(("", "required", "later", "later")),
        absence=st.booleans(),
    )
    def write(
        self,
        *,
        device: str,
        survives: bool,
        key: str,
        proof: str,
        absence: bool,
        **fields: Any,
    ) -> None:
        number = self.new_number()
        self.drive.submit(
            f"write-{number}",
            operation_of("write", number),
            device,
            survive_reconnect=survives,
            coalesce_key=key,
            read_back=proof_of(number, absence=absence) if proof else None,
            require_read_back=proof == "required",
            **fields,
        )

    @rule(device=devices, absence=st.booleans())
    def write_and_wonder(self, *, device: str, absence: bool) -> None:
        """One whose answer stays open, perhaps, and that can be looked at."""
        number = self.new_number()
        operation, proof = operation_of("write", number), proof_of(number, absence=absence)
        self.drive.submit(f"write-{number}", operation, device, read_back=proof)
        if self.drive.owed and self.drive.owed[-1].operation == operation:
            self.drive.fail_to(self.drive.owed.pop(), FaultKind.TRANSIENT)

    @rule(device=devices, client=st.sampled_from(("", "guest")))
    def write_plainly(self, device: str, client: str) -> None:
        number = self.new_number()
        origin = Origin(principal=client)
        self.drive.submit(f"write-{number}", operation_of("write", number), device, origin=origin)

    @rule(device=devices, asks=st.booleans(), idempotent=st.booleans(), survives=st.booleans())
    def composite(self, *, device: str, asks: bool, idempotent: bool, survives: bool) -> None:
        number = self.new_number()
        kind, operation = ("ask", operation_of("ask", number)) if asks else ("sequence", sequence(number))
        self.drive.submit(f"{kind}-{number}", operation, device, idempotent=idempotent, survive_reconnect=survives)

    @rule(
        among=st.lists(st.tuples(devices, st.sampled_from(Priority)), min_size=1, max_size=4),
        kind=st.sampled_from(("write", "write", "read", "long", "connect", "disconnect")),
        gather_us=lengths,
        survives=st.booleans(),
        key=st.sampled_from(("", "position")),
    )
    def fan_out(
        self, *, among: list[tuple[str, Priority]], kind: str, gather_us: int, survives: bool, key: str
    ) -> None:
        fanout = f"fan-{self.new_number()}"
        commands = []
        for device, priority in among:
            number = self.new_number()
            command = Command(id=f"{kind}-{number}", device=device, operation=operation_of(kind, number))
            commands.append(replace(command, fanout=fanout, priority=priority, survive_reconnect=survives))
        together = tuple(replace(command, coalesce_key=key) for command in commands)
        self.drive.feed(events.FanoutSubmitted(id=fanout, commands=together, gather_us=gather_us))

    @rule(device=devices, latch=st.booleans(), bypass=st.booleans(), proof=st.booleans(), leaves=st.booleans())
    def stop(self, *, device: str, latch: bool, bypass: bool, proof: bool, leaves: bool) -> None:
        number = self.new_number()
        self.drive.stop(
            f"stop-{number}",
            Disconnect() if leaves and proof else operation_of("write", number),
            device=device,
            latch=latch,
            may_bypass=bypass,
            read_back=proof_of(number) if proof else None,
            require_read_back=proof,
        )

    @precondition(lambda self: self.watch.open())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.drive.cancel(data.draw(st.sampled_from(self.watch.open())))

    @precondition(lambda self: self.watch.open())
    @rule(data=st.data(), priority=st.sampled_from(Priority))
    def reprioritise(self, data: st.DataObject, priority: Priority) -> None:
        self.drive.reprioritise(data.draw(st.sampled_from(self.watch.open())), priority)

    @precondition(lambda self: any(one.gate for one in self.watch.devices.values()))
    @rule()
    def resume(self) -> None:
        for name, device in self.watch.devices.items():
            if device.gate:
                self.drive.feed(events.Resumed(device=name))

    @precondition(lambda self: any(one.latched_by for one in self.watch.devices.values()))
    @rule()
    def resolve(self) -> None:
        for name, device in self.watch.devices.items():
            if device.latched_by:
                self.drive.feed(events.Resolved(command_id=device.latched_by, device=name))

    # the disk

    @precondition(lambda self: self.drive.slow_disk)
    @rule(data=st.data(), good=st.booleans())
    def record(self, data: st.DataObject, *, good: bool) -> None:
        awaited = [one for one in self.drive.of(effects.RecordIntent)[-3:] if one.awaited]
        if awaited:
            self._record(data.draw(st.sampled_from(awaited)), good=good)

    @rule(writes_at_once=st.booleans())
    def disk(self, *, writes_at_once: bool) -> None:
        self.drive.slow_disk = not writes_at_once
        for intent in self.drive.of(effects.RecordIntent)[-3:]:
            if intent.awaited and writes_at_once:
                self._record(intent, good=True)

    def _record(self, intent: effects.RecordIntent, *, good: bool) -> None:
        if good:
            self.drive.feed(events.IntentRecorded(device=intent.device, token=intent.token))
        else:
            why = fault(FaultKind.JOURNAL, Ran.NO)
            self.drive.feed(events.IntentFailed(device=intent.device, token=intent.token, fault=why))

    @precondition(lambda self: self.watch.open())
    @rule(data=st.data())
    def accept_fails(self, data: st.DataObject) -> None:
        self.drive.feed(events.AcceptFailed(command_id=data.draw(st.sampled_from(self.watch.open()))))

    # the stack

    @precondition(lambda self: self.drive.owed)
    @rule(data=st.data(), value=st.sampled_from((None, b"yes", b"no")))
    def answer(self, data: st.DataObject, value: bytes | None) -> None:
        owed = data.draw(st.sampled_from(self.drive.owed))
        self.drive.owed.remove(owed)
        self.drive.answer_to(owed, value)

    @precondition(lambda self: self.drive.owed)
    @rule(data=st.data(), kind=kinds | st.sampled_from(AGAIN), ran=rans, jitter=jitters)
    def fail(self, data: st.DataObject, kind: FaultKind, ran: Ran, jitter: float) -> None:
        owed = data.draw(st.sampled_from(self.drive.owed))
        self.drive.owed.remove(owed)
        why = fault(kind, ran)
        self.drive.feed(
            events.Failed(device=owed.device, epoch=owed.epoch, token=owed.token, fault=why, jitter=jitter)
        )

    @precondition(lambda self: self.drive.forgets)
    @rule(kind=kinds, ran=rans)
    def forget_fails(self, kind: FaultKind, ran: Ran) -> None:
        self.drive.forgot(fault(kind, ran))

    @precondition(lambda self: len(self.drive.of(effects.Dispatch)) > len(self.drive.owed))
    @rule(data=st.data())
    def answer_again(self, data: st.DataObject) -> None:
        """An answer that comes twice, late, or from a connection that is gone."""
        old = [one for one in self.drive.of(effects.Dispatch) if one not in self.drive.owed]
        self.drive.answer_to(data.draw(st.sampled_from(old)))

    @precondition(lambda self: any(one.startswith("ask") for one in self.watch.open()))
    @rule(data=st.data(), device=devices, is_old=st.sampled_from((False, False, True)))
    def notify(self, data: st.DataObject, device: str, *, is_old: bool) -> None:
        """A value that one of those who wait for it may take for the answer."""
        asking = [int(one.removeprefix("ask-")) for one in self.watch.open() if one.startswith("ask")]
        payload = data.draw(st.sampled_from(asking)).to_bytes(2) + b"!"
        epoch = self.watch.device(device).epoch
        self.drive.notify(payload, device=device, epoch=max(1, epoch - is_old))

    @precondition(lambda self: self.watch.connecting())
    @rule(data=st.data(), table=st.sampled_from(("", "old", "new")))
    def connect(self, data: st.DataObject, table: str) -> None:
        """Services are known; or only a link is up, of which some are told twice, or too late."""
        name = data.draw(st.sampled_from(self.watch.connecting()))
        self.drive.connected(name, table=table) if table else self.drive.linked(name)

    @precondition(lambda self: self.watch.connecting())
    @rule(data=st.data(), kind=kinds | st.just(FaultKind.WEDGED))
    def connect_fails(self, data: st.DataObject, kind: FaultKind) -> None:
        self.drive.connect_failed(kind, data.draw(st.sampled_from(self.watch.connecting())))

    @precondition(lambda self: self.drive.recovering)
    @rule(why=st.sampled_from((None, fault(FaultKind.WEDGED))))
    def recover(self, why: Fault | None) -> None:
        self.drive.recovered(why)

    @rule(steps=st.integers(1, 6))
    def play(self, steps: int) -> None:
        """The world behaves for a while."""
        for _ in range(steps):
            self._play_one()

    @rule()
    def links(self) -> None:
        """They obey from now on, or do not."""
        self.links_obey = not self.links_obey

    @rule(device=devices, under_way=st.booleans(), table=st.sampled_from(("", "old", "new")))
    def news(self, *, device: str, under_way: bool, table: str) -> None:
        self.drive.pairing(under_way=under_way, device=device)
        self.drive.updated(device=device, table=table)

    @rule(device=devices)
    def link_lost(self, device: str) -> None:
        if self.watch.device(device).connection == "connected":
            self.drive.lost(device)

    @rule()
    def adapter(self) -> None:
        """It goes away, or comes back."""
        self.adapter_is_up = not self.adapter_is_up
        self.drive.adapter_up() if self.adapter_is_up else self.drive.adapter_down()

    # time

    @rule(length_us=lengths)
    def wait(self, length_us: int) -> None:
        self.drive.wait(length_us)

    @rule(length_us=lengths)
    def sleep(self, length_us: int) -> None:
        self.drive.jump(length_us)

    @invariant()
    def links_play(self) -> None:
        if hasattr(self, "drive") and self.links_obey:
            while obey(self.drive):
                pass

    @invariant()
    def moments_are_not_forgotten(self) -> None:
        if not hasattr(self, "drive") or not self.drive.fed:
            return
        at = self.drive.scheduler.wakeup_at()
        assert at is None or at >= self.drive.fed[-1][1], "a moment was due, and nothing came of it"

    @invariant()
    def figures_agree(self) -> None:
        if not hasattr(self, "drive"):
            return
        status = self.drive.scheduler.status(self.drive.now)
        assert status.adapters[0].connections == self.watch.occupied()
        assert status.accepted - status.ended == len(self.watch.open())
        assert status.waiting == sum(one.waiting for one in status.devices)
        ours = [one for one in self.watch.open() if "-undo" in one or "-check" in one]  # they are never refused
        returning = len(DEVICES)  # one each may come back from its flight
        assert status.waiting <= LIMITS.queue_max + returning + len(ours)
        assert not self.drive.scheduler._state.fanouts or status.waiting, "a gate, and nobody to go through"

    # the end

    def teardown(self) -> None:
        if not hasattr(self, "drive"):
            return
        self.drive.slow_disk = False
        self.drive.adapter_up()
        self._behave(DEADLINE_US_MAX + 60 * S)
        assert not self.watch.open(), "commands without an outcome"
        self._works_again()
        self._replays()

    def _behave(self, length_us: int) -> None:
        """Let time pass while the world answers everything well and at once."""
        for intent in self.drive.of(effects.RecordIntent):
            if intent.awaited:
                self._record(intent, good=True)
        self.drive.go_on(length_us, self._play_one)

    def _play_one(self) -> bool:
        if self.drive.forgets:
            return self.drive.forgot()
        if self.drive.owed:
            owed = self.drive.owed.pop(0)
            self.drive.answer_to(owed, b"yes" if isinstance(owed.operation, Read) else None)
            return True
        asking = next((one for one in self.watch.seen.values() if one.holds), None)
        if asking is not None:
            self.drive.notify(said_to(asking.command), device=asking.command.device)
            return True
        return obey(self.drive)

    def _works_again(self) -> None:
        """Once faults stop, gates are opened and latches resolved, every device obeys again."""
        for name in DEVICES:
            self.drive.feed(events.Resumed(device=name))
            self.drive.feed(events.Resolved(command_id=self.watch.device(name).latched_by, device=name))
            self.drive.submit(f"last-{name}", operation_of("write", self.new_number()), name)
        self._behave(30 * S)
        outcomes = [self.watch.seen[f"last-{name}"].outcome for name in DEVICES]
        assert all(one is not None and one.verdict is Verdict.DELIVERED for one in outcomes), outcomes

    def _replays(self) -> None:
        again = type(self.drive.scheduler)(self.limits, journalled=self.drive.scheduler._state.journalled)
        assert [one for event, now in self.drive.fed for one in again.handle(event, now)] == self.drive.effects


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=200, stateful_step_count=60)
