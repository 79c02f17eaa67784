"""One attempt holds its adapter until its link is up: who is next then, and what ends one that discovers."""

from typing import Any

import pytest

from core.drive import A_READ, SUBSCRIBE, Drive, S, fault, operation_of, subscribed, write
from core.home import FIRST, SECOND
from core.watch import Watch
from gattkeeper.core import events
from gattkeeper.core.effects import AbandonConnect, AlertChanged, Dispatch, Recover
from gattkeeper.model.adapter import Rung, Serialization
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Disconnect, Unsubscribe
from gattkeeper.model.outcome import Cause, Phase, Verdict
from gattkeeper.model.status import AlertKind

NOT = Verdict.NOT_DELIVERED


def cold(*devices: str, slots: int = 5, beside: bool = True, **traits: Any) -> Drive:
    """A read waits for each of these devices, none of which is connected."""
    watch = Watch(slots=slots, safety=False, beside=beside)
    drive = Drive(*devices, slots=slots, watch=watch, discovers_beside=beside, **traits)
    for number, device in enumerate(devices):
        drive.submit(f"for-{device}", operation_of("read", number), device)
    return drive


def given_up(drive: Drive) -> list[str]:
    return [one.device for one in drive.of(AbandonConnect)]


def states(drive: Drive, *devices: str) -> list[str]:
    return [drive.device(device).connection for device in devices]


def test_the_next_attempt_begins_when_the_link_of_the_last_is_up() -> None:
    drive = cold("a", "b", "c")
    drive.linked("a")
    assert drive.connects() == ["a", "b"]
    assert states(drive, "a", "b", "c") == ["discovering", "connecting", "disconnected"]
    assert (drive.adapter().connecting, drive.adapter().connections) == ("b", 2)
    drive.linked("b")
    drive.connected("a")
    assert drive.connects() == ["a", "b", "c"]
    assert drive.sent("a") == [operation_of("read", 0)]
    assert drive.phases("for-a").count(Phase.CONNECTED) == 1


def test_a_phase_before_that_frees_nothing() -> None:
    drive = cold("a", "b")
    drive.feed(events.ConnectProgressed(device="a", epoch=1, phase=Phase.SCAN))
    assert drive.connects() == ["a"]


def test_a_link_that_cannot_discover_beside_holds_its_adapter_to_the_end() -> None:
    drive = cold("a", "b", beside=False)
    drive.linked("a")
    assert drive.connects() == ["a"]
    assert drive.device("a").connection == "connecting"
    drive.connected("a")
    assert drive.connects() == ["a", "b"]


def test_so_does_an_adapter_that_does_one_operation_at_a_time() -> None:
    drive = cold("a", "b", serialization=Serialization.ADAPTER)
    drive.linked("a")
    assert drive.connects() == ["a"]
    drive.connected("a")
    assert drive.connects() == ["a", "b"]


def test_a_device_that_discovers_has_one_of_the_places() -> None:
    drive = cold("a", "b", "c", slots=2)
    drive.linked("a")
    drive.linked("b")
    assert drive.connects() == ["a", "b"]
    assert drive.dropped() == given_up(drive) == []
    drive.connected("a")
    drive.answer(b"x", "a")
    drive.gone("a")
    assert drive.connects() == ["a", "b", "c"]


def test_the_end_of_a_discovery_does_not_free_the_adapter_that_another_attempt_holds() -> None:
    drive = cold("a", "b", "c")
    drive.linked("a")
    drive.connect_failed(FaultKind.LINK_LOST, "a")
    assert drive.connects() == ["a", "b"]
    drive.connect_failed(FaultKind.NOT_FOUND, "b")
    assert drive.connects() == ["a", "b", "c"]


def test_an_attempt_that_is_given_up_holds_its_adapter_whatever_comes_late() -> None:
    drive = cold("a", "b")
    drive.cancel("for-a")
    drive.linked("a")
    assert drive.connects() == ["a"]
    drive.connect_failed(device="a")
    assert drive.connects() == ["a", "b"]


