"""Devices that may use several adapters: which one carries the next connection, and what is told."""

import pytest

from core.drive import A_READ, VALUE, Drive, S, fault, write
from core.home import FIRST, SECOND, THIRD, adapter, bond, down, hear, home, read, routes, up, visit
from gattkeeper.core import events
from gattkeeper.core.effects import AbandonConnect, AlertChanged, RecordRung
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Pair, Subscribe, Unpair
from gattkeeper.model.outcome import Cause, Phase, Verdict
from gattkeeper.model.status import AlertKind

NOT = Verdict.NOT_DELIVERED


def told(drive: Drive) -> list[tuple[str, bool]]:
    """Every time an adapter's devices were said to go elsewhere, or to be free to come back."""
    alerts = [one.alert for one in drive.of(AlertChanged)]
    return [(one.device, one.raised) for one in alerts if one.kind is AlertKind.FAILED_OVER]


def why(drive: Drive, device: str = "a") -> tuple[str, str]:
    status = drive.device(device)
    return status.adapter, status.adapter_why


# the choice


def test_the_first_choice_carries_the_connection_while_it_can() -> None:
    drive = home()
    assert visit(drive) == visit(drive) == FIRST
    assert why(drive) == (FIRST, "first in the settings")


def test_a_device_with_one_adapter_has_no_choice_and_no_note_in_its_timeline() -> None:
    drive = Drive("a")
    command = read(drive)
    assert why(drive) == ("hci", "the settings")
    assert drive.note(command, Phase.CONNECT_START) == ""
    drive.feed(events.Sighted(device="a", adapter="elsewhere", rssi_dbm=-10))
    drive.feed(events.Bonded(device="a", adapter="elsewhere"))
    assert routes(drive) == [("a", "hci")]


def test_adapters_that_are_not_there_are_no_choice() -> None:
    drive = Drive()
    drive.feed(events.DeviceAdded(device="a", adapter="hci", others=("nowhere",)))
    assert visit(drive) == "hci"
    assert why(drive)[1] == "the settings"


def test_the_first_choice_is_passed_over_while_it_is_down_and_used_again_by_the_next_connection() -> None:
    drive = home()
    down(drive, FIRST)
    command = read(drive)
    assert routes(drive) == [("a", SECOND)]
    assert drive.note(command, Phase.CONNECT_START) == "by two: hci is down"
    assert why(drive) == (SECOND, "hci is down")
    drive.connected("a")
    drive.answer(b"x", "a")
    up(drive, FIRST)
    read(drive)
    drive.answer(b"x", "a")
    assert drive.dropped() == [], "a connection that is up stays where it is"
    drive.wait(9 * S)
    drive.gone("a")
    assert visit(drive) == FIRST


def test_where_all_are_down_the_line_waits_for_the_first_that_is_back() -> None:
    drive = home()
    down(drive, FIRST)
    down(drive, SECOND)
    command = read(drive)
    assert routes(drive) == []
    up(drive, SECOND)
    assert routes(drive) == [("a", SECOND)]
    drive.connected("a")
    drive.answer(b"x", "a")
    assert drive.ended(command) == (Verdict.DELIVERED, Cause.VALUE)


def test_a_full_adapter_is_passed_over_and_its_place_is_not_fought_for() -> None:
    drive = home("a", "b", "c", slots=1)
    for device in "abc":
        drive.submit(f"write-{device}", write(1), device)
    assert routes(drive) == [("a", FIRST), ("b", SECOND)]
    assert why(drive, "b") == (SECOND, "hci is full")
    drive.connected("a")
    drive.connected("b")
    assert drive.dropped() == [], "both are in use"
    drive.answer(device="b")
    assert drive.dropped() == ["b"], "the first that is idle makes room"
    drive.gone("b")
    assert routes(drive)[2:] == [("c", SECOND)]


def test_a_place_that_becomes_free_anywhere_is_taken() -> None:
    drive = home("a", "b", "c", slots=1)
    for device in "abc":
        drive.submit(f"write-{device}", write(1), device)
    drive.connect_failed(FaultKind.UNREACHABLE, "b")
    assert ("c", SECOND) in routes(drive)


def test_the_best_signal_decides_where_nobody_prefers() -> None:
    drive = home(by_signal=True, adapters=(FIRST, SECOND, THIRD))
    assert visit(drive) == FIRST, "nothing was heard: in the settings' order"
    assert why(drive) == (FIRST, "first in the settings")
    hear(drive, "a", hci=-80, two=-60, three=-70)
    assert visit(drive) == SECOND
    assert why(drive) == (SECOND, "signal -60 dBm")


