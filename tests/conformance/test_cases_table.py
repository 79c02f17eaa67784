"""Cases about news of a connection, and about attribute tables that change: numbers are those of the conformance list.

Knows the core alone, on a virtual clock with a scripted stack.
"""

from typing import Any

import pytest

from core.drive import A_READ, BATTERY, POSITION, Drive, S, long_write, write
from gattkeeper.core import effects, events
from gattkeeper.core.limits import Limits
from gattkeeper.core.own_faults import TABLE_CHANGED
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Operation, Read, Sequence, Subscribe, Write
from gattkeeper.model.outcome import Cause, Verdict

AT = CharacteristicRef(handle=3)
BY_HANDLE = Write(target=AT, payload=b"\x01")
NOT_SENT = (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)
DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


def on(table: str = "old", **fields: Any) -> Drive:
    drive = Drive(**fields)
    drive.warm(table=table)
    return drive


def reconnect(drive: Drive, table: str) -> None:
    drive.lost()
    drive.gone()
    drive.wait(1 * S)
    drive.connected(table=table)


def is_stale(drive: Drive, command_id: str) -> bool:
    """Whether it was not sent, and a sentence says why."""
    return drive.ended(command_id) == NOT_SENT and drive.endings()[command_id].fault == TABLE_CHANGED


# C31


@pytest.mark.parametrize("operation", [A_READ, write(), Subscribe(target=BATTERY)])
@pytest.mark.parametrize("news", [{"att_mtu": 100}, {"table": "new"}, {}], ids=["mtu", "table", "nothing"])
def test_c31_news_of_the_connection_completes_no_command(operation: Operation, news: dict[str, Any]) -> None:
    drive = on()
    drive.submit("running", operation)
    drive.submit("waiting", A_READ)
    drive.updated(**news)
    assert drive.open("running")
    assert drive.open("waiting")
    assert drive.sent() == [operation]
    drive.answer(b"x")
    assert drive.ended("running")[0] is Verdict.DELIVERED


def test_c31_a_long_write_goes_on_with_the_att_mtu_that_is_in_force() -> None:
    drive = on()
    drive.submit("long", long_write(7))
    drive.updated(att_mtu=28)
    drive.answer()
    drive.answer()
    assert [len(one.payload) for one in drive.sent() if isinstance(one, Write)] == [20, 25, 2]


def test_c31_news_of_an_older_connection_or_of_none_changes_nothing() -> None:
    drive = on()
    drive.lost()
    drive.updated(att_mtu=100, table="new")
    drive.gone()
    drive.submit("long", long_write(7))
    drive.connected(table="old")
    drive.feed(events.ConnectionUpdated(device="blind", epoch=1, att_mtu=100))
    drive.answer()
    assert [len(one.payload) for one in drive.sent() if isinstance(one, Write)] == [20, 20]


# C62


def test_c62_a_command_by_handle_is_not_sent_on_another_table() -> None:
    drive = on()
    drive.submit("running", A_READ, survive_reconnect=True)
    drive.submit("by-handle", BY_HANDLE, survive_reconnect=True)
    drive.submit("by-uuid", write(2), survive_reconnect=True)
    reconnect(drive, "new")
    drive.answer(b"x")
    assert is_stale(drive, "by-handle")
    assert "by UUID" in TABLE_CHANGED.text
    assert BY_HANDLE not in drive.sent()
    assert drive.payloads() == [2]


def test_c62_a_command_by_handle_is_sent_on_the_same_table_again() -> None:
    drive = on()
    drive.submit("running", A_READ, survive_reconnect=True)
    drive.submit("by-handle", BY_HANDLE, survive_reconnect=True)
    reconnect(drive, "old")
    drive.answer(b"x")
    drive.answer()
    assert drive.ended("by-handle") == DELIVERED


def test_c62_a_command_accepted_before_any_connection_belongs_to_the_first_table() -> None:
    drive = Drive()
    drive.submit("first", A_READ, survive_reconnect=True)
    for name in ("by-handle", "another"):
        drive.submit(name, BY_HANDLE, survive_reconnect=True)
    drive.connected(table="old")
    drive.answer(b"x")
    assert drive.sent() == [A_READ, BY_HANDLE]
    reconnect(drive, "new")
    drive.wait(1 * S)
    assert is_stale(drive, "another")


def test_c62_a_command_accepted_between_two_connections_belongs_to_the_last_table() -> None:
    drive = on()
    drive.lost()
    drive.gone()
    drive.submit("by-handle", BY_HANDLE)
    drive.connected(table="new")
    assert is_stale(drive, "by-handle")


