"""Somebody pairs on a connection: the bearer's clock stands still, a stop and the deadline do not."""

from core.drive import A_READ, Drive, S, ask, write
from gattkeeper.core import events
from gattkeeper.core.effects import Dispatch, RecordIntent
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Serialization
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Pair, Sequence, Subscribe, Write
from gattkeeper.model.outcome import Cause, Phase, Verdict

DELIVERED = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
TIMED_OUT = (Verdict.UNKNOWN, Cause.TIMED_OUT_IN_FLIGHT)


def test_the_attempt_goes_on_with_what_was_left_of_its_time(warm: Drive) -> None:
    warm.submit("one", write(), deadline_us=60 * S)
    warm.wait(3 * S)
    warm.pairing(under_way=True)
    warm.wait(20 * S)
    assert warm.open("one")
    assert warm.note("one", Phase.PAIR) == "its time stands still"
    warm.pairing(under_way=False)
    warm.wait(2 * S - 1)
    assert warm.open("one")
    warm.wait(1)
    assert warm.ended("one") == TIMED_OUT


def test_a_wait_for_a_notification_stands_still_too(warm: Drive) -> None:
    warm.submit("ask", ask(), deadline_us=60 * S)
    warm.answer()
    warm.answer()
    warm.wait(4 * S)
    warm.pairing(under_way=True)
    warm.wait(20 * S)
    warm.pairing(under_way=False)
    warm.wait(1 * S - 1)
    assert warm.open("ask")
    warm.wait(1)
    assert warm.ended("ask") == TIMED_OUT


def test_an_answer_counts_while_somebody_pairs(warm: Drive) -> None:
    warm.submit("one", write())
    warm.pairing(under_way=True)
    warm.wait(10 * S)
    warm.answer()
    assert warm.ended("one") == DELIVERED
    warm.pairing(under_way=False)
    warm.wait(2 * S)
    assert warm.device().connection == "connected"


def test_what_waits_goes_when_the_pairing_is_over(warm: Drive) -> None:
    warm.pairing(under_way=True)
    warm.submit("one", write())
    warm.wait(10 * S)
    assert warm.sent() == []
    assert warm.device().connection == "connected", "not idle: nothing lets go of it"
    warm.pairing(under_way=False)
    assert warm.sent() == [write()]


def test_the_pause_has_a_cap_and_later_news_of_that_pairing_changes_nothing() -> None:
    drive = Drive(limits=Limits(pairing_pause_max_us=4 * S))
    drive.warm()
    drive.pairing(under_way=True)
    drive.submit("one", write())
    drive.wait(4 * S - 1)
    assert drive.sent() == []
    drive.wait(1)
    assert drive.sent() == [write()]
    drive.pairing(under_way=False)
    drive.wait(5 * S)
    assert drive.ended("one") == TIMED_OUT


def test_news_that_is_known_does_not_make_the_pause_longer(warm: Drive) -> None:
    warm.pairing(under_way=True)
    warm.submit("one", write(), deadline_us=60 * S)
    warm.wait(29 * S)
    warm.pairing(under_way=True)
    warm.wait(1 * S)
    assert warm.sent() == [write()]


def test_the_deadline_goes_on(warm: Drive) -> None:
    warm.submit("running", write(1), deadline_us=8 * S)
    warm.submit("waiting", write(2), deadline_us=8 * S, survive_reconnect=True)
    warm.pairing(under_way=True)
    warm.wait(8 * S)
    assert warm.ended("running") == TIMED_OUT
    assert warm.ended("waiting") == (Verdict.NOT_DELIVERED, Cause.EXPIRED)
    assert warm.payloads() == [1]


def test_a_command_that_was_let_go_does_not_get_its_clock_back(warm: Drive) -> None:
    warm.submit("one", write())
    warm.pairing(under_way=True)
    warm.cancel("one")
    assert warm.ended("one") == (Verdict.UNKNOWN, Cause.CANCELLED_IN_FLIGHT)
    warm.pairing(under_way=False)
    warm.answer()
    warm.wait(6 * S)
    assert warm.device().connection == "connected"


