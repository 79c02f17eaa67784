"""Devices that may use several adapters: which one carries the next connection."""

from core.drive import A_READ, Drive, S, write
from core.home import FIRST, SECOND, THIRD, adapter, down, hear, home, read, routes, up, visit
from gattkeeper.core import events
from gattkeeper.core.effects import AbandonConnect
from gattkeeper.core.limits import Limits
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.outcome import Cause, Phase, Verdict

NOT = Verdict.NOT_DELIVERED


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


def test_a_device_never_has_a_connection_by_two_adapters() -> None:
    drive = home(by_signal=True)
    drive.warm("a")
    hear(drive, "a", two=-20)
    drive.submit("go on", A_READ, "a")
    drive.answer(b"x", "a")
    assert routes(drive) == [("a", FIRST)]
    assert (adapter(drive, FIRST).connections, adapter(drive, SECOND).connections) == (1, 0)
