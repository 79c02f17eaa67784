"""Android's busy flag, and three vendors' way with operations that overlap."""

import asyncio

import pytest
from simulated_owner import fault_of
from test_personality import Platform, android

from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import CONNECTION_PRIORITIES, Read, ReadRssi, Write, WriteMode
from gattkeeper.world import LinkMoment, LoseRequest, Overlap, run_virtual
from gattkeeper.world.android import UNANSWERED
from sim.scene import COUNTER, WRITABLE

READ = Read(target=characteristic_ref(COUNTER))
UNHEEDED = Write(target=characteristic_ref(WRITABLE), payload=b"x", mode=WriteMode.WITHOUT_RESPONSE)


def overlapping(overlap, judge):
    """Two operations at once: the first is answered, the second is the vendor's."""

    async def story() -> None:
        platform = Platform(android(overlap))
        connection = await platform.connect()
        first, second = (asyncio.ensure_future(connection.perform(READ)) for _ in range(2))
        assert await first == (1).to_bytes(4)
        await judge(platform, second)
        assert platform.personality.overlapped == 1
        assert platform.simulated.log.violations == [], "the second never reached the radio"
        assert await connection.perform(READ) == (2).to_bytes(4), "the next one alone is served"

    run_virtual(story())


def test_a_pixel_returns_false_at_once():
    async def judge(_platform, second) -> None:
        fault = await fault_of(second)
        assert (fault.kind, fault.ran, fault.name) == (FaultKind.BUSY, Ran.NO, "returned_false")

    overlapping(Overlap.RETURNS_FALSE, judge)


def test_a_samsung_says_133_and_nobody_knows_whether_it_ran():
    async def judge(_platform, second) -> None:
        fault = await fault_of(second)
        assert (fault.kind, fault.ran, fault.code) == (FaultKind.GENERIC, Ran.MAYBE, 133)

    overlapping(Overlap.STATUS_133, judge)


def test_a_xiaomi_never_says_anything():
    async def judge(_platform, second) -> None:
        await asyncio.sleep(3600)
        assert not second.done()
        second.cancel()

    overlapping(Overlap.DROPPED, judge)


def test_what_was_dropped_fails_with_the_connection():
    async def story() -> None:
        platform = Platform(android(Overlap.DROPPED))
        connection = await platform.connect()
        first, second = (asyncio.ensure_future(connection.perform(READ)) for _ in range(2))
        await first
        await connection.disconnect()
        assert (await fault_of(second)).kind is FaultKind.LINK_LOST
        assert (await fault_of(connection.perform(READ))).ran is Ran.NO, "and what comes now was never sent"

    run_virtual(story())


@pytest.mark.parametrize("silent", [False, True], ids=["answered late", "never answered"])
def test_the_flag_stays_when_the_caller_goes_away_until_the_answer_or_the_end(silent):
    async def story() -> None:
        platform = Platform(android())
        connection = await platform.connect()
        if silent:
            platform.rule(LinkMoment.OPERATION, LoseRequest(), times=1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.perform(READ), 0.001)
        assert (await fault_of(connection.perform(READ))).name == "returned_false"
        await asyncio.sleep(1)
        if silent:
            assert (await fault_of(connection.perform(READ))).name == "returned_false"
            await connection.disconnect()
            connection = await platform.connect()
        assert await connection.perform(READ)

    run_virtual(story())


def test_a_write_without_response_holds_the_flag_until_the_adapter_has_it():
    async def story() -> None:
        platform = Platform(android())
        connection = await platform.connect()
        writing = asyncio.ensure_future(connection.perform(UNHEEDED))
        await asyncio.sleep(0.001)
        assert (await fault_of(connection.perform(READ))).name == "returned_false"
        await writing
        assert await connection.perform(READ)

    run_virtual(story())


def test_a_query_does_not_heed_the_flag_and_a_connection_priority_is_never_answered():
    async def story() -> None:
        platform = Platform(android(), aside=frozenset({"read_rssi"}), unanswered=UNANSWERED)
        connection = await platform.connect()
        reading = asyncio.ensure_future(connection.perform(READ))
        assert await connection.perform(ReadRssi()) == -50
        assert platform.personality.overlapped == 0
        await reading
        assert await connection.perform(CONNECTION_PRIORITIES["high"]) is None

    run_virtual(story())
