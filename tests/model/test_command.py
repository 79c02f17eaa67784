"""What makes a command well-formed, and when two of them ask for the same thing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gattkeeper.model.command import (
    DEADLINE_US_MAX,
    LONG_WRITE_LENGTH_MAX,
    STEPS_MAX,
    Command,
    Priority,
    ReadBack,
    problem_with,
)
from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX, CharacteristicRef
from gattkeeper.model.operation import (
    Connect,
    Disconnect,
    LongWrite,
    Read,
    RequestConnectionParameters,
    Sequence,
    Write,
    WriteDescriptor,
    WriteThenWait,
    kind_of,
    problem_with_parameters,
)
from model.anything import anything, through_json

TARGET = CharacteristicRef(uuid="0000fe51-0000-1000-8000-00805f9b34fb")
WRITE = Command(device="lounge", operation=Write(target=TARGET, payload=b"\x49"))


@given(anything(Command))
def test_every_command_comes_back_from_json(command: Command) -> None:
    assert through_json(command, Command) == command


def test_a_command_with_the_defaults_is_well_formed() -> None:
    assert problem_with(WRITE) == ""
    assert problem_with(replace(WRITE, operation=Read(target=TARGET))) == ""


def test_a_command_needs_a_device() -> None:
    assert problem_with(replace(WRITE, device="")) == "a command needs a device"


@pytest.mark.parametrize("name", ["attempt_timeout", "deadline", "queue_timeout"])
@given(data=st.data())
def test_a_length_of_time_is_more_than_nothing_and_at_most_a_day(name: str, data: st.DataObject) -> None:
    length = data.draw(st.integers(max_value=0) | st.integers(min_value=DEADLINE_US_MAX + 1))
    problem = problem_with(replace(WRITE, **{f"{name}_us": length}))
    assert problem == f"{name} must be more than 0 and at most 86400 seconds"


@pytest.mark.parametrize("length", [1, DEADLINE_US_MAX])
def test_the_ends_of_a_length_of_time_are_allowed(length: int) -> None:
    times = replace(WRITE, attempt_timeout_us=length, deadline_us=length, queue_timeout_us=length)
    assert problem_with(times) == ""


def written(payload: bytes) -> list[Any]:
    return [
        Write(target=TARGET, payload=payload),
        WriteDescriptor(target=TARGET, descriptor="2901", payload=payload),
    ]


def test_a_write_has_a_payload_as_long_as_an_attribute_at_most() -> None:
    for operation in written(b""):
        assert problem_with(replace(WRITE, operation=operation)) == "a write needs a payload of at least one byte"
    for operation in written(bytes(ATTRIBUTE_LENGTH_MAX)):
        assert problem_with(replace(WRITE, operation=operation)) == ""
    for operation in written(bytes(ATTRIBUTE_LENGTH_MAX + 1)):
        assert "513 bytes is longer than any attribute: 512" in problem_with(replace(WRITE, operation=operation))


def sequence(*steps: Any, **fields: Any) -> Command:
    return replace(WRITE, operation=Sequence(steps=steps, **fields))


def test_a_sequence_has_a_step_at_least_and_64_at_most() -> None:
    for count in (1, STEPS_MAX):
        assert problem_with(sequence(*[WRITE.operation] * count)) == ""
    for count in (0, STEPS_MAX + 1):
        assert problem_with(sequence(*[WRITE.operation] * count)) == f"a sequence has 1 to 64 steps, not {count}"


@pytest.mark.parametrize("step", [Sequence(steps=(Read(target=TARGET),)), Connect()])
def test_a_sequence_is_made_of_reads_and_writes(step: Any) -> None:
    problem = problem_with(sequence(WRITE.operation, step))
    assert problem == f"step 2 is a {kind_of(step)}: a sequence is made of reads and writes only"


def test_every_payload_of_a_sequence_is_looked_at() -> None:
    empty = Write(target=TARGET, payload=b"")
    for command in (sequence(WRITE.operation, empty), sequence(WRITE.operation, undo=empty)):
        assert problem_with(command) == "a write needs a payload of at least one byte"


@pytest.mark.parametrize("lease_us", [0, -1, DEADLINE_US_MAX + 1])
def test_a_lease_is_more_than_nothing_and_at_most_a_day(lease_us: int) -> None:
    problem = problem_with(sequence(WRITE.operation, lease_us=lease_us))
    assert problem == "lease must be more than 0 and at most 86400 seconds"


def test_a_long_write_has_its_own_ceiling() -> None:
    for length, problem in (
        (0, "a write needs a payload of at least one byte"),
        (1, ""),
        (LONG_WRITE_LENGTH_MAX, ""),
        (LONG_WRITE_LENGTH_MAX + 1, "a payload of 16385 bytes is longer than any long write: 16384 is the limit"),
    ):
        command = replace(WRITE, operation=LongWrite(target=TARGET, payload=bytes(length)))
        assert problem_with(command) == problem


def waiting(**fields: Any) -> Command:
    fields.setdefault("write", WRITE.operation)
    return replace(WRITE, operation=WriteThenWait(answer=TARGET, **fields))


def test_a_write_that_waits_is_a_write_with_a_time_for_its_answer() -> None:
    assert problem_with(waiting(starts_with=bytes(ATTRIBUTE_LENGTH_MAX), timeout_us=DEADLINE_US_MAX)) == ""
    for timeout_us in (0, -1, DEADLINE_US_MAX + 1):
        problem = problem_with(waiting(timeout_us=timeout_us))
        assert problem == "timeout must be more than 0 and at most 86400 seconds"
    empty = Write(target=TARGET, payload=b"")
    assert problem_with(waiting(write=empty)) == "a write needs a payload of at least one byte"
    problem = problem_with(waiting(starts_with=bytes(ATTRIBUTE_LENGTH_MAX + 1)))
    assert problem == "no answer starts with 513 bytes: 512 is the limit"


def test_a_write_that_waits_is_not_read_back_as_well() -> None:
    proof = ReadBack(target=TARGET, expected=b"\x49")
    assert "proved by that" in problem_with(replace(waiting(), read_back=proof, require_read_back=True))


def test_a_required_read_back_says_what_to_read() -> None:
    required = replace(WRITE, require_read_back=True)
    assert problem_with(required).startswith("read_back is required")
    assert problem_with(replace(required, read_back=ReadBack(target=TARGET, expected=b"\x49"))) == ""


def test_a_read_back_expects_something() -> None:
    problem = problem_with(replace(WRITE, read_back=ReadBack(target=TARGET, expected=b"")))
    assert problem == "a read-back needs at least one byte to expect: every value starts with nothing"


def test_a_command_of_a_lease_ends_with_its_connection_and_takes_it_from_nobody() -> None:
    assert problem_with(Command(device="lounge", operation=Connect(), lease="l1")) == ""
    survivor = Command(device="lounge", operation=Connect(), lease="l1", survive_reconnect=True)
    assert "cannot survive" in problem_with(survivor)
    assert "closes it" in problem_with(Command(device="lounge", operation=Disconnect(), lease="l1"))


def test_priorities_sort_with_the_most_urgent_first() -> None:
    assert [priority.name for priority in sorted(Priority)] == ["URGENT", "INTERACTIVE", "NORMAL", "BACKGROUND"]


def test_connection_parameters_are_checked_before_anything_is_queued():
    wanted = RequestConnectionParameters(interval_min_us=1, interval_max_us=2)
    assert problem_with(Command(device="lamp", operation=wanted)) == problem_with_parameters(wanted) != ""
    fine = RequestConnectionParameters(interval_min_us=15_000, interval_max_us=30_000)
    assert problem_with(Command(device="lamp", operation=fine)) == ""
