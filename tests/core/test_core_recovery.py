"""The recovery ladder: rung after rung, nothing of others cut before its end, and an end of its own."""

import pytest

from core.drive import A_READ, Drive, S, fault, write
from gattkeeper.core import events
from gattkeeper.core.effects import AbandonConnect, AlertChanged, RecordRung, Recover
from gattkeeper.core.limits import Limits
from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import Read, ReadRssi
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.model.status import AlertKind

MILD, HARD = Rung.STOP_DISCOVERY, Rung.POWER_CYCLE
NOT = Verdict.NOT_DELIVERED


def home(*rungs: Rung, **settings: object) -> Drive:
    settings.setdefault("linger_us", 3_000 * S)
    return Drive("a", "b", "c", rungs=rungs or (MILD, HARD), **settings)


def wedge(drive: Drive, device: str = "a", times: int = 3) -> None:
    """Let so many connections of a device fail as those of a wedged adapter do."""
    if not drive.device(device).waiting:
        drive.submit(f"for-{device}-{drive.now}", A_READ, device, deadline_us=3_000 * S)
    for _ in range(times):
        if drive.device(device).connection != "connecting":
            drive.wait(2 * S)  # the back-off
        drive.connect_failed(FaultKind.WEDGED, device)


def rungs(drive: Drive) -> list[Rung]:
    return [one.rung for one in drive.of(Recover)]


def alerts(drive: Drive) -> list[tuple[AlertKind, bool]]:
    kinds = (AlertKind.RECOVERY, AlertKind.PARKED)
    return [(one.alert.kind, one.alert.raised) for one in drive.of(AlertChanged) if one.alert.kind in kinds]


def test_signs_begin_the_lowest_rung_for_the_device_of_the_last_and_its_command_waits() -> None:
    drive = home()
    wedge(drive)
    assert drive.of(Recover) == [Recover(adapter="hci", rung=MILD, device="a")]
    assert drive.adapter().recovery == "stop_discovery"
    assert alerts(drive) == [(AlertKind.RECOVERY, True)]
    assert drive.open("for-a-0")
    drive.wait(100 * S)
    assert len(drive.connects()) == 3, "nothing is tried while the rung runs"
    drive.recovered()
    assert drive.adapter().recovery == "probing"
    drive.connected("a")
    drive.answer(b"x", "a")
    assert drive.ended("for-a-0") == (Verdict.DELIVERED, Cause.VALUE)
    assert alerts(drive)[-1] == (AlertKind.RECOVERY, False)
    assert drive.adapter().recovery == ""


def test_what_was_done_is_written_down_with_its_reason() -> None:
    drive = home()
    wedge(drive)
    drive.wait(1 * S)
    drive.recovered()
    (row,) = drive.of(RecordRung)
    assert (row.adapter, row.rung, row.device, row.fault, row.at_us) == ("hci", MILD, "a", None, drive.now)
    assert row.why == "signs of a wedged adapter, the last of a: wedged (test)"


def test_a_probe_that_fails_again_is_the_next_rung() -> None:
    drive = home()
    wedge(drive)
    drive.recovered()
    drive.connect_failed(FaultKind.WEDGED, "a")
    assert rungs(drive) == [MILD, HARD]


def test_a_rung_that_cannot_be_done_is_followed_by_the_next_at_once() -> None:
    drive = home()
    wedge(drive)
    drive.recovered(fault(FaultKind.UNSUPPORTED))
    assert rungs(drive) == [MILD, HARD]
    drive.recovered()
    assert [row.fault is None for row in drive.of(RecordRung)] == [False, True]
    assert drive.of(RecordRung)[1].why == "stop_discovery could not be done: unsupported (test)"


def test_failures_over_two_devices_begin_it_and_an_answer_of_any_device_says_that_the_radio_works() -> None:
    drive = home()
    drive.warm("c")
    for number in range(4):
        for device in "ab":
            drive.submit(f"{device}-{number}", A_READ, device)
            drive.connect_failed(FaultKind.UNREACHABLE, device)
        if number == 1:
            drive.submit("well", A_READ, "c")
            drive.answer(b"x", "c")
            assert rungs(drive) == []
    assert rungs(drive) == []
    drive.submit("last", A_READ, "a")
    drive.connect_failed(FaultKind.UNREACHABLE, "a")
    drive.submit("last of all", A_READ, "b")
    drive.connect_failed(FaultKind.UNREACHABLE, "b")
    assert rungs(drive) == [MILD]
    assert drive.open("last of all")


def test_silence_counts_as_a_failure_and_a_wedged_answer_as_a_sign() -> None:
    drive = home(limits=Limits(recovery_failures_min=2))
    for device in "ab":
        drive.warm(device)
        drive.submit(f"read-{device}", A_READ, device)
    drive.wait(6 * S)
    assert rungs(drive) == [MILD]
    drive = home(limits=Limits(recovery_wedged_min=1))
    drive.warm("a")
    drive.submit("one", A_READ, "a")
    drive.fail(FaultKind.WEDGED, device="a")
    assert rungs(drive) == [MILD]


