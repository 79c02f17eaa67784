"""The rows of the journal come back as they were written, and each knows its command."""

from typing import get_args

import pytest
from hypothesis import given

from gattkeeper.model.command import Command
from gattkeeper.model.digest import digests_in, digests_of, without_payloads, without_values
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Read, Write
from gattkeeper.model.outcome import Cause, Outcome, Verdict
from gattkeeper.model.record import (
    Accepted,
    Alerted,
    AttemptFailed,
    CancelAsked,
    Denied,
    Ended,
    FlawAccepted,
    Intended,
    Latch,
    Record,
    Recovery,
    ReprioritiseAsked,
    Resolved,
    ResumeAsked,
    StopAsked,
    accepted,
    command_of,
    device_of,
    ended,
    origin_of,
)
from model.anything import anything, through_json


@pytest.mark.parametrize("kind", get_args(Record), ids=lambda kind: kind.__name__)
def test_every_row_comes_back_from_json_as_the_kind_it_was(kind: type) -> None:
    @given(anything(kind))
    def comes_back(record: Record) -> None:
        assert through_json(record, Record) == record

    comes_back()


@pytest.mark.parametrize("kind", get_args(Record), ids=lambda kind: kind.__name__)
def test_a_row_knows_its_command(kind: type) -> None:
    @given(anything(kind))
    def knows(record: Record) -> None:
        match record:
            case Accepted():
                expected = record.command.id
            case Ended():
                expected = record.outcome.command_id
            case Resolved():
                expected = record.resolution.command_id
            case Intended() | AttemptFailed():
                expected = record.command_id
            case _:
                expected = ""
        assert command_of(record) == expected

    knows()


@pytest.mark.parametrize("kind", get_args(Record), ids=lambda kind: kind.__name__)
def test_a_row_knows_its_device_where_it_names_one(kind: type) -> None:
    @given(anything(kind))
    def knows(record: Record) -> None:
        match record:
            case Accepted():
                expected = record.command.device
            case Latch() | Recovery() | CancelAsked() | ReprioritiseAsked():
                expected = record.device
            case Alerted():
                expected = record.alert.device
            case _:
                expected = ""
        assert device_of(record) == expected

    knows()


@pytest.mark.parametrize("kind", get_args(Record), ids=lambda kind: kind.__name__)
def test_a_row_knows_who_caused_it_where_somebody_did(kind: type) -> None:
    @given(anything(kind))
    def knows(record: Record) -> None:
        match record:
            case Accepted():
                expected = record.command.origin
            case Resolved():
                expected = record.resolution.origin
            case StopAsked() | ResumeAsked() | CancelAsked() | ReprioritiseAsked() | Denied() | FlawAccepted():
                expected = record.origin
            case _:
                expected = None
        assert origin_of(record) == expected

    knows()


WRITE = Command(device="lounge", operation=Write(target=CharacteristicRef(uuid="2a19"), payload=b"\x49"))
READ = Command(device="lounge", operation=Read(target=CharacteristicRef(uuid="2a19")))
VALUE = Outcome(command_id="c1", verdict=Verdict.DELIVERED, cause=Cause.VALUE, value=b"\x37")
SENT = Outcome(command_id="c1", verdict=Verdict.SENT, cause=Cause.ACCEPTED_LOCALLY)


@pytest.mark.parametrize("keep", [True, False])
def test_bytes_are_on_record_only_where_they_are_kept_and_their_digests_always(keep: bool) -> None:
    row, end = accepted(WRITE, 1, keep=keep), ended(VALUE, 2, keep=keep)
    assert row.command == (WRITE if keep else without_payloads(WRITE))
    assert end.outcome == (VALUE if keep else without_values(VALUE))
    assert (row.digests, end.digests) == (digests_of(WRITE), digests_in(VALUE))


def test_what_holds_no_bytes_is_on_record_as_it_is() -> None:
    assert accepted(READ, 1, keep=False).command is READ
    assert ended(SENT, 1, keep=False).outcome is SENT
