"""Whatever happens in whatever order: on a connection that proves too little nothing goes out but stops and pairings."""

from hypothesis import given, settings
from hypothesis import strategies as st

from core.drive import A_READ, STOP_WRITE, SUBSCRIBE, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import Dispatch
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Pair, ReadRssi, Unpair
from gattkeeper.model.security import Demand, Proof, Security, SecurityLevel

BONDED = Security(level=SecurityLevel.ENCRYPTED, key_size=16)
PROOFS = {"proved": Proof(proved=BONDED, recorded=BONDED), "unproved": Proof(recorded=BONDED)}
REFUSED = Fault(kind=FaultKind.INSUFFICIENT_SECURITY, ran=Ran.NO, stack="test")
LOST = Fault(kind=FaultKind.LINK_LOST, ran=Ran.MAYBE, stack="test")
OPERATIONS = {
    "read": A_READ,
    "write": write(),
    "subscribe": SUBSCRIBE,
    "rssi": ReadRssi(),
    "pair": Pair(),
    "unpair": Unpair(),
}
FREE = (Pair(), Unpair(), STOP_WRITE)

_SUBMIT = st.tuples(st.sampled_from(list(OPERATIONS)), st.sampled_from(list(Priority)[1:]), st.booleans())
_STACK = st.sampled_from(
    ["up proved", "up unproved", "news proved", "news unproved", "refused", "answer", "fail", "lost", "gone"]
)
_STEPS = st.lists(st.one_of(_SUBMIT, _STACK, _STACK, st.just("stop"), st.integers(1, 8)), max_size=40)

_BEGINNINGS: list[list[object]] = [[], [("pair", Priority.NORMAL, False), "up unproved"], ["stop", "up unproved"]]
"""How a connection comes about that proves nothing."""


class Story:
    """A lock that has to be encrypted, and how secure its connection is."""

    def __init__(self) -> None:
        limits = Limits(breaker_failures_max=1_000)
        self.drive = Drive(limits=limits, aside=frozenset({"read_rssi"}))
        demand = Demand(level=SecurityLevel.ENCRYPTED)
        self.drive.feed(events.DeviceAdded(device="lock", adapter="hci", demand=demand))
        self.trusted = False
        self.commands = 0

    def step(self, step: object) -> None:
        drive = self.drive
        self.commands += 1
        match step:
            case (str(kind), Priority() as priority, bool(survives)):
                drive.submit(
                    f"c{self.commands}", OPERATIONS[kind], "lock", priority=priority, survive_reconnect=survives
                )
            case int(seconds):
                drive.wait(seconds * S)
            case "stop":
                drive.stop(f"stop{self.commands}", device="lock")
            case str(what):
                self.stack(what)

    def stack(self, what: str) -> None:
        epoch = self.drive.epochs.get("lock", 0)
        verb, _, proof = what.partition(" ")
        state = self.drive.device("lock").connection
        if (verb, state) in (("up", "connecting"), ("news", "connected")):
            self.trusted = proof == "proved"
        owed = [one for one in self.drive.owed if one.device == "lock" and one.epoch == epoch]
        match verb:
            case "up":
                self.drive.feed(events.Connected(device="lock", epoch=epoch, proof=PROOFS[proof]))
            case "news":
                self.drive.updated(device="lock", proof=PROOFS[proof])
            case "refused":
                self.drive.feed(events.ConnectFailed(device="lock", epoch=epoch, fault=REFUSED))
            case "answer" if owed:
                self.drive.answer(device="lock")
            case "fail" if owed:
                self.drive.fail(FaultKind.REJECTED, Ran.REFUSED, device="lock")
            case "lost":
                self.drive.feed(events.ConnectionLost(device="lock", epoch=epoch, fault=LOST))
            case "gone":
                self.drive.feed(events.DisconnectDone(device="lock", epoch=epoch))

    def settle(self) -> None:
        """The stack behaves again, and the device proves what it has to: everything comes to its end."""
        for _ in range(60):
            state = self.drive.device("lock").connection
            verbs = {"connecting": "up proved", "connected": "answer", "abandoning": "refused"}
            self.stack("news proved" if state == "connected" and not self.trusted else verbs.get(state, "gone"))
            self.drive.wait(1 * S)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(_BEGINNINGS), _STEPS)
def test_nothing_but_stops_and_pairings_goes_out_unproved_and_everything_ends(
    beginning: list[object], steps: list[object]
) -> None:
    story = Story()
    for step in beginning + steps:
        before = len(story.drive.effects)
        story.step(step)
        for effect in story.drive.effects[before:]:
            if isinstance(effect, Dispatch) and not story.trusted:
                assert effect.operation in FREE
    story.settle()
    status = story.drive.scheduler.status(story.drive.now)
    assert (status.accepted, status.waiting) == (status.ended, 0)
