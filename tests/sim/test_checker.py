"""Every check catches a history that breaks its invariant, and passes one that does not."""

import pytest
from msgspec.structs import replace

from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import LongWrite, Read, Sequence, Write
from gattkeeper.model.outcome import Cause, Outcome, Resolution, Verdict
from gattkeeper.model.record import Accepted, Ended, Intended, Record, Resolved
from gattkeeper.world import Seen, SeenKind
from sim.checker import judge
from sim.history import Heard, History, Push, Told
from sim.memory_journal import Row
from sim.scene import COUNTER

S = 1_000_000
TARGET = characteristic_ref("fe51")


def write(command_id: str, **fields) -> Command:
    payload = command_id.encode()
    return Command(device="lamp", operation=Write(target=TARGET, payload=payload), id=command_id, **fields)


def read(command_id: str) -> Command:
    return Command(device="lamp", operation=Read(target=characteristic_ref(COUNTER)), id=command_id)


def outcome(command_id: str, verdict: Verdict = Verdict.DELIVERED, **fields) -> Outcome:
    return Outcome(command_id=command_id, verdict=verdict, cause=Cause.ACKNOWLEDGED, **fields)


def row(record: Record, at_us: int) -> Row:
    return Row(record=record, durable_at_us=at_us)


def accepted(command: Command, at_us: int = 0) -> Row:
    return row(Accepted(command=command, at_us=at_us), at_us)


def intended(command_id: str, at_us: int = S, attempt: int = 1) -> Row:
    return row(Intended(command_id=command_id, attempt=attempt, epoch=1, at_us=at_us), at_us)


def ended(command_id: str, verdict: Verdict = Verdict.DELIVERED, at_us: int = 2 * S, **fields) -> Row:
    return row(Ended(outcome=outcome(command_id, verdict, **fields), at_us=at_us), at_us)


def resolved(command_id: str, who: str = "a person") -> Row:
    resolution = Resolution(command_id=command_id, applied=True, who=who, why="looked")
    return row(Resolved(resolution=resolution, at_us=3 * S), 3 * S)


def seen(kind: SeenKind, command: Command | None, at_s: float, value: bytes | None = None) -> Seen:
    operation = command.operation if command is not None else None
    return Seen(at_s=at_s, device="lamp", epoch=1, kind=kind, operation=operation, value=value)


def told(command: Command, at_us: int = 2 * S, **fields) -> Told:
    return Told(command=command, asked_at_us=0, told_at_us=at_us, **fields)


def flight(command: Command, *, at_s: float = 1.0) -> list[Seen]:
    return [seen(SeenKind.REQUEST, command, at_s), seen(SeenKind.APPLIED, command, at_s + 0.01)]


def history(**fields) -> History:
    return History(depth_limit=10, **fields)


A, B = write("a"), write("b")
STOP = write("s", stop=True)
READ = read("r")
GOOD = history(
    told=[told(A, outcome=outcome("a"))],
    rows=[accepted(A), intended("a"), ended("a")],
    seen=flight(A),
)
GOOD_READ = history(
    rows=[accepted(READ), intended("r"), ended("r", value=b"1")],
    seen=[seen(SeenKind.REQUEST, READ, 1.0), seen(SeenKind.APPLIED, READ, 1.01, b"1")],
)
GOOD_STOP = history(
    stops=[told(STOP, 0)],
    told=[told(STOP, outcome=outcome("s"))],
    rows=[accepted(STOP), ended("s")],
    seen=flight(STOP, at_s=0.5),
)

WORDS = (b"\0\0\1\0", b"\0\0\1\1")
SEQUENCE = Command(
    device="lamp",
    operation=Sequence(
        steps=tuple(Write(target=TARGET, payload=word) for word in WORDS),
        undo=Write(target=TARGET, payload=b"\0\0\1\xff"),
    ),
    id="q",
)
LONG = Command(device="lamp", operation=LongWrite(target=TARGET, payload=b"".join(WORDS)), id="l")


def parts(*payloads: bytes, kind: SeenKind = SeenKind.APPLIED) -> list[Seen]:
    return [seen(kind, part(payload), 1.0) for payload in payloads]


def part(payload: bytes) -> Command:
    return Command(device="lamp", operation=Write(target=TARGET, payload=payload))


def heard(payload: bytes, at_us: int = S, since_us: int = 0) -> Heard:
    return Heard(reader=1, device="lamp", payload=payload, at_us=at_us, since_us=since_us)


