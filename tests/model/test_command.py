"""What makes a command well-formed, and when two of them ask for the same thing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gattkeeper.model.command import (
    DEADLINE_US_MAX,
    Command,
    Origin,
    Priority,
    ReadBack,
    problem_with,
    same_request,
)
from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX, CharacteristicRef
from gattkeeper.model.operation import Read, Write, WriteDescriptor
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


def test_a_required_read_back_says_what_to_read() -> None:
    required = replace(WRITE, require_read_back=True)
    assert problem_with(required).startswith("read_back is required")
    assert problem_with(replace(required, read_back=ReadBack(target=TARGET, expected=b"\x49"))) == ""


def test_who_asked_and_under_which_id_does_not_make_another_request() -> None:
    again = replace(WRITE, id="c2", idempotency_key="k", origin=Origin(front="http"), deadline_us=5)
    assert same_request(WRITE, again)


@pytest.mark.parametrize(
    "change",
    [
        {"device": "kitchen"},
        {"operation": Write(target=TARGET, payload=b"\x50")},
        {"priority": Priority.URGENT},
        {"stop": True},
        {"label": "set_position 80"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_asked_for_makes_another_request(change: dict[str, Any]) -> None:
    assert not same_request(WRITE, replace(WRITE, **change))


def test_priorities_sort_with_the_most_urgent_first() -> None:
    assert [priority.name for priority in sorted(Priority)] == ["URGENT", "INTERACTIVE", "NORMAL", "BACKGROUND"]
