"""Whatever programs that hold devices do, in any order: a lease ends once, and nothing of it runs, or waits, after it.

Knows how to play holders at random, among others who want the same devices. What else holds of every command is
checked in `watch`.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.drive import Drive, S, operation_of, sequence
from core.leased import closed, opened, renewed
from core.obeying import obey
from core.tight import AGAIN, LIMITS, devices, jitters, kinds, lengths, rans
from core.watch import Watch
from gattkeeper.core import effects, events
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.model.command import Command
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Connect, Read
from gattkeeper.model.outcome import Verdict

DEVICES = ("a", "b", "c")
KINDS = ("read", "write", "without", "long", "sequence", "rssi", "subscribe")


class AnyLease(RuleBasedStateMachine):
    """One adapter, three devices, holders and others."""

    @initialize(slots=st.integers(1, 2), safety=st.booleans(), aside=st.booleans(), beside=st.booleans())
    def begin(self, *, slots: int, safety: bool, aside: bool, beside: bool) -> None:
        self.watch = Watch(slots=slots, safety=safety, beside=beside)
        traits: dict[str, Any] = {
            "aside": frozenset({"read_rssi"} if aside else ()),
            "discovers_beside": beside,
        }
        self.drive = Drive(*DEVICES, slots=slots, limits=LIMITS, safety=safety, watch=self.watch, **traits)
        self.open: dict[str, str] = {}  # leases, and their devices
        self.over: set[str] = set()
        self.begun: set[str] = set()  # commands that were handed over
        self.looked = 0  # so many effects
        self.count = 0
        self.adapter_is_up = True
        for device in DEVICES[:slots]:
            self.hold(device=device, renew_within_us=0, connects=True)
            self.drive.connected(device)

    def new_number(self) -> int:
        self.count += 1
        return self.count

    # holders

    @rule(device=devices, renew_within_us=st.sampled_from((0, 0, 3 * S)), connects=st.booleans())
    def hold(self, *, device: str, renew_within_us: int, connects: bool) -> None:
        lease = f"lease-{self.new_number()}"
        self.open[lease] = device
        opened(self.drive, lease, device, renew_within_us)
        if connects:
            self.drive.submit(f"connect-{self.new_number()}", Connect(), device, lease=lease)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), renews=st.booleans())
    def close(self, data: st.DataObject, *, renews: bool) -> None:
        lease = data.draw(st.sampled_from(sorted(self.open)))
        if renews:
            renewed(self.drive, lease)
        else:
            self._close(lease)

    def _close(self, lease: str) -> None:
        self.look()
        del self.open[lease]
        self.over.add(lease)
        closed(self.drive, lease)

    @precondition(lambda self: self.drive.owed and self._flying())
    @rule(data=st.data(), kind=st.sampled_from(AGAIN), ran=rans, answers=st.booleans())
    def close_while_it_flies(self, data: st.DataObject, kind: FaultKind, ran: Ran, *, answers: bool) -> None:
        owed, lease = data.draw(st.sampled_from(self._flying()))
        self._close(lease)
        self.drive.owed.remove(owed)
        if answers:
            self.drive.answer_to(owed)
        else:
            self.drive.fail_to(owed, kind, ran)
        self.play(steps=2)

    def _flying(self) -> list[tuple[effects.Dispatch, str]]:
        """What is in flight for holders."""
        whose = [(owed, self.watch._whose(owed.operation)) for owed in self.drive.owed]
        leases = [(owed, seen.command.lease) for owed, seen in whose if seen is not None]
        return [(owed, lease) for owed, lease in leases if lease in self.open]

    @rule(
        data=st.data(),
        some=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3),
        said=st.fixed_dictionaries(
            {"idempotent": st.booleans(), "coalesce_key": st.sampled_from(("", "position"))}
        ),
        slowly=st.booleans(),
        closes=st.booleans(),
    )
    def use(
        self, data: st.DataObject, *, some: list[str], said: dict[str, Any], slowly: bool, closes: bool
    ) -> None:
        """Also one that is over, or of another device; now and then with a disk that is slow."""
        self.drive.slow_disk |= slowly
        lease = data.draw(st.sampled_from([*sorted(self.open), *sorted(self.over)[-1:], ""]))
        for kind in some:
            number = self.new_number()
            operation = sequence(number) if kind == "sequence" else operation_of(kind, number)
            self.drive.submit(f"{kind}-{number}", operation, self.open.get(lease, "a"), lease=lease, **said)
        if closes and lease in self.still_open():
            self._close(lease)

    # others

    @rule(
        device=devices,
        kind=st.sampled_from(("read", "write", "subscribe", "connect", "disconnect")),
        survives=st.booleans(),
    )
    def submit(self, *, device: str, kind: str, survives: bool) -> None:
        number = self.new_number()
        self.drive.submit(f"{kind}-{number}", operation_of(kind, number), device, survive_reconnect=survives)

    @rule(device=devices, bypass=st.booleans())
    def stop(self, *, device: str, bypass: bool) -> None:
        number = self.new_number()
        self.drive.stop(f"stop-{number}", operation_of("write", number), device=device, may_bypass=bypass)
        assert device not in self.still_open().values(), "a stop leaves nobody a lease"

    # disk and stack

    @rule(writes_at_once=st.booleans())
    def disk(self, *, writes_at_once: bool) -> None:
        self.drive.slow_disk = not writes_at_once
        for intent in self.drive.of(effects.RecordIntent)[-3:] if writes_at_once else ():
            self.drive.feed(events.IntentRecorded(device=intent.device, token=intent.token))

    @precondition(lambda self: self.drive.owed)
    @rule(data=st.data(), kind=kinds | st.sampled_from(AGAIN), ran=rans, jitter=jitters)
    def fail(self, data: st.DataObject, kind: FaultKind, ran: Ran, jitter: float) -> None:
        owed = data.draw(st.sampled_from(self.drive.owed))
        self.drive.owed.remove(owed)
        why = Fault(kind=kind, ran=ran, stack="test")
        self.drive.feed(
            events.Failed(device=owed.device, epoch=owed.epoch, token=owed.token, fault=why, jitter=jitter)
        )

    @rule(device=devices)
    def link_lost(self, device: str) -> None:
        if self.watch.device(device).connection == "connected":
            self.drive.lost(device)

    @rule(device=devices, under_way=st.booleans(), table=st.sampled_from(("", "old", "new")))
    def news(self, *, device: str, under_way: bool, table: str) -> None:
        self.drive.pairing(under_way=under_way, device=device)
        self.drive.updated(device=device, table=table)

    @rule()
    def adapter(self) -> None:
        self.adapter_is_up = not self.adapter_is_up
        self.drive.adapter_up() if self.adapter_is_up else self.drive.adapter_down()

    @rule(steps=st.integers(1, 8))
    def play(self, steps: int) -> None:
        for _ in range(steps):
            self._play_one()

    @rule(length_us=lengths)
    def wait(self, length_us: int) -> None:
        self.drive.wait(length_us)

    # what must hold

    @invariant()
    def look(self) -> None:
        """Effects in their order: a lease ends once; what is handed over belongs to one that is open, or had begun."""
        if not hasattr(self, "drive"):
            return
        fresh, self.looked = self.drive.effects[self.looked :], len(self.drive.effects)
        for one in fresh:
            match one:
                case effects.LeaseEnded():
                    assert self.open.pop(one.lease) == one.device, "told of an end that was none"
                    self.over.add(one.lease)
                case effects.RecordIntent():
                    self._check_hold(self.watch.seen[one.command_id].command)
                case effects.Dispatch() if (seen := self.watch._whose(one.operation)) is not None:
                    self._check_hold(seen.command)
                    self.begun.add(seen.command.id)
                case effects.StartConnect():
                    assert self._is_asked_for(one.device), "a connection that nobody asked for"
                case _:
                    pass

    def _check_hold(self, command: Command) -> None:
        has_begun = command.id in self.begun and command.id.startswith("sequence")
        assert has_begun or command.lease not in self.over, "it ran after its lease"

    def _is_asked_for(self, device: str) -> bool:
        """By a command that is no lease's, by a Connect, or by a subscription that is no lease's."""
        mine = [seen.command for seen in self.watch.seen.values() if seen.command.device == device]
        return any(not one.lease or isinstance(one.operation, Connect) for one in mine)

    def still_open(self) -> dict[str, str]:
        self.look()
        return self.open

    @invariant()
    def nothing_waits_under_a_lease_that_is_over(self) -> None:
        if not hasattr(self, "drive"):
            return
        state = self.drive.scheduler._state
        assert state.leases.keys() == self.still_open().keys()
        assert sorted(name for device in state.devices.values() for name in device.leases) == sorted(self.open)
        for device in state.devices.values():
            waiting = device.waiting.roll.leased.keys()
            assert device.sweeps or waiting <= device.leases.keys(), "nobody ends it"
            active = [lease.id for lease in device.leases.values() if lease.active_since >= 0]
            assert not active or device.connection.value == "connected", "a hold on nothing"

    # the end

    def teardown(self) -> None:
        if not hasattr(self, "drive"):
            return
        self.drive.slow_disk = False
        self.drive.adapter_up()
        for intent in self.drive.of(effects.RecordIntent):
            self.drive.feed(events.IntentRecorded(device=intent.device, token=intent.token))
        for lease in list(self.still_open()):
            closed(self.drive, lease)
        self.drive.go_on(120 * S, self._play_one)
        assert not self.watch.open(), "commands without an outcome"
        self._works_again()
        wanted = [one for one in self.drive.scheduler.status(self.drive.now).devices if one.subscriptions]
        for device in self.drive.scheduler.status(self.drive.now).devices:
            assert device in wanted or device.connection != "connected", "somebody still holds it"
        again = Scheduler(LIMITS)
        assert [one for event, now in self.drive.fed for one in again.handle(event, now)] == self.drive.effects

    def _works_again(self) -> None:
        for name in DEVICES:
            self.drive.feed(events.Resumed(device=name))
            self.drive.feed(events.Resolved(command_id=self.watch.device(name).latched_by, device=name))
            self.drive.submit(f"last-{name}", operation_of("write", self.new_number()), name)
        self.drive.go_on(60 * S, self._play_one)
        outcomes = [self.watch.seen[f"last-{name}"].outcome for name in DEVICES]
        assert all(one is not None and one.verdict is Verdict.DELIVERED for one in outcomes), outcomes

    def _play_one(self) -> bool:
        if self.drive.owed:
            owed = self.drive.owed.pop(0)
            self.drive.answer_to(owed, b"yes" if isinstance(owed.operation, Read) else None)
            return True
        return obey(self.drive)


TestAnyLease = AnyLease.TestCase
TestAnyLease.settings = settings(max_examples=150, stateful_step_count=50)