@pytest.mark.parametrize("how", ["cancelled", "timed out", "told to leave"])
def test_a_discovery_that_is_given_up_lets_its_link_go_and_holds_up_nobody(how: str) -> None:
    drive = cold("a", "b", "c")
    drive.wait(1 * S)
    drive.linked("a")
    match how:
        case "cancelled":
            drive.cancel("for-a")
        case "timed out":
            drive.wait(19 * S)
        case _:
            drive.submit("leave", Disconnect(), "a")
    assert given_up(drive) == ["a"]
    drive.linked("b")
    assert drive.connects() == ["a", "b", "c"]
    assert drive.adapter().connections == 3, "its place is not free before its link is down"
    drive.connect_failed(device="a")
    assert drive.adapter().connections == 2


def test_a_discovery_goes_on_for_the_next_in_line() -> None:
    drive = cold("a")
    drive.submit("two", A_READ, "a")
    drive.linked("a")
    drive.cancel("for-a")
    assert given_up(drive) == []
    assert drive.phases("two")[-1] is Phase.CONNECTED


def test_a_subscription_that_is_undone_while_its_device_discovers_is_undone_there() -> None:
    drive = cold("a")
    drive.submit("on", SUBSCRIBE, "a")
    drive.linked("a")
    drive.submit("off", Unsubscribe(target=SUBSCRIBE.target), "a")
    assert drive.open("off")


def test_an_adapter_that_goes_ends_every_discovery() -> None:
    drive = cold("a", "b", "c")
    drive.linked("a")
    drive.linked("b")
    drive.adapter_down()
    assert sorted(given_up(drive)) == ["a", "b", "c"]
    for device in "abc":
        drive.connect_failed(device=device)
    drive.adapter_up()
    assert drive.connects() == ["a", "b", "c", "a"]


def test_a_pairing_while_services_are_discovered_holds_back_what_waits() -> None:
    drive = cold("a")
    drive.linked("a")
    drive.pairing(under_way=True, device="a")
    drive.connected("a")
    assert drive.sent("a") == []
    drive.pairing(under_way=False, device="a")
    assert drive.sent("a") == [operation_of("read", 0)]


def test_a_fan_out_waits_for_those_that_discover_also_when_all_places_are_taken() -> None:
    drive = Drive("a", "b", slots=2, discovers_beside=True, journalled=False)
    drive.fan_out("f", {"a": write(), "b": write()})
    drive.linked("a")
    drive.linked("b")
    drive.connected("a")
    assert drive.of(Dispatch) == []
    drive.connected("b")
    assert [one.device for one in drive.of(Dispatch)] == ["a", "b"]


# an adapter that is said to be busy


def busy(drive: Drive) -> list[bool]:
    alerts = [one.alert for one in drive.of(AlertChanged)]
    return [one.raised for one in alerts if one.kind is AlertKind.CONTENTION]


def test_an_attempt_that_finds_the_stack_busy_while_others_discover_lets_them_take_turns_for_a_while() -> None:
    drive = cold("a", "b", "c", "d")
    drive.linked("a")
    drive.connect_failed(FaultKind.BUSY, "b")
    assert busy(drive) == [True]
    drive.linked("c")
    assert drive.connects() == ["a", "b", "c"], "one after the other from now on"
    drive.connected("c")
    assert drive.connects() == ["a", "b", "c", "d"]


def test_an_attempt_that_finds_it_busy_alone_says_nothing_of_the_others() -> None:
    drive = cold("a", "b")
    drive.connect_failed(FaultKind.BUSY, "a")
    assert busy(drive) == []


# an emergency stop


def test_a_stop_takes_the_discovery_of_its_device_over() -> None:
    drive = cold("a", "b")
    drive.linked("a")
    drive.stop(device="a")
    assert given_up(drive) == [], "nobody is in its way"
    drive.connected("a")
    assert drive.payloads("a")[0] == 0xFF


def test_a_stop_takes_the_place_of_a_device_that_discovers_when_there_is_no_other() -> None:
    drive = cold("a", "b", "c", slots=2)
    drive.linked("a")
    drive.linked("b")
    drive.stop(device="c")
    assert given_up(drive) == ["a"]
    drive.connect_failed(device="a")
    assert drive.connects() == ["a", "b", "c"]
    assert drive.open("for-a"), "it was not its fault"


