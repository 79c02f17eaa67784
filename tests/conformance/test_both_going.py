"""Cases about links and adapters that go in the middle of something, through the whole keeper on either link.

Numbers are those of the conformance list.
"""

import asyncio

import pytest

from conformance.stand import READ, Stand, both, live
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import (
    Connect,
    Disconnect,
    DiscoverServices,
    LongWrite,
    Operation,
    RequestMtu,
    Subscribe,
    Unsubscribe,
)
from gattkeeper.model.outcome import Cause, Verdict
from sim.scene import PUSHED, WRITABLE

NOT = Verdict.NOT_DELIVERED


@both
def test_c46_a_bearer_that_owes_a_late_answer_does_not_hold_up_a_stop(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.unanswered("write")
        running = await stand.submit(b"1")
        await asyncio.sleep(0.1)
        stand.keeper.cancel(running.id)
        asked_at = asyncio.get_running_loop().time()
        (stop,) = await stand.keeper.stop("lamp")
        outcome = await stop.wait()
        assert (outcome.verdict, outcome.epoch) == (Verdict.DELIVERED, 2)
        assert asyncio.get_running_loop().time() - asked_at < 2.0, "the grace, a connection and discovery"
        assert [heard[:1] for heard in stand.lamp.heard] == [b"1", b"S"]

    live(world, story)


@both
def test_c49_a_stop_while_connecting_leaves_no_connection_stranded(world: str) -> None:
    async def story(stand: Stand) -> None:
        stand.world.take_away(stand.lamp)
        write = await stand.submit(b"1")
        await asyncio.sleep(1)
        (stop,) = await stand.keeper.stop("lamp")
        assert (await write.wait()).cause is Cause.STOPPED
        stand.world.bring_back(stand.lamp)
        assert (await stop.wait()).succeeded
        await asyncio.sleep(60)
        assert [heard[:1] for heard in stand.lamp.heard] == [b"S"]
        assert stand.lamp.connections == 1
        assert stand.keeper.status().adapters[0].connections == 0

    live(world, story)


@pytest.mark.parametrize(
    "operation",
    [
        READ,
        Subscribe(target=characteristic_ref(PUSHED)),
        Unsubscribe(target=characteristic_ref(PUSHED)),
        DiscoverServices(),
        RequestMtu(),
    ],
    ids=lambda operation: type(operation).__name__,
)
@both
def test_c54_no_kind_of_operation_is_forgotten_when_the_link_goes(world: str, operation: Operation) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        if isinstance(operation, Unsubscribe):
            assert (await (await stand.submit(Subscribe(target=operation.target))).wait()).succeeded
        stand.world.unanswered("write")
        held = await stand.submit(b"held")
        running, waiting = await stand.submit(operation), await stand.submit(operation)
        stand.keeper.cancel(held.id)
        await asyncio.sleep(0.01)
        stand.world.lose(stand.lamp)
        for handle in (held, running, waiting):
            assert (await asyncio.wait_for(handle.wait(), 1)).timeline
        assert [outcome.command_id for outcome in stand.watch.ends[-2:]] == [running.id, waiting.id]

    live(world, story)


@both
def test_c54_a_connection_attempt_is_not_forgotten_when_its_adapter_goes(world: str) -> None:
    async def story(stand: Stand) -> None:
        stand.world.take_away(stand.lamp)
        handle = await stand.submit(Connect(), deadline_us=5_000_000)
        await asyncio.sleep(1)
        stand.world.adapter_goes()
        assert (await handle.wait()).verdict is NOT

    live(world, story)


@both
def test_c56_a_connection_that_ends_unasked_is_a_lost_one_and_the_next_command_makes_another(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        stand.world.lose(stand.lamp)
        await asyncio.sleep(1)
        assert stand.keeper.status().devices[0].connection == "disconnected"
        outcome = await (await stand.submit(READ)).wait()
        assert (outcome.verdict, outcome.epoch) == (Verdict.DELIVERED, 2)

    live(world, story)


@both
def test_c60_and_c61_an_adapter_that_goes_ends_all_on_it_at_once_and_works_again_by_itself(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        await stand.connected("door")
        stand.world.unanswered("write", times=2)
        one, two = await stand.submit(b"1"), await stand.submit(b"2", "door")
        waiting = await stand.submit(READ)
        await asyncio.sleep(0.2)
        stand.world.adapter_goes()
        outcomes = [await asyncio.wait_for(handle.wait(), 2) for handle in (one, two, waiting)]
        assert [outcome.verdict for outcome in outcomes] == [Verdict.UNKNOWN, Verdict.UNKNOWN, NOT]
        expires = await stand.submit(READ, deadline_us=2_000_000)
        assert (await expires.wait()).cause is Cause.EXPIRED
        patient = await stand.submit(READ)
        stand.world.adapter_comes_back()
        assert (await patient.wait()).succeeded

    live(world, story)


@both
def test_c65_leaving_where_nothing_is_connected_is_done_already(world: str) -> None:
    async def story(stand: Stand) -> None:
        assert (await (await stand.submit(Disconnect())).wait()).succeeded
        assert stand.lamp.connections == 0

    live(world, story)


@both
def test_c90_a_payload_is_cut_to_the_att_mtu_in_force_also_after_it_changed(world: str) -> None:
    async def story(stand: Stand) -> None:
        await stand.connected()
        exchanged = await (await stand.submit(RequestMtu())).wait()
        assert isinstance(exchanged.value, int)
        chunk = min(exchanged.value - 3, 512)
        payload = bytes(number % 251 for number in range(3 * chunk + 7))
        long = LongWrite(target=characteristic_ref(WRITABLE), payload=payload)
        assert (await (await stand.submit(long)).wait()).succeeded
        parts = [part for part in stand.lamp.heard if isinstance(part, bytes)]
        assert [len(part) for part in parts] == [chunk, chunk, chunk, 7]
        assert b"".join(parts) == payload

    live(world, story)
