"""Writes without response are paced by the packets that the adapter has not sent yet."""

import asyncio

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_backlog import PACKETS_MAX, Backlog
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Write, WriteMode
from gattkeeper.world.radio_rules import AttOpcode, Keep, Match, Moment, Rule
from gattkeeper.world.virtual_device import VirtualDevice
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import VALUE, ConnectionLog, connected
from link_contract.bumble_bench import BumbleBench, bumble_bench
from link_contract.checks_operation import at

INTERVAL_S = 0.03
KEEP = Rule(Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.WRITE_COMMAND, device="bench"), Keep())


def without_response(payload: bytes) -> Write:
    return Write(target=at(VALUE), payload=payload, mode=WriteMode.WITHOUT_RESPONSE)


def now() -> float:
    return asyncio.get_running_loop().time()


def backlog(bench: BumbleBench) -> Backlog:
    (connection,) = bench.link._adapter._connections
    return connection._backlog


def test_few_writes_are_taken_at_once_and_the_next_ones_as_packets_leave():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            started_at = now()
            for number in range(PACKETS_MAX):
                await connection.perform(without_response(bytes([number])))
            assert now() == started_at
            for number in range(PACKETS_MAX, 10):
                await connection.perform(without_response(bytes([number])))
                assert backlog(bench).packets <= PACKETS_MAX
            assert now() > started_at
            await bench.until_applied(10)
            assert [payload for _, payload in bench.applied()] == [bytes([number]) for number in range(10)]

    run_virtual(main())


def test_a_write_of_many_packets_is_taken_when_few_are_left():
    async def main():
        async with bumble_bench(att_mtu=517) as bench:
            connection, _ = await connected(bench)
            started_at = now()
            for _ in range(3):
                await connection.perform(without_response(bytes(500)))  # three packets each
            assert backlog(bench).packets <= PACKETS_MAX
            assert now() > started_at

    run_virtual(main())


def test_a_request_does_not_wait_for_the_backlog():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            bench.radio.rules.append(KEEP)
            for number in range(PACKETS_MAX):
                await connection.perform(without_response(bytes([number])))
            await connection.perform(Write(target=at(VALUE), payload=b"asked"))
            assert bench.applied() == [(VALUE, b"asked")]

    run_virtual(main())


def test_the_backlog_of_one_device_does_not_slow_another_one_down():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            other = VirtualDevice("other", "F0:00:00:00:00:02", bench.device.services)
            await bench.radio.add(other)
            beside = await bench.link.connect(other.address, ConnectionLog())
            bench.radio.rules.append(KEEP)
            stuck = asyncio.create_task(_write_many(connection, PACKETS_MAX + 1))
            await _write_many(beside, 10)
            assert not stuck.done()
            await connection.disconnect()
            with pytest.raises(LinkError):
                await stuck

    run_virtual(main())


async def _write_many(connection, count: int) -> None:
    for number in range(count):
        await connection.perform(without_response(bytes([number])))


@pytest.mark.parametrize("ours", [True, False], ids=["disconnected", "lost"])
def test_the_end_of_the_connection_leaves_a_write_that_waits_open(ours):
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            bench.radio.rules.append(KEEP)
            writing = asyncio.create_task(_write_many(connection, PACKETS_MAX + 1))
            await asyncio.wait((writing,), timeout=5.0)
            assert not writing.done(), "places that never come back are not waited for less"
            if ours:
                await connection.disconnect()
            else:
                await bench.lose_link()
            await log.until_lost()
            with pytest.raises(LinkError) as failed:
                await writing
            assert (failed.value.fault.kind, failed.value.fault.ran) == (FaultKind.LINK_LOST, Ran.MAYBE)

    run_virtual(main())


def test_a_fresh_connection_has_all_its_places():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            bench.radio.rules.append(KEEP)
            for number in range(PACKETS_MAX):
                await connection.perform(without_response(bytes([number])))
            await connection.disconnect()
            bench.radio.rules.clear()
            fresh, _ = await connected(bench)
            assert backlog(bench).packets == 0
            await _write_many(fresh, 10)
            await bench.until_applied(10)

    run_virtual(main())
