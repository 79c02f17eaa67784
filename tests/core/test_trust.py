"""A connection that proves too little carries nothing but a stop, whose answer is no proof, and what pairs."""

from typing import Any

import pytest

from core.drive import A_READ, STOP_WRITE, SUBSCRIBE, Drive, S, write
from gattkeeper.core import events
from gattkeeper.core.effects import AlertChanged, StartConnect
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.command import Priority
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.operation import Pair, ReadRssi, Unpair
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.security import Demand, Proof, Security, SecurityLevel
from gattkeeper.model.status import AlertKind

BONDED = Security(level=SecurityLevel.ENCRYPTED, key_size=16)
PROVED = Proof(proved=BONDED, recorded=BONDED)
UNPROVED = Proof(recorded=BONDED)

DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
NEVER_SENT = (Verdict.NOT_DELIVERED, Cause.NEVER_SENT)
UNCLEAR = (Verdict.UNKNOWN, Cause.UNCLEAR_ANSWER)

REFUSED = Fault(kind=FaultKind.INSUFFICIENT_SECURITY, ran=Ran.NO, stack="test", text="it is not encrypted")


def drive_of(**traits: Any) -> Drive:
    """A lock that has to be encrypted."""
    drive = Drive(**traits)
    demand = Demand(level=SecurityLevel.ENCRYPTED)
    drive.feed(events.DeviceAdded(device="lock", adapter="hci", demand=demand))
    return drive


@pytest.fixture
def drive() -> Drive:
    return drive_of()


def up(drive: Drive, proof: Proof = PROVED) -> None:
    drive.feed(events.Connected(device="lock", epoch=drive.epochs["lock"], proof=proof))


def refused(drive: Drive) -> None:
    drive.feed(events.ConnectFailed(device="lock", epoch=drive.epochs["lock"], fault=REFUSED))


def alerts(drive: Drive) -> list[tuple[AlertKind, bool]]:
    return [(one.alert.kind, one.alert.raised) for one in drive.of(AlertChanged)]


def demands(drive: Drive) -> list[tuple[SecurityLevel, bool]]:
    return [(one.demand.level, one.demand.strict) for one in drive.of(StartConnect)]


RAISED, CLEARED = (AlertKind.SECURITY, True), (AlertKind.SECURITY, False)


def test_the_link_is_told_what_to_prove_and_nothing_where_nothing_is_demanded(drive: Drive) -> None:
    drive.submit("write", write(), "lock")
    assert demands(drive) == [(SecurityLevel.ENCRYPTED, True)]
    up(drive)
    drive.submit("other", write(), "blind")
    assert demands(drive)[1] == (SecurityLevel.NONE, True)
    drive.answer(device="lock")
    assert drive.ended("write") == DELIVERED
    assert alerts(drive) == []


def test_what_waits_ends_unsent_when_the_link_could_not_prove_it(drive: Drive) -> None:
    drive.submit("write", write(), "lock", survive_reconnect=True)
    drive.submit("read", A_READ, "lock")
    refused(drive)
    assert drive.ended("write") == drive.ended("read") == NEVER_SENT
    assert drive.endings()["read"].fault == REFUSED
    assert drive.sent("lock") == []
    assert alerts(drive) == [RAISED]
    assert drive.device("lock").alerts == (AlertKind.SECURITY,)
    assert drive.device("lock").availability == "available"


def test_it_is_told_once_and_taken_back_by_a_connection_that_proves_enough(drive: Drive) -> None:
    for number in range(7):
        drive.submit(f"write-{number}", write(), "lock")
        refused(drive)
    assert alerts(drive) == [RAISED]
    drive.submit("last", write(), "lock")
    up(drive)
    assert alerts(drive) == [RAISED, CLEARED]
    assert drive.payloads("lock") == [1]


def test_a_link_that_connects_all_the_same_is_not_believed(drive: Drive) -> None:
    drive.submit("write", write(), "lock", survive_reconnect=True)
    up(drive, UNPROVED)
    assert drive.ended("write") == NEVER_SENT
    fault = drive.endings()["write"].fault
    assert fault is not None
    assert (fault.kind, fault.ran) == (FaultKind.INSUFFICIENT_SECURITY, Ran.NO)
    assert fault.text.startswith("the connection is not encrypted, and encrypted is demanded: ")
    assert drive.dropped() == ["lock"]
    drive.gone("lock")
    assert drive.sent("lock") == []
    assert drive.connects() == ["lock"]
    assert alerts(drive) == [RAISED]


