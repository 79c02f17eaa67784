"""Cases about what is not a request with its answer: queries beside the bearer, pairing, buffers, no answer at all.

Numbers are those of the conformance list. Knows a keeper on a simulated link, in virtual time; on a complete
stack these are in `test_cases_flow_bumble`.
"""

import asyncio

import pytest

from core.drive import Drive, S
from gattkeeper.core.limits import Limits
from gattkeeper.model.command import Command
from gattkeeper.model.operation import CONNECTION_PRIORITIES, DiscoverServices, ReadRssi
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.world import LateResponse, LinkMoment, LoseRequest, LoseResponse
from runtime.house import House, live, now, write

OPERATION = LinkMoment.OPERATION
PRIORITY = "request_connection_parameters"
LAMP_RSSI = Command(device="lamp", operation=ReadRssi())


def test_c11_a_query_beside_the_bearer_neither_waits_nor_delays() -> None:
    async def story(house: House) -> None:
        await house.keeper.device("lamp").connect()
        house.rule(OPERATION, LateResponse(seconds=2.0), kind="write", times=1)
        slow, following = await house.keeper.submit(write(b"1")), await house.keeper.submit(write(b"2"))
        asked_at = now()
        assert await house.keeper.device("lamp").rssi() == -50
        assert now() - asked_at < 0.1
        assert slow.outcome is None
        house.rule(OPERATION, LateResponse(seconds=60.0), kind="read_rssi", times=1)
        hanging = await house.keeper.submit(LAMP_RSSI)
        assert (await following.wait()).succeeded
        assert hanging.outcome is None
        assert (await slow.wait()).succeeded

    live(story, aside=frozenset({"read_rssi"}))


def test_c30_the_time_of_a_command_stands_still_while_a_person_is_asked() -> None:
    async def story(house: House) -> None:
        await house.keeper.device("lamp").connect()
        house.rule(OPERATION, LateResponse(seconds=20.0), kind="write", times=1)
        handle = await house.keeper.submit(write(b"1"))
        await asyncio.sleep(1)
        house.link.pair("lamp", under_way=True)
        await asyncio.sleep(18)
        house.link.pair("lamp", under_way=False)
        assert (await handle.wait()).cause is Cause.ACKNOWLEDGED

    live(story)


def test_c30_but_no_longer_than_the_cap() -> None:
    async def story(house: House) -> None:
        await house.keeper.device("lamp").connect()
        house.rule(OPERATION, LoseResponse(), kind="write", times=1)
        handle = await house.keeper.submit(write(b"1", deadline_us=120_000_000))
        started_at = now()
        house.link.pair("lamp", under_way=True)
        assert (await handle.wait()).cause is Cause.TIMED_OUT_IN_FLIGHT
        assert now() - started_at == pytest.approx(4 + 5)

    live(story, limits=Limits(pairing_pause_max_us=4_000_000))


@pytest.mark.parametrize("lost", [False, True], ids=["carried out", "lost"])
def test_c32_an_operation_without_an_answer_is_assumed_and_says_so(*, lost: bool) -> None:
    async def story(house: House) -> None:
        lamp = house.keeper.device("lamp")
        await lamp.connect()
        if lost:
            house.rule(OPERATION, LoseRequest(), kind=PRIORITY, times=1)
        fast = Command(device="lamp", operation=CONNECTION_PRIORITIES["high"])
        handle, following = await house.keeper.submit(fast), await house.keeper.submit(write())
        started_at = now()
        outcome = await handle.wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.SENT, Cause.ASSUMED)
        assert now() - started_at == pytest.approx(0.5)
        assert (await following.wait()).succeeded
        assert await lamp.request_connection_priority("balanced") is None

    live(story, unanswered=frozenset({PRIORITY}))


def test_c33_a_discovery_without_its_end_fails_by_its_time_and_brings_no_part_of_a_table() -> None:
    drive = Drive()
    drive.warm()
    drive.submit("discover", DiscoverServices(), deadline_us=10 * S)
    drive.wait(10 * S)
    outcome = drive.endings()["discover"]
    assert outcome.verdict is Verdict.NOT_DELIVERED
    assert outcome.value is None


def test_c80_while_the_device_pairs_nothing_is_started_and_afterwards_all_goes_on_in_order() -> None:
    async def story(house: House) -> None:
        await house.keeper.device("lamp").connect()
        house.link.pair("lamp", under_way=True)
        handles = [await house.keeper.submit(write(payload)) for payload in (b"1", b"2")]
        elsewhere = await house.keeper.submit(write(b"3", "door"))
        assert (await elsewhere.wait()).succeeded, "other devices do not notice"
        await asyncio.sleep(5)
        assert house.applied() == []
        house.link.pair("lamp", under_way=False)
        for handle in handles:
            assert (await handle.wait()).succeeded
        assert house.applied() == [b"1", b"2"]

    live(story)


def test_c80_a_pairing_that_never_ends_holds_the_queue_for_its_cap_only_and_a_stop_not_at_all() -> None:
    async def story(house: House) -> None:
        await house.keeper.device("lamp").connect()
        started_at = now()
        house.link.pair("lamp", under_way=True)
        (stop,) = await house.keeper.stop("lamp")
        assert (await stop.wait()).succeeded
        assert now() - started_at < 0.1
        handle = await house.keeper.submit(write(b"1", deadline_us=60_000_000))
        assert (await handle.wait()).succeeded
        assert now() - started_at == pytest.approx(30, abs=0.1)

    live(story)