def test_c62_a_table_that_changes_under_a_connection_ends_what_waits_for_it() -> None:
    drive = on()
    drive.submit("running", A_READ)
    drive.submit("by-handle", BY_HANDLE)
    drive.updated(table="new")
    drive.submit("later", BY_HANDLE)
    drive.answer(b"x")
    assert is_stale(drive, "by-handle")
    drive.answer()
    assert drive.ended("later") == DELIVERED, "it was accepted when the new table was known"


def test_c62_a_table_that_changes_while_the_intent_is_written_down_is_not_too_late() -> None:
    drive = on()
    drive.slow_disk = True
    drive.submit("by-handle", BY_HANDLE)
    (intent,) = drive.of(effects.RecordIntent)
    drive.updated(table="new")
    drive.feed(events.IntentRecorded(device="blind", token=intent.token))
    assert is_stale(drive, "by-handle")
    assert drive.sent() == []


def test_c62_a_stale_handle_of_the_link_is_the_end_on_another_table_and_another_try_on_the_same() -> None:
    for table, ended in (("new", NOT_SENT), ("old", DELIVERED)):
        drive = on()
        drive.submit("by-handle", BY_HANDLE)
        drive.fail(FaultKind.STALE, Ran.REFUSED)
        drive.gone()
        drive.connected(table=table)
        if table == "old":
            drive.answer()
        assert drive.ended("by-handle") == ended


def test_c62_a_sequence_by_handle_ends_where_the_table_changed_and_its_undo_is_not_written_elsewhere() -> None:
    steps = (write(1), Read(target=AT), write(2))
    for undo in (BY_HANDLE, write(9)):
        drive = on()
        drive.submit("sequence", Sequence(steps=steps, undo=undo))
        drive.updated(table="new")
        drive.answer()
        assert drive.ended("sequence") == (Verdict.UNKNOWN, Cause.PARTLY)
        if undo is BY_HANDLE:
            assert is_stale(drive, "sequence-undo")
        else:
            assert drive.payloads() == [1, 9]


def test_c62_a_sequence_by_uuid_goes_on_whatever_the_table() -> None:
    by_uuid = Sequence(steps=(write(1), write(2)))
    drive = on()
    drive.submit("sequence", by_uuid)
    drive.updated(table="new")
    drive.answer()
    drive.answer()
    assert drive.ended("sequence") == DELIVERED


def test_c62_a_command_that_had_to_pair_is_not_sent_to_a_handle_of_before() -> None:
    drive = on()
    drive.submit("by-handle", BY_HANDLE)
    drive.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    drive.updated(table="new")
    drive.answer()
    assert is_stale(drive, "by-handle")


def test_c62_a_stop_by_an_old_handle_is_not_written_and_the_link_goes_instead() -> None:
    drive = on()
    stop = Write(target=AT, payload=b"\xff")
    drive.lost()
    drive.gone()
    drive.submit("running", A_READ)
    drive.stop("stop", stop)
    drive.connected(table="new")
    drive.wait(1)
    assert is_stale(drive, "stop")
    assert drive.device().connection == "disconnecting"
    assert stop not in drive.sent()


def test_c62_subscriptions_by_handle_end_with_their_table_and_those_by_uuid_are_made_anew() -> None:
    drive = on()
    for name, target in (("by-handle", AT), ("by-uuid", POSITION)):
        drive.submit(name, Subscribe(target=target))
        drive.answer()
    drive.updated(table="new")
    assert [(one.target, one.fault) for one in drive.of(effects.SubscriptionEnded)] == [(AT, TABLE_CHANGED)]
    assert drive.sent()[2:] == [Subscribe(target=POSITION)]
    drive.answer()
    reconnect(drive, "newer")
    assert drive.sent()[3:] == [Subscribe(target=POSITION)]


def test_c62_a_stop_that_is_tried_again_does_not_take_the_next_table_for_its_own() -> None:
    drive = Drive(limits=Limits(stop_persist_us=60 * S), bypass=True)
    drive.warm(table="old")
    drive.stop("stop", BY_HANDLE, may_bypass=True)
    for _ in range(4):
        drive.fail(FaultKind.BUSY, Ran.REFUSED)
    drive.gone()
    tried = drive.sent().count(BY_HANDLE)
    drive.wait(3 * S)
    drive.submit("read", A_READ)
    drive.connected(table="new")
    drive.wait(2 * S)
    assert drive.open("stop-again-1")
    drive.answer(b"x")
    assert is_stale(drive, "stop-again-1")
    assert [one for one in drive.sent() if isinstance(one, Write)] == [BY_HANDLE] * tried