def whole(command: Command, verdict: Verdict = Verdict.DELIVERED) -> list[Row]:
    return [accepted(command), intended(command.id), ended(command.id, verdict)]


GOOD_SEQUENCE = history(rows=whole(SEQUENCE), seen=parts(*WORDS))
GOOD_LONG = history(rows=whole(LONG), seen=parts(b"".join(WORDS)))
PUSHED = [Push(device="lamp", payload=payload, at_us=0) for payload in (b"1", b"2")]
GOOD_NEWS = history(pushed=PUSHED, heard=[heard(b"1"), heard(b"1"), heard(b"2")])

BROKEN = {
    "i2: two owners": ("i2", history(owners=["a second keeper was let near adapter-1"])),
    "i4: a step that was never applied": ("i4", history(rows=whole(SEQUENCE), seen=parts(WORDS[0]))),
    "i4: a chunk that was never applied": ("i4", history(rows=whole(LONG), seen=parts(WORDS[1]))),
    "i4: read back, and only pretended": (
        "i4",
        history(rows=whole(write("a", require_read_back=True)), seen=[seen(SeenKind.PRETENDED, A, 1.0)]),
    ),
    "i5: a step of a sequence that was not delivered": (
        "i5",
        history(rows=whole(SEQUENCE, Verdict.NOT_DELIVERED), seen=parts(WORDS[0])),
    ),
    "i6: a word twice, in chunks of two sizes": (
        "i6",
        history(rows=whole(LONG), seen=parts(b"".join(WORDS), WORDS[1])),
    ),
    "i6: an undo that nobody accepted": ("i6", history(rows=whole(SEQUENCE), seen=parts(*WORDS, b"\0\0\1\xff"))),
    "i11: two steps for one intent": (
        "i11",
        history(rows=whole(SEQUENCE), seen=[*parts(*WORDS, kind=SeenKind.REQUEST), *parts(*WORDS)]),
    ),
    "i13: a notification nobody sent": ("i13", history(heard=[heard(b"1")])),
    "i13: a notification out of order": ("i13", history(pushed=PUSHED, heard=[heard(b"2"), heard(b"1")])),
    "i13: a notification of a connection that was long gone": (
        "i13",
        history(pushed=PUSHED, heard=[heard(b"1")], seen=[seen(SeenKind.DOWN, None, 0.5)]),
    ),
    "i1: two requests pending": ("i1", history(violations=["2 requests pending on lamp"])),
    "i3: no outcome": ("i3", history(rows=[accepted(A)])),
    "i3: two outcomes": ("i3", history(rows=[*GOOD.rows, ended("a")], seen=GOOD.seen)),
    "i3: an outcome of nothing": ("i3", history(rows=[ended("a")])),
    "i3: two resolutions": (
        "i3",
        history(rows=[accepted(A), intended("a"), ended("a", Verdict.UNKNOWN), resolved("a"), resolved("a")]),
    ),
    "i3: resolved wrongly": (
        "i3",
        history(rows=[accepted(A), intended("a"), ended("a", Verdict.UNKNOWN), resolved("a", "gattkeeper")]),
    ),
    "i3: resolved, but known": ("i3", history(rows=[*GOOD.rows, resolved("a")], seen=GOOD.seen)),
    "i4: delivered and never applied": ("i4", history(rows=GOOD.rows)),
    "i5: not delivered and applied": (
        "i5",
        history(rows=[accepted(A), intended("a"), ended("a", Verdict.NOT_DELIVERED)], seen=flight(A)),
    ),
    "i6: applied twice": ("i6", history(rows=GOOD.rows, seen=[*flight(A), *flight(A, at_s=1.5)])),
    "i6: applied and never accepted": ("i6", history(seen=flight(A))),
    "i6: applied without a durable acceptance": (
        "i6",
        history(told=GOOD.told, rows=[intended("a")], seen=flight(A)),
    ),
    "i7: the younger one first": (
        "i7",
        history(
            rows=[accepted(A), accepted(B, 10), intended("b", S), intended("a", S + 1), ended("a"), ended("b")],
            seen=[*flight(B), *flight(A, at_s=1.1)],
        ),
    ),
    "i8: handed over while the stop runs": (
        "i8",
        replace(GOOD_STOP, rows=[accepted(A), intended("a"), ended("a"), *GOOD_STOP.rows], seen=flight(A)),
    ),
    "i8: accepted while the stop runs": ("i8", replace(GOOD_STOP, rows=[accepted(A, S), *GOOD_STOP.rows])),
    "i8: handed over after a stop that came after it": (
        "i8",
        replace(
            GOOD_STOP, stops=[replace(told(STOP, 0), asked_at_us=5)], rows=GOOD.rows, seen=flight(A, at_s=3.0)
        ),
    ),
    "i9: started behind the latch": (
        "i9",
        history(
            safety=frozenset({"lamp"}),
            rows=[accepted(A), intended("a"), ended("a", Verdict.UNKNOWN), accepted(B), intended("b"), ended("b")],
            seen=flight(B),
        ),
    ),
    "i10: ended long after its deadline": (
        "i10",
        history(rows=[accepted(A), intended("a"), ended("a", at_us=40 * S)], seen=flight(A)),
    ),
    "i10: not usable after faults stopped": ("i10", history(probes=[told(A, refused="latched")])),
    "i11: handed over before its intent is durable": (
        "i11",
        history(rows=[accepted(A), intended("a", 2 * S), ended("a")], seen=flight(A)),
    ),
    "i12: told something else": ("i12", replace(GOOD, told=[told(A, outcome=outcome("a", Verdict.UNKNOWN))])),
    "i12: told refused, and accepted": ("i12", replace(GOOD, told=[told(A, refused="storage")])),
    "i13: a value that was never made": ("i13", replace(GOOD_READ, seen=[])),
    "i13: a value made before it was asked for": (
        "i13",
        replace(GOOD_READ, seen=[seen(SeenKind.APPLIED, READ, 0.5, b"1")]),
    ),
    "i13: the answer of another read": (
        "i13",
        replace(
            GOOD_READ,
            rows=[*GOOD_READ.rows, accepted(read("q")), intended("q"), ended("q", value=b"1")],
        ),
    ),
    "i13: an answer of a connection that was down": (
        "i13",
        replace(GOOD_READ, seen=[*GOOD_READ.seen, seen(SeenKind.DOWN, None, 1.5)]),
    ),
    "i14: more waited than may": ("i14", history(depth_max=11)),
    "i14: held although all is over": ("i14", history(left=1)),
    "i15: started after its deadline": (
        "i15",
        history(rows=[accepted(A), intended("a", 31 * S), ended("a")], seen=flight(A, at_s=31.5)),
    ),
    "i15: started after its queue time-out": (
        "i15",
        history(
            rows=[accepted(write("a", queue_timeout_us=5)), intended("a"), ended("a")],
            seen=flight(A),
        ),
    ),
}


