"""The same cases on a complete stack: a keeper over Bumble on a virtual radio, whose adapter has 20 places.

Numbers are those of the conformance list. What the device did is taken from the device's own log.
"""

import asyncio

import pytest
from bumble.core import ProtocolError

from conformance.air import Air, live
from gattkeeper.links.bumble_backlog import PACKETS_MAX
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import DiscoverServices, Write, WriteMode
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.world.radio_rules import AttOpcode, Delay, Drop, Keep, Match, Moment, Rule
from sim.scene import WRITABLE

INTERVAL_S = 0.03
BURST = 1_000
COMMAND = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.WRITE_COMMAND)


def now() -> float:
    return asyncio.get_running_loop().time()


def write(payload: bytes) -> Command:
    return Command(device="lamp", operation=Write(target=characteristic_ref(WRITABLE), payload=payload))


def without_response(number: int, **fields: object) -> Command:
    payload = number.to_bytes(2)
    operation = Write(target=characteristic_ref(WRITABLE), payload=payload, mode=WriteMode.WITHOUT_RESPONSE)
    return Command(device="lamp", operation=operation, **fields)


def numbers(air: Air) -> list[int]:
    return [int.from_bytes(payload) for payload in air.applied() if payload[:1] != b"S"]


def test_c11_the_signal_strength_is_read_during_a_write_that_has_no_answer_yet() -> None:
    async def story(air: Air) -> None:
        lamp = await air.connected()
        air.radio.rules.append(
            Rule(Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.WRITE_RESPONSE), Delay(seconds=2))
        )
        slow = await air.keeper.submit(write(b"1"))
        asked_at = now()
        assert await lamp.rssi() < 0
        assert (await lamp.phy()).tx.value == "1m"
        assert now() - asked_at < INTERVAL_S
        assert slow.outcome is None
        assert (await slow.wait()).succeeded

    live(story)


def test_c33_a_discovery_without_its_end_leaves_no_part_of_a_table() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        air.radio.rules.append(Rule(Match(moment=Moment.FROM_DEVICE, first=4), Drop()))
        handle = await air.keeper.submit(
            Command(device="lamp", operation=DiscoverServices(), deadline_us=10_000_000)
        )
        outcome = await handle.wait()
        assert (outcome.verdict, outcome.value) == (Verdict.NOT_DELIVERED, None)
        air.radio.rules.clear()
        await asyncio.sleep(1)  # the connection that owes an answer goes first
        assert len(await air.keeper.device("lamp").services()) > 1

    live(story)


def test_c80_over_bumble_a_device_cannot_begin_a_pairing_and_holds_up_nothing() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        hosted = air.radio._devices["lamp"]._bumble
        pairing = asyncio.create_task(hosted.pair(next(iter(hosted.connections.values()))))
        handle = await air.keeper.submit(write(b"1"))
        with pytest.raises(ProtocolError, match="COMMAND_NOT_SUPPORTED"):
            await pairing
        assert (await handle.wait()).succeeded
        assert air.applied() == [b"1"]

    live(story)


def test_c99_a_burst_of_writes_without_response_is_paced_complete_and_in_order() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        started_at = now()
        handles = [await air.keeper.submit(without_response(number)) for number in range(BURST)]
        for handle in handles:
            assert (await handle.wait()).cause is Cause.ACCEPTED_LOCALLY
        assert len(numbers(air)) >= BURST - PACKETS_MAX, "a write counts as taken when few are left before it"
        assert now() - started_at >= (BURST / 6 - 1) * INTERVAL_S, "six packets fit into a connection event"
        await asyncio.sleep(2 * INTERVAL_S)
        assert numbers(air) == list(range(BURST))

    live(story)


def test_c99_a_stop_in_the_middle_of_a_burst_is_behind_few_packets() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        handles = [await air.keeper.submit(without_response(number)) for number in range(BURST)]
        await handles[300].wait()
        before, asked_at = len(numbers(air)), now()
        (stop,) = await air.keeper.stop("lamp")
        assert (await stop.wait()).succeeded
        assert now() - asked_at < 3.5 * INTERVAL_S, "the write before it, its own way, and its answer"
        assert air.applied()[-1][:1] == b"S"
        assert len(numbers(air)) - before <= PACKETS_MAX + 1
        assert (await handles[-1].wait()).by == stop.id
        assert numbers(air) == list(range(len(numbers(air))))

    live(story)


def test_c100_a_place_that_never_comes_back_is_waited_for_within_the_attempts_time() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        air.radio.rules.append(Rule(COMMAND, Keep()))
        started_at = now()
        handles = [await air.keeper.submit(without_response(number)) for number in range(PACKETS_MAX + 1)]
        following = await air.keeper.submit(without_response(99, survive_reconnect=True))
        causes = [(await handle.wait()).cause for handle in handles]
        assert causes == [Cause.ACCEPTED_LOCALLY] * PACKETS_MAX + [Cause.TIMED_OUT_IN_FLIGHT]
        assert now() - started_at == pytest.approx(5.0)
        air.radio.rules.clear()
        outcome = await following.wait()
        assert (outcome.cause, outcome.epoch) == (Cause.ACCEPTED_LOCALLY, 2), "a fresh connection has fresh places"

    live(story)


def test_c100_a_stop_behind_such_places_goes_out_on_a_fresh_connection() -> None:
    async def story(air: Air) -> None:
        await air.connected()
        rule = Rule(Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.WRITE_COMMAND, times=PACKETS_MAX + 1), Keep())
        air.radio.rules.append(rule)
        stuck = [await air.keeper.submit(without_response(number)) for number in range(PACKETS_MAX + 1)]
        await asyncio.sleep(0.2)
        (stop,) = await air.keeper.stop("lamp")
        assert (await stop.wait()).succeeded
        assert (await stuck[-1].wait()).verdict is Verdict.UNKNOWN
        assert air.applied()[-1][:1] == b"S"

    live(story)