def test_a_little_more_signal_is_no_reason_to_change_and_ties_are_in_the_settings_order() -> None:
    drive = home(by_signal=True)
    hear(drive, "a", hci=-60, two=-60)
    assert visit(drive) == FIRST
    for value in (-59, -57, -55, -55, -55, -55, -55, -55):
        hear(drive, "a", two=value)
        assert visit(drive) == FIRST
    hear(drive, "a", two=-44)
    hear(drive, "a", two=-44)
    assert visit(drive) == SECOND
    hear(drive, "a", hci=-47)
    assert visit(drive) == SECOND


def test_a_signal_counts_for_a_while_only() -> None:
    drive = home(by_signal=True)
    hear(drive, "a", two=-50)
    assert visit(drive) == SECOND
    drive.wait(Limits().roaming_signal_life_us + 1)
    assert visit(drive) == FIRST


def test_an_adapter_that_hears_the_device_goes_before_one_that_does_not() -> None:
    drive = home(by_signal=True)
    hear(drive, "a", two=-95)
    assert visit(drive) == SECOND


def test_news_of_a_better_signal_moves_who_waits_for_a_place() -> None:
    drive = home("a", "b", "c", by_signal=True, slots=1)
    for device in "ab":
        drive.submit(f"write-{device}", write(1), device)
        drive.connected(device)
    hear(drive, "c", hci=-50, two=-80)
    drive.submit("write-c", write(1), "c")
    assert why(drive, "c")[0] == FIRST
    for _ in range(6):
        hear(drive, "c", two=-20)
    assert why(drive, "c")[0] == SECOND


# failing


def test_who_is_not_reached_by_one_is_tried_by_the_next_before_anybody_is_told() -> None:
    drive = home()
    command = read(drive)
    drive.connect_failed(FaultKind.UNREACHABLE, "a")
    assert routes(drive) == [("a", FIRST), ("a", SECOND)]
    assert drive.open(command)
    assert why(drive) == (SECOND, "hci did not reach it")
    drive.connect_failed(FaultKind.UNREACHABLE, "a")
    assert drive.ended(command) == (NOT, Cause.NEVER_SENT)
    assert len(drive.endings()[command].attempts) == 2


def test_an_adapter_that_did_not_reach_a_device_comes_last_for_a_while() -> None:
    drive = home()
    read(drive)
    drive.connect_failed(FaultKind.UNREACHABLE, "a")
    drive.connected("a")
    drive.answer(b"x", "a")
    drive.lost("a")
    drive.gone("a")
    assert visit(drive) == SECOND
    drive.wait(Limits().roaming_avoid_us)
    assert visit(drive) == FIRST


def test_it_is_tried_again_sooner_when_it_hears_the_device_or_was_away() -> None:
    for news in (lambda drive: hear(drive, "a", hci=-70), lambda drive: (down(drive, FIRST), up(drive, FIRST))):
        drive = home()
        read(drive)
        drive.connect_failed(FaultKind.UNREACHABLE, "a")
        drive.connected("a")
        drive.answer(b"x", "a")
        drive.lost("a")
        drive.gone("a")
        news(drive)
        assert visit(drive) == FIRST


def test_a_pause_after_a_failure_on_one_adapter_is_none_on_another() -> None:
    drive = home()
    command = read(drive)
    drive.connect_failed(FaultKind.GENERIC, "a")
    assert routes(drive) == [("a", FIRST)], "again in a moment"
    down(drive, FIRST)
    assert routes(drive) == [("a", FIRST), ("a", SECOND)]
    assert drive.open(command)


def test_a_stop_tries_the_next_adapter_at_once_and_then_pauses_as_ever() -> None:
    drive = home()
    drive.stop(device="a")
    drive.connect_failed(FaultKind.UNREACHABLE, "a")
    assert routes(drive) == [("a", FIRST), ("a", SECOND)]
    drive.connect_failed(FaultKind.UNREACHABLE, "a")
    assert len(routes(drive)) == 2, "neither reached it: there is a pause"
    drive.wait(Limits().stop_connect_backoff_us)
    assert routes(drive)[2:] == [("a", FIRST)]


def test_a_stop_does_not_end_the_attempt_of_another_device_on_an_adapter_it_does_not_use() -> None:
    drive = home("a", "b")
    read(drive, "b")
    down(drive, SECOND)
    up(drive, SECOND)
    drive.feed(events.DeviceAdded(device="c", adapter=SECOND, others=(FIRST,)))
    drive.stop(device="c")
    assert drive.of(AbandonConnect) == []
    assert routes(drive) == [("b", FIRST), ("c", SECOND)]


# an adapter goes


