"""A bond is given up without a connection, in its turn, also when the device cannot be reached any more."""

import pytest

from core.drive import A_READ, Drive, S, fault, subscribed, write
from gattkeeper.core import effects, events
from gattkeeper.core.limits import Limits
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Unpair
from gattkeeper.model.outcome import Cause, Verdict

DONE = (Verdict.DELIVERED, Cause.ACKNOWLEDGED)


@pytest.fixture
def drive() -> Drive:
    return Drive(forgets=True, limits=Limits(breaker_failures_max=1))


def test_it_needs_no_connection(drive: Drive) -> None:
    drive.submit("unpair", Unpair())
    (forget,) = drive.of(effects.Forget)
    assert (forget.device, forget.adapter) == ("blind", "hci")
    drive.forgot()
    assert drive.ended("unpair") == DONE
    assert drive.connects() == []
    assert drive.sent() == []


def test_its_intent_is_recorded_first(drive: Drive) -> None:
    drive.slow_disk = True
    drive.submit("unpair", Unpair())
    assert drive.forgets == []
    drive.feed(events.IntentRecorded(device="blind", token=drive.of(effects.RecordIntent)[-1].token))
    drive.forgot()
    assert drive.ended("unpair") == DONE


def test_where_the_link_cannot_it_goes_over_a_connection() -> None:
    drive = Drive()
    drive.submit("unpair", Unpair())
    drive.connected()
    assert drive.sent() == [Unpair()]


def test_on_a_connection_it_goes_over_that(drive: Drive) -> None:
    drive.warm()
    drive.submit("unpair", Unpair())
    assert drive.sent() == [Unpair()]
    assert drive.forgets == []


def test_a_device_that_is_left_alone_is_forgotten_all_the_same(drive: Drive) -> None:
    drive.submit("read", A_READ)
    drive.connect_failed(FaultKind.UNREACHABLE)
    assert drive.device().availability == "unavailable"
    drive.submit("unpair", Unpair())
    drive.forgot()
    assert drive.ended("unpair") == DONE
    assert drive.device().availability == "unavailable", "the device itself said nothing"


def test_it_keeps_its_place_in_line_and_outlives_what_could_not_be_reached(drive: Drive) -> None:
    drive.submit("read", A_READ)
    drive.submit("unpair", Unpair())
    assert drive.forgets == []
    drive.connect_failed(FaultKind.UNREACHABLE)
    assert drive.ended("read")[0] is Verdict.NOT_DELIVERED
    drive.forgot()
    assert drive.ended("unpair") == DONE


def test_it_outlives_a_connection_that_is_given_up_by_a_breaker_that_stays_shut() -> None:
    drive = Drive(forgets=True)
    drive.submit("read", A_READ)
    drive.submit("unpair", Unpair())
    drive.connect_failed(FaultKind.UNSUPPORTED)
    assert drive.ended("read")[0] is Verdict.NOT_DELIVERED
    drive.forgot()
    assert drive.ended("unpair") == DONE


def test_what_comes_after_it_connects_when_it_has_ended(drive: Drive) -> None:
    drive.submit("unpair", Unpair())
    drive.submit("write", write())
    assert drive.connects() == []
    drive.forgot()
    assert drive.connects() == ["blind"]


def test_a_stop_connects_beside_it_and_both_come_to_their_end(drive: Drive) -> None:
    drive.submit("unpair", Unpair())
    drive.stop()
    assert drive.connects() == ["blind"]
    drive.forgot()
    assert drive.ended("unpair") == DONE
    drive.connected()
    drive.answer()
    assert drive.ended("stop") == DONE


def test_that_the_connection_of_a_stop_is_lost_is_nothing_to_it(drive: Drive) -> None:
    drive.submit("unpair", Unpair())
    drive.stop()
    drive.connected()
    drive.lost()
    drive.gone()
    assert drive.open("unpair")
    drive.forgot()
    assert drive.ended("unpair") == DONE


def test_that_the_connection_of_a_stop_is_let_go_of_is_nothing_to_it() -> None:
    drive = Drive("blind", "lamp", forgets=True, slots=1)
    drive.submit("unpair", Unpair())
    drive.submit("read", A_READ, "lamp")
    drive.connected("lamp")
    drive.stop()
    drive.answer(device="lamp")
    drive.gone("lamp")
    drive.stop("other", device="lamp")
    drive.connected()
    drive.answer()
    assert drive.dropped() == ["lamp", "blind"]
    drive.gone()
    assert drive.open("unpair")
    drive.forgot()
    assert drive.ended("unpair") == DONE


def test_one_that_comes_while_a_stop_connects_waits_for_the_stop(drive: Drive) -> None:
    drive.stop()
    drive.submit("unpair", Unpair())
    assert drive.forgets == []
    drive.connected()
    drive.answer()
    assert drive.sent()[1:] == [Unpair()]


def test_a_refusal_is_told(drive: Drive) -> None:
    drive.submit("unpair", Unpair())
    drive.forgot(fault(FaultKind.REJECTED, Ran.NO))
    assert drive.ended("unpair") == (Verdict.NOT_DELIVERED, Cause.REJECTED)


def test_a_link_that_is_silent_holds_up_what_comes_after_it_for_the_grace(drive: Drive) -> None:
    drive.submit("unpair", Unpair(), deadline_us=5 * S)
    drive.submit("write", write())
    drive.wait(5 * S)
    assert drive.ended("unpair")[0] is Verdict.UNKNOWN
    assert drive.connects() == []
    drive.wait(5 * S)
    assert drive.connects() == ["blind"]


def test_without_the_adapter_it_waits_until_that_is_back(drive: Drive) -> None:
    drive.adapter_down()
    drive.submit("unpair", Unpair())
    assert drive.forgets == []
    drive.adapter_up()
    drive.forgot()
    assert drive.ended("unpair") == DONE


def test_subscriptions_are_restored_on_a_connection_made_afterwards() -> None:
    drive = subscribed("blind", forgets=True)
    drive.lost()
    drive.submit("unpair", Unpair())
    drive.gone()
    assert drive.connects() == ["blind"]
    drive.forgot()
    assert drive.connects() == ["blind", "blind"]


def test_a_pairing_that_a_lost_connection_cut_short_does_not_hold_it_up(drive: Drive) -> None:
    drive.warm()
    drive.pairing(under_way=True)
    drive.lost()
    drive.gone()
    drive.submit("unpair", Unpair())
    drive.forgot()
    assert drive.ended("unpair") == DONE


def test_a_device_that_may_use_two_adapters_stays_where_it_is_forgotten(drive: Drive) -> None:
    drive.feed(events.AdapterAdded(adapter="other", slots=5, forgets=True))
    drive.feed(events.DeviceAdded(device="rover", adapter="hci", others=("other",)))
    drive.feed(events.Bonded(device="rover", adapter="hci", bonded=True))
    drive.submit("unpair", Unpair(), "rover")
    drive.adapter_down()
    assert drive.device("rover").adapter == "hci"
    drive.forgot()
    assert drive.ended("unpair") == DONE
    assert drive.device("rover").adapter == "other", "the bond binds it no more"
