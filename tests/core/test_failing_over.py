"""Devices that may use several adapters: when one of them goes, does not work, or alone has their keys."""

import pytest

from core.drive import VALUE, Drive, S, fault, write
from core.home import FIRST, SECOND, adapter, bond, down, home, read, routes, up, visit
from gattkeeper.core.effects import AbandonConnect, AlertChanged, RecordRung
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Pair, Subscribe, Unpair
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.status import AlertKind

NOT = Verdict.NOT_DELIVERED


def told(drive: Drive) -> list[tuple[str, bool]]:
    """Every time an adapter's devices were said to go elsewhere, or to be free to come back."""
    alerts = [one.alert for one in drive.of(AlertChanged)]
    return [(one.device, one.raised) for one in alerts if one.kind is AlertKind.FAILED_OVER]


def why(drive: Drive, device: str = "a") -> tuple[str, str]:
    status = drive.device(device)
    return status.adapter, status.adapter_why


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
