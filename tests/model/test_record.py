"""The rows of the journal come back as they were written, and each knows its command."""

from typing import get_args

import pytest
from hypothesis import given

from gattkeeper.model.record import (
    Accepted,
    ClockStep,
    Closed,
    Ended,
    Record,
    Recovery,
    Resolved,
    SegmentDeleted,
    Started,
    command_of,
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
            case Started() | Closed() | Recovery() | ClockStep() | SegmentDeleted():
                expected = ""
            case Ended():
                expected = record.outcome.command_id
            case Resolved():
                expected = record.resolution.command_id
            case _:
                expected = record.command_id
        assert command_of(record) == expected

    knows()