@pytest.mark.parametrize(
    "good",
    [GOOD, GOOD_READ, GOOD_STOP, GOOD_SEQUENCE, GOOD_LONG, GOOD_NEWS, history()],
    ids=["write", "read", "stop", "sequence", "long write", "news", "nothing"],
)
def test_a_history_that_keeps_every_promise_passes(good: History):
    assert judge(good) == []


@pytest.mark.parametrize(("invariant", "broken"), BROKEN.values(), ids=BROKEN)
def test_a_broken_promise_is_caught_under_its_name(invariant: str, broken: History):
    said = judge(broken)
    assert any(one.startswith(f"{invariant}_") for one in said), said


def test_a_stop_that_rode_on_another_is_delivered_by_that_one():
    rider = write("t", stop=True)
    ridden = history(
        stops=[told(STOP, 0), told(rider, 0)],
        rows=[accepted(STOP), accepted(rider), ended("s"), ended("t", by="s")],
        seen=flight(STOP),
    )
    assert judge(ridden) == []


def test_what_recovery_writes_after_a_crash_may_know_less_than_was_told():
    crashed = history(
        told=GOOD.told,
        rows=[accepted(A), intended("a"), ended("a", Verdict.UNKNOWN, at_us=9 * S)],
        seen=flight(A),
        crashes_us=(8 * S,),
    )
    assert judge(crashed) == []


def test_a_device_that_pretends_is_believed_where_nobody_asked_for_a_proof():
    assert judge(history(rows=GOOD.rows, seen=[seen(SeenKind.PRETENDED, A, 1.0)])) == []


def test_what_came_before_a_reader_began_to_read_may_be_given_late():
    late = history(
        pushed=PUSHED, heard=[heard(b"1", at_us=9 * S, since_us=8 * S)], seen=[seen(SeenKind.DOWN, None, 0.5)]
    )
    assert judge(late) == []