def test_a_connection_that_proves_less_than_before_is_dropped_with_what_is_in_flight(drive: Drive) -> None:
    drive.submit("write", write(), "lock")
    drive.submit("next", write(2), "lock")
    up(drive)
    drive.updated(device="lock", proof=UNPROVED)
    assert drive.ended("write") == UNCLEAR
    assert drive.ended("next") == NEVER_SENT
    assert drive.dropped() == ["lock"]
    assert alerts(drive) == [RAISED]


def test_news_of_the_same_proof_changes_nothing(drive: Drive) -> None:
    drive.submit("write", write(), "lock")
    up(drive)
    drive.updated(device="lock", proof=PROVED)
    drive.answer(device="lock")
    assert drive.ended("write") == DELIVERED


def test_pairing_goes_out_unproved_and_the_others_go_once_it_proved_enough(drive: Drive) -> None:
    drive.submit("pair", Pair(), "lock")
    drive.submit("write", write(), "lock")
    assert demands(drive) == [(SecurityLevel.ENCRYPTED, False)]
    up(drive, Proof())
    assert drive.sent("lock") == [Pair()]
    drive.updated(device="lock", proof=PROVED)
    drive.answer(device="lock")
    assert drive.ended("pair") == DELIVERED
    assert drive.payloads("lock") == [1]
    assert drive.connects() == ["lock"]


def test_what_comes_behind_a_pairing_that_proves_nothing_goes_by_a_strict_connection(drive: Drive) -> None:
    drive.submit("pair", Pair(), "lock")
    drive.submit("write", write(), "lock")
    up(drive, Proof())
    drive.fail(FaultKind.PAIRING_FAILED, Ran.REFUSED, device="lock")
    assert drive.dropped() == ["lock"]
    drive.gone("lock")
    assert demands(drive) == [(SecurityLevel.ENCRYPTED, False), (SecurityLevel.ENCRYPTED, True)]
    refused(drive)
    assert drive.ended("write") == NEVER_SENT
    assert drive.sent("lock") == [Pair()]


def test_a_pairing_behind_others_is_not_ended_with_them(drive: Drive) -> None:
    drive.submit("write", write(), "lock", priority=Priority.INTERACTIVE)
    drive.submit("pair", Pair(), "lock")
    refused(drive)
    assert drive.ended("write") == NEVER_SENT
    assert drive.open("pair")
    assert demands(drive)[-1] == (SecurityLevel.ENCRYPTED, False)


def test_an_unpairing_needs_no_proof_and_an_unproved_connection_is_not_kept(drive: Drive) -> None:
    drive.submit("unpair", Unpair(), "lock")
    up(drive, UNPROVED)
    drive.answer(device="lock")
    assert drive.ended("unpair") == DELIVERED
    assert drive.dropped() == ["lock"]


def test_nothing_more_urgent_slips_in_on_an_unproved_connection() -> None:
    drive = drive_of(serialization=Serialization.ADAPTER)
    drive.warm()
    drive.submit("blind", write(), "blind")
    drive.submit("pair", Pair(), "lock")
    up(drive, Proof())
    assert drive.sent("lock") == [], "the adapter does one at a time"
    drive.submit("write", write(2), "lock", priority=Priority.INTERACTIVE)
    drive.answer(device="blind")
    assert drive.payloads("lock") == []
    assert drive.dropped() == ["lock"]


def test_not_even_the_signal_strength_is_asked_for() -> None:
    drive = drive_of(aside=frozenset({"read_rssi"}))
    drive.submit("pair", Pair(), "lock")
    up(drive, Proof())
    drive.submit("rssi", ReadRssi(), "lock")
    assert drive.sent("lock") == [Pair()]