def test_who_waits_goes_on_by_another_adapter_without_an_error_and_who_is_in_flight_ends_as_ever() -> None:
    drive = home()
    drive.submit("in flight", write(1), "a")
    drive.connected("a")
    drive.submit("waits", write(2), "a")
    drive.submit("mortal", write(3), "a", survive_reconnect=False)
    down(drive, FIRST)
    assert drive.ended("in flight") == (Verdict.UNKNOWN, Cause.STACK_RESTARTED)
    assert list(drive.endings()) == ["in flight"]
    drive.gone("a")
    assert routes(drive) == [("a", FIRST), ("a", SECOND)]
    drive.connected("a")
    drive.answer(device="a")
    drive.answer(device="a")
    assert drive.payloads("a") == [1, 2, 3]


def test_the_news_of_the_loss_may_come_before_that_of_the_adapter() -> None:
    drive = home()
    drive.warm("a")
    drive.submit("first", write(1), "a")
    drive.submit("mortal", write(2), "a", survive_reconnect=False)
    drive.lost("a", FaultKind.STACK_GONE)
    down(drive, FIRST, FaultKind.STACK_GONE)
    drive.gone("a")
    assert routes(drive)[1:] == [("a", SECOND)]
    assert drive.open("mortal")


def test_without_another_adapter_they_end_as_ever() -> None:
    drive = home()
    drive.warm("a")
    drive.submit("first", write(1), "a")
    drive.submit("mortal", write(2), "a", survive_reconnect=False)
    down(drive, SECOND)
    down(drive, FIRST)
    assert drive.ended("mortal") == (NOT, Cause.LINK_LOST_BEFORE_SEND)


def test_an_attempt_under_way_is_given_up_and_begins_anew_elsewhere() -> None:
    drive = home()
    command = read(drive)
    down(drive, FIRST)
    assert drive.of(AbandonConnect) != []
    assert routes(drive) == [("a", FIRST)], "not while something of it is left"
    drive.connect_failed(device="a")
    assert routes(drive) == [("a", FIRST), ("a", SECOND)]
    assert drive.open(command)


def test_subscriptions_are_made_anew_by_the_other_adapter() -> None:
    drive = home()
    drive.submit("subscribe", Subscribe(target=VALUE), "a")
    drive.connected("a")
    drive.answer(device="a")
    down(drive, FIRST)
    drive.gone("a")
    assert routes(drive) == [("a", FIRST), ("a", SECOND)]
    drive.connected("a")
    assert drive.sent("a")[1:] == [Subscribe(target=VALUE)]


def test_it_is_written_down_and_told_once_and_cleared_when_the_adapter_is_back() -> None:
    drive = home("a", "b")
    down(drive, FIRST)
    down(drive, FIRST)
    (row,) = drive.of(RecordRung)
    assert (row.adapter, row.rung, row.device, row.fault) == (FIRST, Rung.FAIL_OVER, "", None)
    assert row.why == "a, b may use another adapter than hci from now on: hci is down: adapter_gone (test)"
    assert told(drive) == [(FIRST, True)]
    up(drive, FIRST)
    up(drive, FIRST)
    assert told(drive) == [(FIRST, True), (FIRST, False)]


def test_nothing_is_told_where_nobody_may_go_elsewhere() -> None:
    drive = home()
    down(drive, SECOND)
    down(drive, FIRST)
    assert told(drive) == []
    assert drive.of(RecordRung) == []


# an adapter does not work


def wedge(drive: Drive, device: str = "a") -> None:
    """Three signs that the device's adapter is wedged: the first rung is under way."""
    for _ in range(3):
        drive.wait(2 * S)
        drive.connect_failed(FaultKind.WEDGED, device)


def test_while_an_adapter_is_recovered_its_devices_use_another() -> None:
    drive = home("a", "b", rungs=(Rung.STOP_DISCOVERY,))
    command = read(drive)
    wedge(drive)
    assert routes(drive)[-1] == ("a", SECOND)
    assert why(drive) == (SECOND, "hci is being recovered")
    assert told(drive) == [], "a rung takes seconds: nobody needs to know"
    drive.connected("a")
    drive.answer(b"x", "a")
    assert drive.ended(command) == (Verdict.DELIVERED, Cause.VALUE)
    drive.recovered()
    assert visit(drive, "b") == FIRST
    assert adapter(drive, FIRST).recovery == ""