def test_of_two_stops_none_takes_the_others_place() -> None:
    drive = cold("a", "b", slots=1)
    drive.linked("a")
    drive.stop("first", device="a")
    drive.stop("second", device="b")
    assert given_up(drive) == []


# subscriptions


def restoring(*devices: str) -> Drive:
    """All places are taken by devices that discover for the sake of subscriptions alone; "new" has no place."""
    drive = subscribed(*devices, slots=len(devices), discovers_beside=True)
    for device in devices:
        drive.lost(device)
        drive.gone(device)
        drive.linked(device)
    drive.feed(events.DeviceAdded(device="new", adapter="hci"))
    return drive


def test_a_command_takes_the_place_of_a_discovery_that_only_restores_subscriptions() -> None:
    drive = restoring("a", "b")
    drive.submit("one", A_READ, "new")
    assert given_up(drive) == ["a"]
    drive.connect_failed(device="a")
    assert drive.connects()[-1] == "new"


def test_a_command_does_not_take_the_place_of_a_discovery_that_another_waits_for() -> None:
    drive = restoring("a")
    drive.submit("one", A_READ, "a")
    drive.submit("two", A_READ, "new")
    assert given_up(drive) == []


# an adapter that is recovered


def test_a_rung_waits_for_those_that_discover_and_one_that_comes_up_is_the_end_of_it() -> None:
    drive = cold("a", "b", rungs=(Rung.POWER_CYCLE,))
    drive.linked("a")
    for _ in range(3):
        drive.connect_failed(FaultKind.WEDGED, "b")
        drive.wait(2 * S)
    assert drive.adapter().recovery == "power_cycle"
    assert drive.of(Recover) == []
    drive.connected("a")
    assert drive.adapter().recovery == ""
    assert drive.of(Recover) == []


def test_it_does_not_wait_for_ever() -> None:
    drive = cold("a", "b", rungs=(Rung.POWER_CYCLE,))
    drive.linked("a")
    for _ in range(3):
        drive.connect_failed(FaultKind.WEDGED, "b")
        drive.wait(2 * S)
    drive.wait(6 * S)
    assert [one.rung for one in drive.of(Recover)] == [Rung.POWER_CYCLE]


def parked_beside_a_discovery() -> Drive:
    """The adapter's one rung helped nobody; "a" has its link since before."""
    drive = cold("a", "b", rungs=(Rung.STOP_DISCOVERY,))
    drive.linked("a")
    for _ in range(3):
        drive.connect_failed(FaultKind.WEDGED, "b")
        drive.wait(2 * S)
    drive.wait(6 * S)
    drive.recovered(fault(FaultKind.UNSUPPORTED))
    assert drive.adapter().recovery == "parked"
    assert drive.ended("for-b") == (NOT, Cause.NEVER_SENT)
    return drive


def test_a_device_that_has_its_link_goes_on_while_the_adapter_is_parked() -> None:
    drive = parked_beside_a_discovery()
    drive.submit("more", operation_of("read", 9), "a")
    drive.connected("a")
    drive.answer(b"x", "a")
    drive.answer(b"x", "a")
    assert [drive.ended(one)[0] for one in ("for-a", "more")] == [Verdict.DELIVERED] * 2


def test_one_whose_discovery_fails_then_ends_what_waits_for_it() -> None:
    drive = parked_beside_a_discovery()
    drive.connect_failed(FaultKind.TRANSIENT, "a", Ran.NO)
    assert drive.ended("for-a") == (NOT, Cause.NEVER_SENT)


def test_who_waits_for_an_adapter_that_is_parked_goes_by_another_at_once() -> None:
    drive = Drive("b", rungs=(Rung.STOP_DISCOVERY,))
    drive.feed(events.AdapterAdded(adapter=SECOND, slots=5))
    drive.feed(events.DeviceAdded(device="a", adapter=FIRST, others=(SECOND,)))
    for _ in range(3):
        drive.submit(f"b-{drive.now}", A_READ, "b")
        drive.connect_failed(FaultKind.WEDGED, "b")
        drive.wait(2 * S)
    drive.recovered()
    drive.submit("one", A_READ, "a")
    drive.connect_failed(FaultKind.WEDGED, "b")
    assert drive.adapter().recovery == "parked"
    assert drive.connects()[-1] == "a"
    assert drive.device("a").adapter == SECOND