def test_subscriptions_are_not_restored_on_an_unproved_connection(drive: Drive) -> None:
    drive.submit("subscribe", SUBSCRIBE, "lock")
    up(drive)
    drive.answer(device="lock")
    drive.lost("lock")
    drive.gone("lock")
    refused(drive)
    attempts = len(drive.connects())
    drive.wait(29 * S)
    assert len(drive.connects()) == attempts, "they alone are no reason to hurry"
    drive.submit("pair", Pair(), "lock")
    drive.wait(2 * S)
    up(drive, Proof())
    assert drive.sent("lock")[1:] == [Pair()]
    drive.updated(device="lock", proof=PROVED)
    drive.answer(device="lock")
    assert drive.sent("lock")[2:] == [SUBSCRIBE]


def test_a_stop_goes_out_unproved_and_no_answer_makes_it_delivered(drive: Drive) -> None:
    drive.stop(device="lock")
    assert demands(drive) == [(SecurityLevel.ENCRYPTED, False)]
    for _ in range(4):
        up(drive, UNPROVED)
        assert drive.sent("lock")[-1] == STOP_WRITE
        drive.answer(device="lock")
        drive.gone("lock")
    assert drive.ended("stop") == UNCLEAR
    outcome = drive.endings()["stop"]
    assert outcome.fault is not None
    assert outcome.fault.kind is FaultKind.INSUFFICIENT_SECURITY
    assert len(outcome.attempts) == len(drive.payloads("lock")) == 4
    assert alerts(drive) == [RAISED, (AlertKind.STOP_FAILED, True)]


def test_a_stop_that_reaches_the_device_itself_at_last_is_delivered(drive: Drive) -> None:
    drive.stop(device="lock")
    up(drive, UNPROVED)
    drive.answer(device="lock")
    drive.gone("lock")
    up(drive)
    drive.answer(device="lock")
    assert drive.ended("stop") == DELIVERED
    assert alerts(drive) == [RAISED, CLEARED]


def test_a_stop_takes_a_strict_attempt_over_whatever_it_proves(drive: Drive) -> None:
    drive.submit("write", write(), "lock")
    drive.stop(device="lock")
    up(drive, UNPROVED)
    assert drive.sent("lock") == [STOP_WRITE]


def test_a_stop_is_tried_again_without_proof_when_a_strict_attempt_failed_under_it(drive: Drive) -> None:
    drive.submit("write", write(), "lock")
    drive.stop(device="lock")
    refused(drive)
    drive.wait(1 * S)
    assert demands(drive) == [(SecurityLevel.ENCRYPTED, True), (SecurityLevel.ENCRYPTED, False)]


def test_after_a_stop_nothing_is_read_on_the_connection_it_was_made_on(drive: Drive) -> None:
    drive.submit("read", A_READ, "lock", survive_reconnect=True)
    drive.stop(device="lock")
    up(drive, UNPROVED)
    drive.feed(events.Failed(device="lock", epoch=1, token=1, fault=REFUSED))
    assert STOP_WRITE in drive.sent("lock")
    assert A_READ not in drive.sent("lock")


def test_an_address_that_changes_is_called_by_its_name() -> None:
    drive = Drive()
    drive.feed(events.DeviceAdded(device="tag", adapter="hci", rotates=True))
    drive.submit("read", A_READ, "tag")
    drive.wait(20 * S)
    drive.connect_failed(device="tag")
    fault = drive.endings()["read"].fault
    assert fault is not None
    assert (fault.kind, fault.name) == (FaultKind.UNREACHABLE, "address_changes")
    assert "resolvable private" in fault.text


def test_another_demand_holds_from_the_next_connection_on_and_the_one_there_is_is_let_go_of() -> None:
    drive = Drive()
    drive.warm()
    drive.feed(events.DeviceAdded(device="blind", adapter="hci", demand=Demand(level=SecurityLevel.ENCRYPTED)))
    assert drive.dropped() == ["blind"]
    drive.submit("write", write())
    drive.gone()
    assert demands(drive)[-1] == (SecurityLevel.ENCRYPTED, True)
    assert drive.sent() == []


def test_rules_that_demand_the_same_leave_the_connection_alone() -> None:
    drive = Drive()
    drive.warm()
    drive.feed(events.DeviceAdded(device="blind", adapter="hci", linger_us=9 * S))
    assert drive.dropped() == []