def test_a_connection_that_comes_up_wipes_the_signs_out() -> None:
    drive = home()
    wedge(drive, times=2)
    drive.warm("b")
    drive.wait(3 * S)
    drive.connect_failed(FaultKind.WEDGED, "a")
    assert rungs(drive) == []


def test_a_stack_that_ignores_a_cancelled_connect_is_a_sign_although_the_attempt_was_nobodys_fault() -> None:
    drive = home(limits=Limits(recovery_wedged_min=1))
    drive.submit("one", A_READ, "a")
    drive.cancel("one")
    drive.connect_failed(FaultKind.WEDGED, "a")
    assert rungs(drive) == [MILD]


def test_a_reset_waits_for_what_is_in_flight_and_nothing_else_begins() -> None:
    drive = home(HARD, aside=frozenset({"read_rssi"}))
    drive.warm("b")
    drive.submit("running", write(1), "b")
    drive.submit("next", write(2), "b", survive_reconnect=True)
    wedge(drive)
    drive.submit("query", ReadRssi(), "b", survive_reconnect=True)
    assert rungs(drive) == []
    assert drive.adapter().recovery == "power_cycle"
    drive.answer(device="b")
    assert rungs(drive) == [HARD]
    assert drive.payloads("b") == [1]
    drive.adapter_down()
    drive.gone("b")
    drive.adapter_up()
    assert len(drive.connects()) == 4, "not before the rung is over"
    drive.recovered()
    assert drive.open("next")
    assert len(drive.connects()) == 5


def test_the_wait_for_what_is_in_flight_has_a_bound() -> None:
    drive = home(HARD)
    drive.warm("b")
    drive.submit("running", write(1), "b", attempt_timeout_us=25 * S)
    wedge(drive, times=3)
    drive.wait(6 * S - 1)
    assert rungs(drive) == []
    drive.wait(1)
    assert rungs(drive) == [HARD]


def test_a_mild_rung_leaves_the_others_alone() -> None:
    drive = home(MILD)
    drive.warm("b")
    drive.submit("running", write(1), "b")
    wedge(drive)
    assert rungs(drive) == [MILD]
    drive.submit("next", write(2), "b")
    drive.answer(device="b")
    assert drive.payloads("b") == [1, 2]


def test_an_adapter_that_does_one_at_a_time_starts_nothing_before_a_reset_either() -> None:
    drive = home(HARD, serialization=events.Serialization.ADAPTER)
    for device in "bc":
        drive.warm(device)
        drive.submit(f"one-{device}", write(1), device)
    wedge(drive)
    drive.answer(device="b")
    assert rungs(drive) == [HARD]
    assert drive.payloads("c") == []
    drive.recovered(fault(FaultKind.UNSUPPORTED))
    assert drive.payloads("c") == [1], "it is over, and the connection is still there"


def test_a_connection_attempt_that_runs_is_ended_first() -> None:
    drive = home(MILD, limits=Limits(recovery_wedged_min=1))
    drive.warm("b")
    drive.submit("read", A_READ, "b")
    drive.submit("other", A_READ, "a")
    drive.fail(FaultKind.WEDGED, device="b")
    assert [one.device for one in drive.of(AbandonConnect)] == ["a"]
    assert rungs(drive) == []
    drive.connect_failed(device="a")
    assert rungs(drive) == [MILD]


def test_a_stop_goes_while_others_are_waited_for_and_its_connection_is_proof_enough() -> None:
    drive = home(HARD)
    drive.warm("b")
    drive.submit("running", write(1), "b")
    wedge(drive)
    drive.stop(device="c")
    drive.connected("c")
    drive.answer(device="c")
    assert drive.ended("stop") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    assert rungs(drive) == []
    assert alerts(drive) == [(AlertKind.RECOVERY, True), (AlertKind.RECOVERY, False)]
    assert drive.adapter().recovery == ""


def test_a_running_attempt_of_a_stop_is_not_ended_for_a_rung() -> None:
    drive = home(MILD, limits=Limits(recovery_wedged_min=1))
    drive.warm("b")
    drive.submit("read", A_READ, "b")
    drive.stop(device="a")
    drive.fail(FaultKind.WEDGED, device="b")
    assert drive.of(AbandonConnect) == []
    assert rungs(drive) == []
    drive.wait(6 * S)
    assert rungs(drive) == [MILD], "nor is it waited for longer than for anything else"


def test_a_stop_connects_beside_a_mild_rung_and_right_after_a_reset() -> None:
    drive = home(MILD, HARD)
    wedge(drive)
    drive.stop("first", device="b")
    drive.connected("b")
    drive.answer(device="b")
    assert drive.ended("first") == (Verdict.DELIVERED, Cause.ACKNOWLEDGED)
    drive.recovered(fault(FaultKind.UNSUPPORTED))
    assert rungs(drive) == [MILD, HARD]
    drive.stop("second", device="c")
    assert drive.connects()[-1] == "b"
    drive.stop("third", device="b")
    assert drive.payloads("b") == [255, 255], "a connection that is still there is used"
    drive.recovered()
    assert drive.connects()[-1] == "c"


