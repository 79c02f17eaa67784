"""Queries that use no bearer run beside it: they wait for nothing on it, and nothing on it waits for them."""

import pytest

from core.drive import A_READ, MS, Drive, S, write
from core.leased import closed, held
from gattkeeper.core import events
from gattkeeper.core.effects import Dispatch, Finish, RecordIntent
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Disconnect, ReadPhy, ReadRssi
from gattkeeper.model.outcome import Cause, Phase, Verdict

RSSI = ReadRssi()
VALUE = (Verdict.DELIVERED, Cause.VALUE)
NOT = Verdict.NOT_DELIVERED


@pytest.fixture
def warm() -> Drive:
    drive = Drive(aside=frozenset({"read_rssi", "read_phy"}))
    drive.warm()
    return drive


def rssi_dispatch(drive: Drive) -> Dispatch:
    owed = next(one for one in drive.owed if one.operation == RSSI)
    drive.owed.remove(owed)
    return owed


def test_a_link_that_does_not_say_so_has_it_in_line() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("write", write())
    drive.submit("rssi", RSSI)
    assert drive.sent() == [write()]


def test_it_is_recorded_before_it_is_handed_over_like_any_other(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("rssi", RSSI)
    assert warm.sent() == []
    warm.feed(events.IntentRecorded(device="blind", token=warm.of(RecordIntent)[-1].token))
    assert warm.sent() == [RSSI]


def test_a_second_one_waits_in_line(warm: Drive) -> None:
    warm.submit("write", write())
    warm.submit("rssi", RSSI)
    warm.submit("phy", ReadPhy())
    assert warm.sent() == [write(), RSSI]
    warm.answer()
    assert warm.sent() == [write(), RSSI, ReadPhy()], "the place beside the bearer is taken: it goes on the bearer"


def test_without_a_connection_it_waits_and_then_leaves_the_bearer_free() -> None:
    drive = Drive(aside=frozenset({"read_rssi"}))
    drive.submit("rssi", RSSI)
    drive.submit("write", write())
    drive.connected()
    assert drive.sent() == [RSSI, write()]


def test_its_silence_costs_the_bearer_nothing(warm: Drive) -> None:
    warm.submit("rssi", RSSI, deadline_us=5 * S)
    warm.wait(5 * S)
    assert warm.ended("rssi") == (NOT, Cause.FAILED)
    warm.submit("write", write())
    warm.wait(600 * MS)
    assert warm.device().connection == "connected"
    warm.answer_to(rssi_dispatch(warm), -60)
    warm.answer()
    assert warm.ended("write") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    warm.submit("next", RSSI)
    assert warm.sent()[-1] == RSSI


def test_a_late_answer_frees_the_place_and_is_nobodys(warm: Drive) -> None:
    warm.submit("first", RSSI)
    warm.cancel("first")
    warm.submit("second", RSSI)
    warm.answer_to(rssi_dispatch(warm), -60)
    assert warm.ended("first") == (NOT, Cause.CANCELLED)
    warm.answer(-50)
    assert warm.ended("second") == VALUE


def test_one_that_is_cancelled_before_its_hand_over_is_never_sent(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("rssi", RSSI)
    warm.cancel("rssi")
    assert warm.ended("rssi") == (NOT, Cause.CANCELLED)
    warm.slow_disk = False
    warm.submit("next", RSSI)
    assert warm.sent() == [RSSI]


def test_one_that_expires_before_its_hand_over_is_never_sent(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("rssi", RSSI, deadline_us=1 * S)
    warm.wait(1 * S)
    assert warm.ended("rssi") == (NOT, Cause.EXPIRED)
    assert warm.sent() == []


def test_it_is_tried_again_in_its_turn(warm: Drive) -> None:
    warm.submit("rssi", RSSI)
    warm.fail(FaultKind.TRANSIENT, Ran.NO)
    assert Phase.BACKOFF in warm.phases("rssi")
    warm.wait(250 * MS)
    warm.submit("write", write())
    assert warm.sent() == [RSSI, RSSI, write()]


def test_one_that_asks_for_pairing_does_not_take_the_bearer_from_another(warm: Drive) -> None:
    warm.submit("write", write())
    warm.submit("rssi", RSSI)
    warm.fail_to(rssi_dispatch(warm), FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    assert warm.sent() == [write(), RSSI]
    warm.answer()
    assert warm.sent() == [write(), RSSI, RSSI]


def test_the_lost_link_ends_it(warm: Drive) -> None:
    warm.submit("rssi", RSSI)
    warm.lost()
    assert warm.ended("rssi") == (NOT, Cause.LINK_LOST_BEFORE_SEND)


def test_disconnect_ends_it(warm: Drive) -> None:
    warm.submit("rssi", RSSI)
    warm.submit("leave", Disconnect())
    assert warm.ended("rssi") == (NOT, Cause.CANCELLED)


def test_closing_ends_one_that_is_not_handed_over_and_waits_for_one_that_is(warm: Drive) -> None:
    warm.submit("rssi", RSSI)
    warm.feed(events.Closing())
    assert warm.device().connection == "connected"
    warm.answer(-60)
    assert warm.ended("rssi") == VALUE
    assert warm.device().connection == "disconnecting"


def test_closing_ends_one_that_waits_for_the_disk(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("rssi", RSSI)
    warm.feed(events.Closing())
    assert warm.ended("rssi") == (NOT, Cause.NEVER_SENT)


def test_the_connection_is_not_idle_while_it_runs() -> None:
    drive = Drive(aside=frozenset({"read_rssi"}), linger_us=1 * S)
    drive.warm()
    drive.wait(900 * MS)
    drive.submit("rssi", RSSI)
    drive.wait(900 * MS)
    drive.answer(-60)
    drive.wait(1 * S - 1)
    assert drive.device().connection == "connected"
    drive.wait(1)
    assert drive.device().connection == "disconnecting"


@pytest.mark.parametrize("late", [False, True], ids=["running", "its answer owed"])
def test_a_connection_that_is_dropped_takes_it_along_and_it_runs_on_the_next(*, late: bool) -> None:
    drive = Drive("blind", "other", slots=1, aside=frozenset({"read_rssi"}))
    drive.warm()
    drive.submit("rssi", RSSI)
    if late:
        drive.cancel("rssi")
    drive.stop(device="other")
    assert drive.device().connection == "disconnecting"
    assert drive.open("rssi") is not late
    drive.gone()
    drive.connected("other")
    drive.answer(device="other")
    if not late:
        drive.gone("other")
        drive.connected()
        drive.answer(-60)
        assert drive.ended("rssi") == VALUE


def test_one_whose_lease_is_over_does_not_run_on_the_next() -> None:
    drive = held(slots=1, aside=frozenset({"read_rssi"}))
    drive.feed(events.DeviceAdded(device="other", adapter="hci"))
    drive.submit("asks", ReadRssi(), lease="mine")
    closed(drive)
    drive.stop(device="other")
    assert drive.dropped() == ["blind"]
    assert drive.ended("asks")[0] is Verdict.NOT_DELIVERED


def test_a_stop_does_not_wait_for_it_and_none_begins_beside_a_stop(warm: Drive) -> None:
    warm.submit("first", RSSI)
    warm.stop()
    assert len(warm.sent()) == 2
    warm.answer_to(rssi_dispatch(warm), -60)
    warm.submit("second", RSSI)
    assert len(warm.sent()) == 2
    warm.answer()
    assert warm.sent()[-1] == RSSI


def test_none_begins_while_somebody_pairs(warm: Drive) -> None:
    warm.pairing(under_way=True)
    warm.submit("rssi", RSSI)
    assert warm.sent() == []
    warm.pairing(under_way=False)
    assert warm.sent() == [RSSI]


def test_its_answer_is_the_adapters_and_says_nothing_about_the_device() -> None:
    drive = Drive(aside=frozenset({"read_rssi"}), limits=Limits(breaker_failures_max=1))
    drive.warm()
    drive.submit("rssi", RSSI)
    drive.answer(-60)
    drive.lost()
    assert drive.device().availability == "unavailable"


def test_it_counts_for_no_stall_of_the_bearer(warm: Drive) -> None:
    warm.submit("read", A_READ)
    warm.submit("rssi", RSSI)
    assert warm.device().in_flight == "read"
    warm.answer_to(rssi_dispatch(warm), -60)
    assert [one.command.id for one in warm.of(Finish)][-1] == "rssi"


def test_an_adapter_that_does_one_thing_at_a_time_has_no_place_beside_the_bearer() -> None:
    drive = Drive(aside=frozenset({"read_rssi"}), serialization=Serialization.ADAPTER)
    drive.warm()
    drive.submit("write", write())
    drive.submit("rssi", RSSI)
    assert drive.sent() == [write()]
    drive.answer()
    assert drive.sent() == [write(), RSSI]
