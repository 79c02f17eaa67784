"""Records become rows and come back as they were."""

import msgspec
import pytest
from journal_rows import accepted, attempt_failed, ended, intended

from gattkeeper.errors import StorageError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Ran
from gattkeeper.model.outcome import Resolution
from gattkeeper.model.record import ClockStep, Closed, Record, Recovery, Resolved, Started
from gattkeeper.storage.rows import Appended, columns_of, records_in

RECORDS: list[Record] = [
    Started(version="0.1.0", pid=7, adapters=("F0:00:00:00:00:0A",)),
    accepted("c1", key="k1"),
    intended("c1"),
    attempt_failed("c1", Ran.MAYBE),
    ended("c1"),
    Resolved(resolution=Resolution(command_id="c1", applied=True, who="ann", why="seen"), at_us=9),
    Recovery(adapter="hci0", rung=Rung.POWER_CYCLE, why="wedged", at_us=9, device="lounge"),
    ClockStep(step_us=-3_600_000_000),
    Closed(),
]


def appended(record: Record) -> Appended:
    return Appended(record=record, utc_us=1, mono_us=2, boot_id="boot", clock_synced=None, on_durable=None)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_record_survives_the_row(record: Record) -> None:
    *_, body = columns_of(appended(record))
    assert records_in([(1, body)]) == [record]


def test_accepted_row_has_what_it_is_looked_up_by() -> None:
    assert columns_of(appended(accepted("c1", key="k1")))[:4] == ("accepted", "c1", "lounge", "k1")


def test_row_without_a_key_has_null_and_not_an_empty_key() -> None:
    assert columns_of(appended(accepted("c1")))[3] is None


def test_rows_about_the_keeper_have_no_command() -> None:
    assert columns_of(appended(Closed()))[:4] == ("closed", None, None, None)


def test_moment_and_boot_are_columns() -> None:
    assert columns_of(appended(Closed()))[4:8] == (1, 2, "boot", None)


def test_text_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        columns_of(appended(accepted("c1", label="\udc80")))


@pytest.mark.parametrize("body", [b"", b"{", b'{"type":"accepted"}', msgspec.json.encode({"type": "later"})])
def test_damaged_body_is_named_by_its_row(body: bytes) -> None:
    with pytest.raises(StorageError, match="row 42 of the journal is damaged"):
        records_in([(42, body)])
