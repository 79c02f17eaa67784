"""A command taken apart: which part is next, what was brought, and whether anything is owed afterwards."""

import msgspec
import pytest

from core.drive import A_READ, POSITION, Drive, S, write
from gattkeeper.core import parts
from gattkeeper.core.entry import Entry
from gattkeeper.core.state import DeviceState
from gattkeeper.core.waiting import Waiting
from gattkeeper.model.command import Command
from gattkeeper.model.operation import Composite, LongWrite, Operation, RequestMtu, Sequence, Write
from gattkeeper.model.outcome import Cause, Verdict

UNDO = write(9)
BLIND = DeviceState(name="blind", adapter="hci", safety=False, linger_us=0, waiting=Waiting())
STEPS = (write(1), A_READ, write(2, without=True))


def entry(operation: Operation | Composite) -> Entry:
    return Entry(command=Command(device="blind", operation=operation), start_us=0, sequence=1, accepted_at=0)


def test_the_parts_of_a_sequence_are_its_steps_in_order() -> None:
    one = entry(Sequence(steps=STEPS))
    for number, step in enumerate(STEPS, start=1):
        assert parts.are_left(one)
        assert (parts.current(BLIND, one), parts.number(one)) == (step, number)
        assert parts.note(one) == f"step {number} of 3"
        assert parts.has_begun(one) == (number > 1)
        parts.answered(one, step, b"\x55" if step == A_READ else None)
    assert not parts.are_left(one)
    assert one.values == [None, b"\x55", None]


@pytest.mark.parametrize(
    ("att_mtu", "lengths"), [(23, [20] * 30), (103, [100] * 6), (517, [512, 88]), (602, [512, 88])]
)
def test_the_chunks_of_a_long_write_are_as_long_as_the_connection_allows(att_mtu: int, lengths: list[int]) -> None:
    blind = msgspec.structs.replace(BLIND, att_mtu=att_mtu)
    one = entry(LongWrite(target=POSITION, payload=bytes(range(200)) * 3))
    chunks = []
    while parts.are_left(one):
        assert parts.note(one) == f"after {sum(map(len, chunks))} of 600 bytes"
        chunk = parts.current(blind, one)
        assert isinstance(chunk, Write)
        chunks.append(chunk.payload)
        parts.answered(one, chunk, None)
    assert [len(chunk) for chunk in chunks] == lengths
    assert b"".join(chunks) == bytes(range(200)) * 3
    assert (one.step, one.values, parts.owed_undo(one)) == (len(lengths), [], None)


def test_an_operation_that_is_a_whole_has_no_parts() -> None:
    one = entry(write(1))
    assert (parts.current(BLIND, one), parts.number(one), parts.note(one)) == (write(1), 0, "")
    assert not parts.are_left(one)
    assert not parts.has_begun(one)
    assert parts.owed_undo(one) is None


def test_one_step_without_response_leaves_all_of_it_unacknowledged() -> None:
    assert parts.unacknowledged(entry(Sequence(steps=STEPS)), A_READ)
    assert not parts.unacknowledged(entry(Sequence(steps=STEPS[:2])), A_READ)
    assert parts.unacknowledged(entry(write(1)), write(1, without=True)), "what was handed over counts"


def test_an_undo_is_owed_once_the_device_may_be_changed_and_as_long_as_steps_are_left() -> None:
    one = entry(Sequence(steps=(A_READ, write(1), A_READ), undo=UNDO))
    parts.answered(one, A_READ, b"")
    assert parts.owed_undo(one) is None, "a read changes nothing"
    one.uncertain = Cause.TIMED_OUT_IN_FLIGHT
    assert parts.owed_undo(one) == UNDO
    one.uncertain = None
    parts.answered(one, write(1), None)
    assert parts.owed_undo(one) == UNDO
    parts.answered(one, A_READ, b"")
    assert parts.owed_undo(one) is None, "all of it was carried out"


@pytest.mark.parametrize(("told", "length"), [(103, 100), (None, 20)])
def test_the_mtu_that_was_agreed_on_decides_the_next_chunk(told: int | None, length: int) -> None:
    drive = Drive()
    drive.warm()
    drive.submit("mtu", RequestMtu())
    drive.answer(told)
    drive.submit("long", LongWrite(target=POSITION, payload=bytes(150)))
    assert [len(one.payload) for one in drive.sent() if isinstance(one, Write)] == [length]


def test_a_part_answered_after_the_deadline_is_the_last_one() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("two", Sequence(steps=(A_READ, write(1))), deadline_us=4 * S)
    drive.jump(4 * S)
    drive.answer(b"\x55")
    assert drive.payloads() == []
    assert drive.ended("two") == (Verdict.NOT_DELIVERED, Cause.EXPIRED)