def test_the_last_rung_is_to_fail_over() -> None:
    drive = home("a", "b", rungs=(Rung.STOP_DISCOVERY,))
    command = read(drive)
    wedge(drive)
    drive.connected("a")
    drive.answer(b"x", "a")
    assert drive.ended(command) == (Verdict.DELIVERED, Cause.VALUE)
    drive.recovered(fault(FaultKind.UNSUPPORTED))
    assert adapter(drive, FIRST).recovery == "parked"
    assert [row.rung for row in drive.of(RecordRung)] == [Rung.STOP_DISCOVERY, Rung.FAIL_OVER]
    assert drive.of(RecordRung)[1].why.startswith(
        "a, b may use another adapter than hci from now on: hci is parked"
    )
    assert told(drive) == [(FIRST, True)]
    assert visit(drive, "b") == SECOND
    assert why(drive, "b") == (SECOND, "hci is parked")
    drive.wait(Limits().recovery_cooldown_us)
    assert told(drive) == [(FIRST, True), (FIRST, False)]
    assert visit(drive, "b") == FIRST


def test_a_command_for_a_parked_adapter_ends_only_where_no_other_works() -> None:
    drive = home("a", rungs=(Rung.STOP_DISCOVERY,))
    read(drive)
    wedge(drive)
    down(drive, SECOND)
    drive.connect_failed(device="a")
    drive.recovered(fault(FaultKind.UNSUPPORTED))
    assert [one.cause for one in drive.endings().values()] == [Cause.NEVER_SENT]
    late = read(drive)
    assert drive.ended(late) == (NOT, Cause.NEVER_SENT)
    up(drive, SECOND)
    assert visit(drive) == SECOND


def test_who_is_still_leaving_a_parked_adapter_keeps_its_line() -> None:
    drive = home("a", "b", rungs=(Rung.POWER_CYCLE,))
    drive.warm("b")
    read(drive)
    wedge(drive)
    drive.lost("b")
    drive.submit("waits", write(1), "b")
    drive.recovered(fault(FaultKind.UNSUPPORTED))
    assert adapter(drive, FIRST).recovery == "parked"
    assert drive.open("waits")
    drive.gone("b")
    drive.connected("a")
    assert ("b", SECOND) in routes(drive)


# bonds


def test_a_device_stays_where_its_bond_is() -> None:
    drive = home()
    bond(drive, "a", SECOND)
    assert visit(drive) == SECOND
    assert why(drive) == (SECOND, "its bond is there")
    down(drive, SECOND)
    command = read(drive, deadline_us=5 * S)
    assert routes(drive)[1:] == []
    drive.wait(6 * S)
    assert drive.ended(command) == (NOT, Cause.EXPIRED)
    last = drive.endings()[command].fault
    assert last is not None
    assert last.text == "; a is bonded with two alone"
    bond(drive, "a", FIRST)
    assert visit(drive) == FIRST, "paired with both"
    assert why(drive) == (FIRST, "first in the settings")


def test_a_parked_adapter_says_that_the_bond_is_with_it_alone() -> None:
    drive = home("a", "b", rungs=(Rung.STOP_DISCOVERY,))
    bond(drive, "b", FIRST)
    read(drive)
    wedge(drive)
    drive.recovered(fault(FaultKind.UNSUPPORTED))
    command = read(drive, "b")
    assert drive.ended(command) == (NOT, Cause.NEVER_SENT)
    last = drive.endings()[command].fault
    assert last is not None
    assert last.text.endswith("; b is bonded with hci alone")


@pytest.mark.parametrize("gone", [False, True])
def test_a_pairing_ties_a_device_to_its_adapter_until_it_is_undone(*, gone: bool) -> None:
    drive = home()
    down(drive, FIRST)
    drive.submit("pair", Pair(), "a")
    drive.connected("a")
    drive.answer(device="a")
    up(drive, FIRST)
    if gone:
        drive.submit("unpair", Unpair(), "a")
        drive.answer(device="a")
    drive.lost("a")
    drive.gone("a")
    assert visit(drive) == (FIRST if gone else SECOND)


def test_a_failed_pairing_ties_nobody() -> None:
    drive = home()
    down(drive, FIRST)
    drive.submit("pair", Pair(), "a")
    drive.connected("a")
    drive.fail(FaultKind.PAIRING_FAILED, Ran.REFUSED, "a")
    up(drive, FIRST)
    drive.lost("a")
    drive.gone("a")
    assert visit(drive) == FIRST


def test_a_device_never_has_a_connection_by_two_adapters() -> None:
    drive = home(by_signal=True)
    drive.warm("a")
    hear(drive, "a", two=-20)
    drive.submit("go on", A_READ, "a")
    drive.answer(b"x", "a")
    assert routes(drive) == [("a", FIRST)]
    assert (adapter(drive, FIRST).connections, adapter(drive, SECOND).connections) == (1, 0)
