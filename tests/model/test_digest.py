"""Payloads by length and SHA-256: what was asked for can still be told apart, and nothing of it can be read."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from gattkeeper.model.command import Command, Origin, Priority, ReadBack
from gattkeeper.model.digest import (
    Digest,
    digests_in,
    digests_of,
    same_request,
    without_payloads,
    without_values,
)
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import LongWrite, Read, Sequence, Write, WriteDescriptor, WriteThenWait
from gattkeeper.model.outcome import Cause, Outcome, Verdict
from model.anything import anything

TARGET = CharacteristicRef(uuid="0000fe51-0000-1000-8000-00805f9b34fb")
WRITE = Command(device="lounge", operation=Write(target=TARGET, payload=b"\x49"))


def digest(at: str, raw: bytes) -> Digest:
    return Digest(at=at, length=len(raw), sha256=hashlib.sha256(raw).hexdigest())


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        (Read(target=TARGET), []),
        (Write(target=TARGET, payload=b"one"), [("payload", b"one")]),
        (LongWrite(target=TARGET, payload=b"one"), [("payload", b"one")]),
        (WriteDescriptor(target=TARGET, descriptor="2901", payload=b"one"), [("payload", b"one")]),
        (
            WriteThenWait(write=Write(target=TARGET, payload=b"one"), answer=TARGET, starts_with=b"two"),
            [("payload", b"one"), ("starts_with", b"two")],
        ),
        (
            Sequence(
                steps=(Read(target=TARGET), Write(target=TARGET, payload=b"one")),
                undo=Write(target=TARGET, payload=b"two"),
            ),
            [("steps.2", b"one"), ("undo", b"two")],
        ),
        (Sequence(steps=(Write(target=TARGET, payload=b"one"),)), [("steps.1", b"one")]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_digest_says_where_its_payload_belongs(operation: Any, named: list[tuple[str, bytes]]) -> None:
    command = Command(device="lounge", operation=operation)
    assert digests_of(command) == tuple(digest(at, raw) for at, raw in named)
    assert digests_of(without_payloads(command)) == ()


def test_what_a_read_back_expects_is_a_payload_too() -> None:
    command = replace(WRITE, read_back=ReadBack(target=TARGET, expected=b"\x4a"))
    assert digests_of(command)[1] == digest("expected", b"\x4a")
    assert without_payloads(command).read_back == ReadBack(target=TARGET, expected=b"")


@given(anything(Command))
def test_without_its_payloads_a_command_is_the_same_but_for_them(command: Command) -> None:
    bare = without_payloads(command)
    assert digests_of(bare) == ()
    assert without_payloads(bare) == bare
    same = {"operation": command.operation, "read_back": command.read_back}
    assert replace(bare, **same) == command
    assert type(bare.operation) is type(command.operation)


def test_of_an_outcome_only_values_of_bytes_are_left_out() -> None:
    outcome = Outcome(command_id="c1", verdict=Verdict.DELIVERED, cause=Cause.VALUE, value=b"37")
    assert digests_in(outcome) == (digest("value", b"37"),)
    assert without_values(outcome) == replace(outcome, value=None)
    assert digests_in(replace(outcome, value=-61)) == ()
    assert without_values(replace(outcome, value=-61)).value == -61
    steps = replace(outcome, value=None, values=(None, b"38"))
    assert digests_in(steps) == (digest("values.2", b"38"),)
    assert without_values(steps).values == (None, None)


def test_two_with_tokens_are_the_same_request_although_their_payloads_differ() -> None:
    one = replace(WRITE, token=1, label="dim 5")
    other = replace(one, token=2, operation=Write(target=TARGET, payload=b"\x50"))
    assert same_request(one, other)
    assert not same_request(one, replace(other, label="dim 6"))
    assert not same_request(one, replace(other, token=0))


def test_who_asked_and_under_which_id_does_not_make_another_request() -> None:
    again = replace(WRITE, id="c2", idempotency_key="k", origin=Origin(front="http"), deadline_us=5)
    assert same_request(WRITE, again)


@pytest.mark.parametrize(
    "change",
    [
        {"device": "kitchen"},
        {"operation": Write(target=TARGET, payload=b"\x50")},
        {"operation": Read(target=TARGET)},
        {"priority": Priority.URGENT},
        {"stop": True},
    ],
    ids=["device", "payload", "operation", "priority", "stop"],
)
def test_what_is_asked_for_makes_another_request(change: dict[str, Any]) -> None:
    assert not same_request(WRITE, replace(WRITE, **change))


@pytest.mark.parametrize(("label", "same"), [("", True), ("write fe51", True), ("write fe52", False)])
def test_a_way_in_that_gives_no_label_asks_for_nothing_else(label: str, same: bool) -> None:
    labelled, again = replace(WRITE, label="write fe51"), replace(WRITE, label=label)
    assert same_request(labelled, again) is same_request(again, labelled) is same


@pytest.mark.parametrize("payload", [b"\x49", b"\x50"])
def test_a_request_of_which_only_digests_are_left_is_told_from_others(payload: bytes) -> None:
    again = replace(WRITE, operation=Write(target=TARGET, payload=payload))
    assert same_request(without_payloads(WRITE), again, digests_of(WRITE)) == (payload == b"\x49")


def test_how_it_is_proved_makes_no_other_request() -> None:
    proved = replace(WRITE, read_back=ReadBack(target=TARGET, expected=b"\x49"))
    assert same_request(without_payloads(proved), WRITE, digests_of(proved))
