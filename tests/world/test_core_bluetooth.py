"""CoreBluetooth's habits: requests queue and are answered in order, to the newest caller; writes that are too early."""

import asyncio

from simulated_owner import fault_of
from test_personality import Platform

from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read, ReadRssi, Subscribe, Write, WriteMode
from gattkeeper.world import CoreBluetooth, LinkMoment, LoseResponse, run_virtual
from sim.scene import COUNTER, PUSHED, STOP, WRITABLE

READ = Read(target=characteristic_ref(COUNTER))


def write(number: int, uuid: str = WRITABLE, mode: WriteMode = WriteMode.WITH_RESPONSE) -> Write:
    return Write(target=characteristic_ref(uuid), payload=number.to_bytes(4), mode=mode)


def unheeded(number: int) -> Write:
    return write(number, mode=WriteMode.WITHOUT_RESPONSE)


def applied(platform: Platform) -> list[int]:
    return [int.from_bytes(one.payload) for one in platform.lamp.applied]


def test_requests_for_different_characteristics_queue_inside_and_are_answered_in_order():
    async def story() -> None:
        platform = Platform(CoreBluetooth())
        connection = await platform.connect()
        order: list[str] = []

        async def ask(name: str, operation) -> None:
            await connection.perform(operation)
            order.append(name)

        await asyncio.gather(ask("a", write(1)), ask("b", READ), ask("c", write(2, STOP)), ask("d", ReadRssi()))
        assert order == ["a", "b", "c", "d"]
        assert platform.simulated.log.violations == []
        assert platform.personality.overlapped == 0

    run_virtual(story())


def test_of_two_requests_for_one_characteristic_the_newest_caller_gets_the_first_answer():
    async def story() -> None:
        platform = Platform(CoreBluetooth())
        connection = await platform.connect()
        first, second = (asyncio.ensure_future(connection.perform(READ)) for _ in range(2))
        assert await second == (1).to_bytes(4), "that is the answer to the first"
        await asyncio.sleep(60)
        assert not first.done()
        assert platform.personality.overlapped == 1
        await connection.disconnect()
        assert (await fault_of(first)).kind is FaultKind.LINK_LOST

    run_virtual(story())


def test_a_refusal_is_told_and_a_caller_who_went_away_is_not_missed():
    async def story() -> None:
        platform = Platform(CoreBluetooth())
        connection = await platform.connect()
        refused = await fault_of(connection.perform(write(1, COUNTER)))
        assert refused.ran is Ran.REFUSED
        missing = await fault_of(connection.perform(Read(target=characteristic_ref("ffff"))))
        assert missing.ran is Ran.REFUSED
        asking = asyncio.ensure_future(connection.perform(READ))
        await asyncio.sleep(0.001)
        asking.cancel()
        await asyncio.sleep(1)
        assert await connection.perform(READ) == (2).to_bytes(4)
        await connection.disconnect()
        assert (await fault_of(connection.perform(READ))).ran is Ran.NO

    run_virtual(story())


def test_what_is_pushed_while_a_read_is_under_way_is_taken_for_its_answer():
    async def story() -> None:
        platform = Platform(CoreBluetooth())
        connection = await platform.connect()
        await connection.perform(Subscribe(target=characteristic_ref(PUSHED)))
        platform.rule(LinkMoment.OPERATION, LoseResponse(), times=1)
        reading = asyncio.ensure_future(connection.perform(Read(target=characteristic_ref(PUSHED))))
        platform.lamp.notify(platform.lamp.characteristic(PUSHED), b"\x09")
        assert await reading == b"\x09"
        platform.lamp.notify(platform.lamp.characteristic(PUSHED), b"\x0a")
        await asyncio.sleep(0.1)
        assert platform.heard.payloads == [b"\x0a"]

    run_virtual(story())


def test_a_link_that_asks_waits_until_the_system_is_ready_and_loses_nothing():
    async def story() -> None:
        platform = Platform(CoreBluetooth(places=2, sent_s=0.03))
        connection = await platform.connect()
        started_at = asyncio.get_running_loop().time()
        for number in range(10):
            await connection.perform(unheeded(number))
        assert asyncio.get_running_loop().time() - started_at >= 4 * 0.03
        assert not connection.can_send_write_without_response
        await asyncio.sleep(1)
        assert connection.can_send_write_without_response
        assert sorted(applied(platform)) == list(range(10))
        assert platform.personality.lost_writes == 0

    run_virtual(story())


def test_a_link_that_does_not_ask_loses_writes_and_is_told_nothing():
    async def story() -> None:
        platform = Platform(CoreBluetooth(asks=False, places=2))
        connection = await platform.connect()
        for number in range(10):
            assert await connection.perform(unheeded(number)) is None
        await asyncio.sleep(1)
        assert sorted(applied(platform)) == [0, 1]
        assert platform.personality.lost_writes == 8

    run_virtual(story())


def test_who_waits_for_the_system_is_told_when_the_connection_ends():
    async def story() -> None:
        platform = Platform(CoreBluetooth(places=1, sent_s=3600))
        connection = await platform.connect()
        await connection.perform(unheeded(1))
        gone, waiting = (asyncio.ensure_future(connection.perform(unheeded(2))) for _ in range(2))
        await asyncio.sleep(0.001)
        gone.cancel()
        await connection.disconnect()
        assert (await fault_of(waiting)).ran is Ran.NO
        await asyncio.sleep(3600)

    run_virtual(story())


def test_a_place_that_is_free_goes_to_who_still_waits():
    async def story() -> None:
        platform = Platform(CoreBluetooth(places=1))
        connection = await platform.connect()
        await connection.perform(unheeded(1))
        gone, waiting = (asyncio.ensure_future(connection.perform(unheeded(number))) for number in (2, 3))
        await asyncio.sleep(0.001)
        gone.cancel()
        await waiting
        await asyncio.sleep(1)
        assert applied(platform) == [1, 3]

    run_virtual(story())