def test_when_nothing_helped_the_adapter_is_parked_and_everybody_is_told() -> None:
    drive = home(MILD)
    drive.warm("c")
    wedge(drive)
    drive.submit("waits", A_READ, "b")
    drive.recovered()
    drive.connect_failed(FaultKind.WEDGED, "a")
    assert drive.ended("for-a-0") == drive.ended("waits") == (NOT, Cause.NEVER_SENT)
    assert drive.endings()["waits"].fault.text == (
        "hci does not work, and nothing that may be done about it now helped; it is tried again in 300 s."
        " The reason was: signs of a wedged adapter, the last of a: wedged (test)"
    )
    assert alerts(drive) == [(AlertKind.RECOVERY, True), (AlertKind.PARKED, True)]
    assert (drive.adapter().up, drive.adapter().recovery) == (False, "parked")
    drive.submit("late", A_READ, "b")
    assert drive.ended("late") == (NOT, Cause.NEVER_SENT)
    drive.submit("there", A_READ, "c")
    drive.answer(b"x", "c")
    assert drive.ended("there") == (Verdict.DELIVERED, Cause.VALUE), "a connection that works is used"


def test_a_parked_adapter_is_tried_again_after_the_cooldown_and_never_loops() -> None:
    drive = home(MILD)
    for climb in range(1, 4):
        assert drive.adapter().up
        wedge(drive)
        drive.recovered()
        drive.connect_failed(FaultKind.WEDGED, "a")
        assert drive.adapter().recovery == "parked"
        assert len(rungs(drive)) == climb
        drive.wait(300 * S)
    assert not drive.adapter().up, "it was done three times in this hour"
    drive.wait(3_000 * S)
    assert drive.adapter().up
    drive.wait(1_000 * S)
    assert len(rungs(drive)) == 3


def test_a_climb_that_finds_every_rung_on_its_cooldown_parks_at_once() -> None:
    drive = home(MILD)
    wedge(drive)
    drive.recovered()
    drive.connected("a")
    drive.answer(b"x", "a")
    wedge(drive, "b")
    assert rungs(drive) == [MILD]
    assert drive.adapter().recovery == "parked"


def test_a_stop_is_tried_on_a_parked_adapter_and_proves_that_it_works() -> None:
    drive = home(MILD)
    wedge(drive)
    drive.recovered()
    drive.connect_failed(FaultKind.WEDGED, "a")
    drive.stop(device="b")
    drive.connected("b")
    assert drive.adapter().up
    assert alerts(drive)[-2:] == [(AlertKind.PARKED, False), (AlertKind.RECOVERY, False)]


def test_a_rung_that_nobody_probed_is_forgotten_after_a_while() -> None:
    drive = home(MILD, HARD)
    wedge(drive)
    drive.cancel("for-a-0")
    drive.recovered()
    drive.wait(300 * S)
    assert drive.adapter().recovery == ""
    wedge(drive, times=2)
    assert rungs(drive) == [MILD]
    wedge(drive, times=1)
    assert rungs(drive) == [MILD, MILD]


def test_an_adapter_that_goes_away_or_comes_back_is_another_matter() -> None:
    drive = home()
    wedge(drive, times=2)
    drive.adapter_down()
    drive.adapter_up()
    wedge(drive, times=1)
    assert rungs(drive) == []
    wedge(drive, times=2)
    drive.recovered()
    drive.adapter_down()
    assert drive.adapter().recovery == ""


def test_news_of_a_rung_that_does_not_run_changes_nothing() -> None:
    drive = home()
    stray = events.RecoveryDone(adapter="hci", rung=HARD)
    assert drive.feed(stray) == []
    wedge(drive)
    assert drive.feed(stray) == []
    assert drive.feed(events.RecoveryDone(adapter="other", rung=HARD)) == []
    assert drive.adapter().recovery == "stop_discovery"


def test_nothing_begins_while_the_keeper_closes() -> None:
    drive = home()
    drive.warm("b")
    drive.submit("running", write(1), "b")
    wedge(drive, times=2)
    drive.wait(3 * S)
    drive.feed(events.Closing())
    drive.connect_failed(FaultKind.WEDGED, "a")
    assert rungs(drive) == []


@pytest.mark.parametrize("kind", [FaultKind.UNREACHABLE, FaultKind.TIMED_OUT, FaultKind.NOT_FOUND])
def test_one_device_alone_never_begins_it(kind: FaultKind) -> None:
    drive = home(limits=Limits(breaker_failures_max=1_000))
    for number in range(50):
        drive.submit(f"one-{number}", A_READ, "a")
        drive.connect_failed(kind, "a", Ran.NO)
        drive.wait(1 * S)
        if drive.device("a").connection == "connecting":
            drive.connect_failed(kind, "a", Ran.NO)
    assert rungs(drive) == []


def test_a_fan_out_does_not_wait_for_a_device_that_cannot_connect_now() -> None:
    drive = home(MILD)
    drive.warm("b")
    wedge(drive)
    drive.fan_out("all", {"b": write(1), "c": Read(target=CharacteristicRef(handle=3))})
    assert drive.payloads("b") == [1]