def test_a_recorded_command_is_handed_over_when_the_pairing_is_over(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("one", write())
    warm.pairing(under_way=True)
    intent = warm.of(RecordIntent)[-1]
    warm.feed(events.IntentRecorded(device="blind", token=intent.token))
    assert warm.sent() == []
    warm.pairing(under_way=False)
    assert warm.sent() == [write()]


def test_a_recorded_command_whose_deadline_came_is_never_handed_over(warm: Drive) -> None:
    warm.slow_disk = True
    warm.submit("one", write(), deadline_us=5 * S)
    warm.pairing(under_way=True)
    warm.feed(events.IntentRecorded(device="blind", token=warm.of(RecordIntent)[-1].token))
    warm.jump(5 * S)
    warm.pairing(under_way=False)
    assert warm.ended("one") == (Verdict.NOT_DELIVERED, Cause.EXPIRED)
    assert warm.sent() == []


def test_the_next_step_of_a_sequence_waits_as_well_and_nobody_gets_between(warm: Drive) -> None:
    steps = tuple(Write(target=CharacteristicRef(handle=3), payload=bytes([number])) for number in (1, 2))
    warm.submit("steps", Sequence(steps=steps))
    warm.submit("other", A_READ)
    warm.pairing(under_way=True)
    warm.answer()
    assert warm.sent() == [steps[0]]
    warm.pairing(under_way=False)
    assert warm.sent() == list(steps)


def test_a_stop_is_sent_and_keeps_its_own_time(warm: Drive) -> None:
    warm.pairing(under_way=True)
    warm.stop()
    assert len(warm.sent()) == 1
    warm.wait(2 * S)
    warm.gone()
    assert warm.connects() == ["blind", "blind"], "it had its 2 s, and goes on with a fresh connection"


def test_a_stop_that_is_in_flight_keeps_its_time_when_a_pairing_begins(warm: Drive) -> None:
    warm.stop()
    warm.pairing(under_way=True)
    warm.wait(2 * S)
    assert warm.device().connection == "disconnecting"


def test_our_own_pairing_has_its_own_time(warm: Drive) -> None:
    warm.submit("pair", Pair(), deadline_us=90 * S)
    warm.pairing(under_way=True)
    warm.wait(30 * S)
    assert warm.ended("pair")[0] is not Verdict.DELIVERED


def test_what_needs_the_pairing_that_is_under_way_waits_for_it_and_does_not_pair_itself(warm: Drive) -> None:
    warm.submit("one", write())
    warm.pairing(under_way=True)
    warm.fail(FaultKind.NEEDS_PAIRING, Ran.REFUSED)
    assert warm.sent() == [write()]
    warm.pairing(under_way=False)
    assert warm.sent() == [write(), write()]


def test_a_pairing_is_over_with_its_connection(warm: Drive) -> None:
    warm.pairing(under_way=True)
    warm.submit("one", write(), survive_reconnect=True)
    warm.lost()
    warm.gone()
    warm.connected()
    assert warm.sent() == [write()]


def test_one_that_begins_while_the_connection_comes_up_holds_its_subscriptions_back() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("subscribe", Subscribe(target=CharacteristicRef(handle=3)))
    drive.answer()
    drive.lost()
    drive.gone()
    drive.pairing(under_way=True)
    drive.connected()
    assert len(drive.of(Dispatch)) == 1
    drive.pairing(under_way=False)
    assert len(drive.of(Dispatch)) == 2
    drive.pairing(under_way=True)
    drive.wait(8 * S)
    drive.pairing(under_way=False)
    drive.wait(5 * S + 500_000)
    assert drive.device().connection == "disconnecting", "what restores it has its time too"


def test_news_of_a_pairing_without_a_connection_changes_nothing(warm: Drive) -> None:
    warm.lost()
    warm.pairing(under_way=True)
    warm.gone()
    warm.submit("one", write())
    warm.connected()
    assert warm.sent() == [write()]


def test_a_place_is_given_to_another_devices_stop_all_the_same() -> None:
    drive = Drive("blind", "other", slots=1)
    drive.warm()
    drive.pairing(under_way=True)
    drive.stop(device="other")
    assert drive.device().connection == "disconnecting"


def test_a_keeper_that_closes_does_not_wait_for_it(warm: Drive) -> None:
    warm.pairing(under_way=True)
    warm.feed(events.Closing())
    assert warm.device().connection == "disconnecting"


def test_a_device_whose_turn_comes_while_somebody_pairs_lets_it_pass() -> None:
    drive = Drive("blind", "other", serialization=Serialization.ADAPTER)
    drive.warm()
    drive.warm("other")
    drive.submit("before", write(1), "other")
    drive.submit("one", write(2))
    drive.submit("after", write(3), "other")
    drive.pairing(under_way=True)
    drive.answer(device="other")
    assert drive.sent() == []
    drive.answer(device="other")
    assert drive.payloads("other") == [1, 3]
    drive.pairing(under_way=False)
    assert drive.payloads() == [2]
