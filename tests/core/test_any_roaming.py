"""Whatever several adapters do, in any order: one connection for each device, by an adapter that it may use.

Knows how to play adapters at random. What else holds of every command is checked in `watch`.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.drive import Drive, S, fault, operation_of
from core.obeying import obey
from core.tight import LIMITS, devices, kinds, lengths, rans
from core.watch import Watch
from gattkeeper.core import effects, events, places
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.core.state import AdapterState
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Read
from gattkeeper.model.outcome import Verdict

DEVICES = ("a", "b", "c")
ADAPTERS = ("hci", "two", "three")
DEADLINE_US = 30 * S

adapters = st.sampled_from(ADAPTERS)


class AnyRoaming(RuleBasedStateMachine):
    """Three adapters; of three devices one stays where it is, and two roam."""

    @initialize(
        slots=st.integers(1, 2),
        safety=st.booleans(),
        beside=st.booleans(),
        linger_us=st.sampled_from((0, 8 * S)),
        rungs=st.sampled_from(((), (Rung.STOP_DISCOVERY,), (Rung.DISCONNECT_DEVICE, Rung.POWER_CYCLE))),
    )
    def begin(self, *, slots: int, safety: bool, beside: bool, linger_us: int, rungs: tuple[Rung, ...]) -> None:
        self.watch = Watch(slots=slots, safety=safety, beside=beside)
        traits: dict[str, Any] = {"rungs": rungs, "discovers_beside": beside}
        self.drive = Drive(slots=slots, limits=LIMITS, watch=self.watch, **traits)
        for adapter in ADAPTERS[1:]:
            self.drive.feed(events.AdapterAdded(adapter=adapter, slots=slots, **traits))
        ways = {"a": (ADAPTERS, False), "b": (ADAPTERS, True), "c": (("two",), False)}
        self.ways = {device: set(names) for device, (names, _) in ways.items()}
        for device, ((first, *others), by_signal) in ways.items():
            self.drive.feed(
                events.DeviceAdded(
                    device=device,
                    adapter=first,
                    others=tuple(others),
                    by_signal=by_signal,
                    safety=safety,
                    linger_us=linger_us,
                )
            )
        self.up = dict.fromkeys(ADAPTERS, True)
        self.looked = 0  # so many effects
        self.count = 0

    # callers

    @rule(
        device=devices,
        kind=st.sampled_from(("read", "write", "write", "subscribe", "connect", "disconnect")),
        survives=st.booleans(),
    )
    def submit(self, *, device: str, kind: str, survives: bool) -> None:
        self.count += 1
        operation = operation_of(kind, self.count)
        self.drive.submit(
            f"{kind}-{self.count}", operation, device, survive_reconnect=survives, deadline_us=DEADLINE_US
        )

    @rule(device=devices)
    def stop(self, device: str) -> None:
        self.count += 1
        self.drive.stop(f"stop-{self.count}", operation_of("write", self.count), device=device)

    # adapters

    @rule(adapter=adapters, kind=st.sampled_from((FaultKind.ADAPTER_GONE, FaultKind.STACK_GONE)))
    def switch(self, adapter: str, kind: FaultKind) -> None:
        self.up[adapter] = not self.up[adapter]
        if self.up[adapter]:
            self.drive.feed(events.AdapterUp(adapter=adapter))
        else:
            self.drive.feed(events.AdapterDown(adapter=adapter, fault=fault(kind)))

    @rule(device=devices, adapter=adapters, rssi_dbm=st.sampled_from((-90, -70, -50)))
    def hear(self, device: str, adapter: str, rssi_dbm: int) -> None:
        self.drive.feed(events.Sighted(device=device, adapter=adapter, rssi_dbm=rssi_dbm))

    @rule(device=devices, adapter=adapters, bonded=st.booleans())
    def bond(self, device: str, adapter: str, *, bonded: bool) -> None:
        self.drive.feed(events.Bonded(device=device, adapter=adapter, bonded=bonded))

    @precondition(lambda self: self.watch.connecting())
    @rule(data=st.data())
    def link(self, data: st.DataObject) -> None:
        self.drive.linked(data.draw(st.sampled_from(self.watch.connecting())))

    @precondition(lambda self: self.watch.connecting())
    @rule(data=st.data(), kind=kinds | st.sampled_from((FaultKind.WEDGED, FaultKind.UNREACHABLE)))
    def connect_fails(self, data: st.DataObject, kind: FaultKind) -> None:
        self.drive.connect_failed(kind, data.draw(st.sampled_from(self.watch.connecting())))

    @precondition(lambda self: self.drive.recovering)
    @rule(why=st.sampled_from((None, fault(FaultKind.WEDGED))))
    def recover(self, why: Fault | None) -> None:
        self.drive.recovered(why)

    # devices

    @precondition(lambda self: self.drive.owed)
    @rule(data=st.data(), kind=kinds, ran=rans)
    def fail(self, data: st.DataObject, kind: FaultKind, ran: Ran) -> None:
        owed = data.draw(st.sampled_from(self.drive.owed))
        self.drive.owed.remove(owed)
        self.drive.fail_to(owed, kind, ran)

    @rule(device=devices, kind=st.sampled_from((FaultKind.LINK_LOST, FaultKind.ADAPTER_GONE)))
    def link_lost(self, device: str, kind: FaultKind) -> None:
        if self.watch.device(device).connection == "connected":
            self.drive.lost(device, kind)

    @rule(steps=st.integers(1, 6))
    def play(self, steps: int) -> None:
        """The world behaves for a while."""
        for _ in range(steps):
            self._play_one()

    @rule(length_us=lengths)
    def wait(self, length_us: int) -> None:
        self.drive.wait(length_us)

    # what must hold

    @invariant()
    def each_attempt_goes_by_an_adapter_that_the_device_may_use(self) -> None:
        if not hasattr(self, "drive"):
            return
        fresh, self.looked = self.drive.effects[self.looked :], len(self.drive.effects)
        for one in fresh:
            if isinstance(one, effects.StartConnect):
                assert one.adapter in self.ways[one.device], "an adapter that the settings do not name"

    @invariant()
    def figures_agree(self) -> None:
        if not hasattr(self, "drive"):
            return
        status = self.drive.scheduler.status(self.drive.now)
        for adapter in status.adapters:
            assert adapter.connections == self.watch.occupied(adapter.name)
        for device in status.devices:
            seen = self.watch.device(device.name)
            if seen.connection != "disconnected":
                assert device.adapter == seen.adapter, "it moved with a connection"
        state = self.drive.scheduler._state
        settled = sorted(name for adapter in state.adapters.values() for name in adapter.devices)
        assert settled == sorted((*DEVICES, "blind")), "each is settled on one adapter"
        for adapter_state in state.adapters.values():
            assert {*adapter_state.wanting, *adapter_state.lining} <= adapter_state.devices.keys()

    @invariant()
    def nobody_waits_while_an_adapter_could_take_it(self) -> None:
        """One that is up, is not being recovered, tries nobody, and has a place that is free."""
        if not hasattr(self, "drive"):
            return
        state = self.drive.scheduler._state
        for adapter in state.adapters.values():
            for name in adapter.wanting:
                ways = state.devices[name].ways
                usable = [one for one, way in ways.items() if way.bonded] or self.ways[name]
                chosen = state.adapters[state.devices[name].adapter]
                idle = [state.adapters[one] for one in usable if self._could(state.adapters[one])]
                assert not idle or self._is_trying(chosen) or places.can_be_made(state, chosen), (
                    f"{name} waits for {chosen.name}"
                )

    def _could(self, adapter: AdapterState) -> bool:
        holds = adapter.ladder.holds_connect(stop=False)
        return adapter.up and not holds and not adapter.connecting and adapter.occupied < adapter.slots

    def _is_trying(self, adapter: AdapterState) -> bool:
        """Its attempt is another device's: that is waited for."""
        return adapter.up and not adapter.ladder.holds_connect(stop=False) and bool(adapter.connecting)

    # the end

    def teardown(self) -> None:
        if not hasattr(self, "drive"):
            return
        for adapter in ADAPTERS:
            self.drive.feed(events.AdapterUp(adapter=adapter))
        self._behave(DEADLINE_US + 60 * S)
        assert not self.watch.open(), "commands without an outcome"
        for name in DEVICES:
            self.drive.feed(events.Resumed(device=name))
            self.drive.feed(events.Resolved(command_id=self.watch.device(name).latched_by, device=name))
            self.count += 1
            self.drive.submit(f"last-{name}", operation_of("write", self.count), name)
        self._behave(30 * S)
        outcomes = [self.watch.seen[f"last-{name}"].outcome for name in DEVICES]
        assert all(one is not None and one.verdict is Verdict.DELIVERED for one in outcomes), outcomes
        again = Scheduler(LIMITS)
        assert [one for event, now in self.drive.fed for one in again.handle(event, now)] == self.drive.effects

    def _behave(self, length_us: int) -> None:
        self.drive.go_on(length_us, self._play_one)

    def _play_one(self) -> bool:
        if self.drive.owed:
            owed = self.drive.owed.pop(0)
            self.drive.answer_to(owed, b"yes" if isinstance(owed.operation, Read) else None)
            return True
        return obey(self.drive)


TestAnyRoaming = AnyRoaming.TestCase
TestAnyRoaming.settings = settings(max_examples=150, stateful_step_count=50)
