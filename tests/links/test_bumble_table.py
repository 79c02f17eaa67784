"""A table that was remembered is used when its device proves it, and never otherwise."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gattkeeper.links.bumble_connection import FIRST_COMMAND_S
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import Property, normal_uuid, table_digest
from gattkeeper.model.operation import DiscoverServices, Read, ReadRssi, Subscribe, Write, WriteMode
from gattkeeper.world.radio_rules import AnswerError, AttOpcode, Drop, Match, Moment, Rule
from gattkeeper.world.virtual_device import VirtualCharacteristic, VirtualService
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import SECOND, TICKS, VALUE, connected
from link_contract.bumble_bench import BumbleBench, bumble_bench
from link_contract.checks_operation import at, refusal

FIND_INFORMATION_REQUEST, READ_BY_TYPE_REQUEST, PREPARE_WRITE_REQUEST = 0x04, 0x08, 0x16
DISCOVERY = (AttOpcode.READ_BY_GROUP_TYPE_REQUEST, FIND_INFORMATION_REQUEST)
SERVICE = normal_uuid("fe50")


class Counted:
    """How many ATT PDUs of some kinds reach the device from now on."""

    def __init__(self, bench: BumbleBench, *opcodes: int | None) -> None:
        matches = [Match(moment=Moment.TO_DEVICE, opcode=opcode, probability=0) for opcode in opcodes]
        self._rules = [Rule(match, Drop()) for match in matches]
        bench.radio.rules.extend(self._rules)

    @property
    def count(self) -> int:
        return sum(rule.seen for rule in self._rules)


@asynccontextmanager
async def known_device(*, database_hash: bool = True):
    """A bench whose device was connected and left again, so that its table is known where that is possible."""
    async with bumble_bench(database_hash=database_hash) as bench:
        await (await connected(bench))[0].disconnect()
        await bench.until_disconnected()
        yield bench


def moved_services() -> tuple[VirtualService, ...]:
    """VALUE at the handle where SECOND was, and the other way round."""
    characteristics = [VirtualCharacteristic(uuid, Property.READ | Property.WRITE) for uuid in (SECOND, VALUE)]
    return (VirtualService(SERVICE, tuple(characteristics)),)


def test_a_table_that_is_proved_by_its_hash_is_not_discovered_again():
    async def main():
        async with known_device() as bench:
            discovery = Counted(bench, *DISCOVERY)
            by_type = Counted(bench, READ_BY_TYPE_REQUEST)
            connection, log = await connected(bench)
            await connection.perform(Write(target=at(VALUE), payload=b"cached"))
            assert bench.applied() == [(VALUE, b"cached")]
            assert (discovery.count, by_type.count) == (0, 1), "the hash, in one round trip"
            assert connection.att_mtu > 23
            await connection.perform(Subscribe(target=at(TICKS)))
            await bench.notify(TICKS, b"tick")
            assert await log.next_notification() == (TICKS, b"tick")

    run_virtual(main())


def test_a_cached_table_is_the_one_that_was_discovered():
    async def main():
        async with bumble_bench() as bench:
            first, _ = await connected(bench)
            await first.disconnect()
            second, _ = await connected(bench)
            assert second.services == first.services

    run_virtual(main())


def test_another_hash_means_another_discovery():
    async def main():
        async with known_device() as bench:
            moved = moved_services()
            bench.radio.change_services(bench.device, moved)
            discovery = Counted(bench, *DISCOVERY)
            connection, _ = await connected(bench)
            assert discovery.count > 0
            await connection.perform(Write(target=at(VALUE, SERVICE), payload=b"x"))
            assert [one.value for one in moved[0].characteristics] == [b"", b"x"]
            await connection.disconnect()
            found = discovery.count
            await connected(bench)
            assert discovery.count == found, "now the new table is the known one"

    run_virtual(main())


def test_a_device_without_a_hash_is_discovered_every_time():
    async def main():
        async with known_device(database_hash=False) as bench:
            discovery = Counted(bench, *DISCOVERY)
            await connected(bench)
            assert discovery.count > 0

    run_virtual(main())


@pytest.mark.parametrize("code", [0x02, 0x05, 0x06, 0x12, 0x80])
def test_a_hash_that_is_not_given_any_more_means_discovery(code):
    async def main():
        async with known_device() as bench:
            match = Match(moment=Moment.TO_DEVICE, opcode=READ_BY_TYPE_REQUEST, times=1)
            bench.radio.rules.append(Rule(match, AnswerError(code=code)))
            discovery = Counted(bench, *DISCOVERY)
            connection, _ = await connected(bench)
            assert discovery.count > 0
            assert await connection.perform(Read(target=at(VALUE))) == b"first"

    run_virtual(main())


def test_a_device_that_says_database_out_of_sync_is_discovered_the_next_time():
    async def main():
        async with known_device() as bench:
            connection, _ = await connected(bench)
            await bench.att_error(0x12)
            fault = await refusal(connection, Read(target=at(VALUE)))
            assert (fault.kind, fault.ran) == (FaultKind.STALE, Ran.REFUSED)
            await bench.heal()
            await connection.disconnect()
            discovery = Counted(bench, *DISCOVERY)
            await connected(bench)
            assert discovery.count > 0

    run_virtual(main())


def test_service_changed_on_a_cached_table_is_heard_discovered_and_told():
    async def main():
        async with known_device() as bench:
            connection, log = await connected(bench)
            await connection.perform(Read(target=at(VALUE)))
            await asyncio.sleep(1)
            moved = moved_services()
            bench.radio.change_services(bench.device, moved)
            async with asyncio.timeout(5):
                assert await log.news.get() == (None, table_digest(connection.services))
            assert (await refusal(connection, Read(target=at(TICKS)))).name == "no_such_characteristic"
            await connection.perform(Write(target=at(VALUE, SERVICE), payload=b"x"))
            assert [one.value for one in moved[0].characteristics] == [b"", b"x"]

    run_virtual(main())


def test_nothing_is_sent_to_a_handle_between_the_news_and_the_discovery():
    async def main():
        async with known_device() as bench:
            connection, log = await connected(bench)
            await connection.perform(Read(target=at(VALUE)))
            await asyncio.sleep(1)
            confirmed = Counted(bench, AttOpcode.CONFIRMATION)
            moved = moved_services()
            bench.radio.change_services(bench.device, moved)
            while not confirmed.count:
                await asyncio.sleep(0.001)
            for mode in WriteMode:
                fault = await refusal(connection, Write(target=at(VALUE), payload=b"x", mode=mode))
                assert (fault.kind, fault.ran, fault.name) == (FaultKind.STALE, Ran.NO, "service_changed")
            await log.news.get()
            assert [one.value for one in moved[0].characteristics] == [b"", b""]

    run_virtual(main())


def test_a_table_that_changes_while_it_is_discovered_is_not_used_as_it_is():
    async def main():
        async with known_device() as bench:
            connection, log = await connected(bench)
            await connection.perform(Read(target=at(VALUE)))
            await asyncio.sleep(1)
            discovery = Counted(bench, *DISCOVERY)
            bench.radio.change_services(bench.device, moved_services())
            while not discovery.count:
                await asyncio.sleep(0.001)
            bench.radio.change_services(bench.device, moved_services() * 2)
            await asyncio.sleep(5)
            assert len(connection.services) == 4
            assert not log.news.empty()
            await connection.disconnect()
            found = discovery.count
            again, _ = await connected(bench)
            assert discovery.count == found
            assert again.services == connection.services

    run_virtual(main())


def test_a_link_that_goes_while_a_changed_table_is_discovered_is_lost_once():
    async def main():
        async with known_device() as bench:
            connection, log = await connected(bench)
            await connection.perform(Read(target=at(VALUE)))
            await asyncio.sleep(1)
            await bench.lose_link_in_discovery()
            bench.radio.change_services(bench.device, moved_services())
            await log.until_lost()
            assert len(log.losses) == 1
            assert log.news.empty()

    run_virtual(main())


def test_discovering_on_request_keeps_what_is_subscribed_to_when_nothing_changed():
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            await connection.perform(Subscribe(target=at(TICKS)))
            assert await connection.perform(DiscoverServices()) == connection.services
            await bench.notify(TICKS, b"tick")
            assert await log.next_notification() == (TICKS, b"tick")
            assert log.news.empty()

    run_virtual(main())


def test_the_first_command_on_a_proved_table_goes_before_the_watch():
    async def main():
        async with known_device() as bench:
            asked = Counted(bench, None)
            connection, _ = await connected(bench)
            await connection.perform(Write(target=at(VALUE), payload=b"x"))
            assert asked.count == 3, "ATT_MTU, hash, write"
            assert await connection.perform(Read(target=at(SECOND))) == b"second"
            assert asked.count == 6, "Service Changed, hash, read"

    run_virtual(main())


def test_a_connection_without_a_command_watches_its_table_by_itself():
    async def main():
        async with known_device() as bench:
            connection, log = await connected(bench)
            await asyncio.sleep(FIRST_COMMAND_S + 1)
            bench.radio.change_services(bench.device, moved_services())
            async with asyncio.timeout(5):
                assert await log.news.get() == (None, table_digest(connection.services))

    run_virtual(main())


def test_a_table_that_changes_between_the_proof_and_the_watch_is_found():
    async def main():
        async with known_device() as bench:
            connection, log = await connected(bench)
            moved = moved_services()
            bench.radio.change_services(bench.device, moved)
            async with asyncio.timeout(5):
                await log.news.get()
            await connection.perform(Write(target=at(VALUE, SERVICE), payload=b"x"))
            assert [one.value for one in moved[0].characteristics] == [b"", b"x"]

    run_virtual(main())


def test_what_waited_while_the_table_changed_is_not_sent():
    async def main():
        async with known_device() as bench:
            connection, _ = await connected(bench)
            await connection.perform(Read(target=at(VALUE)))
            moved = moved_services()
            bench.radio.change_services(bench.device, moved)
            waiting = asyncio.create_task(refusal(connection, Write(target=at(VALUE), payload=b"x")))
            rssi = asyncio.create_task(connection.perform(ReadRssi()))
            fault = await waiting
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.STALE, Ran.NO, "service_changed")
            assert await rssi < 0
            assert [one.value for one in moved[0].characteristics] == [b"", b""]

    run_virtual(main())


def test_what_waited_when_the_link_went_was_not_sent():
    async def main():
        async with known_device() as bench:
            connection, log = await connected(bench)
            await connection.perform(Read(target=at(VALUE)))
            waiting = asyncio.create_task(refusal(connection, Write(target=at(VALUE), payload=b"x")))
            await asyncio.sleep(0.01)
            await bench.lose_link()
            fault = await waiting
            assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.NO)
            assert len(log.losses) == 1

    run_virtual(main())


def test_a_watch_without_an_answer_closes_the_bearer():
    async def main():
        async with known_device() as bench:
            connection, _ = await connected(bench)
            await bench.silence_responses()
            await asyncio.sleep(40)
            await bench.heal()
            fault = await refusal(connection, Read(target=at(VALUE)))
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.LINK_LOST, Ran.NO, "request_abandoned")

    run_virtual(main())


def test_a_connection_that_ends_at_once_watches_nothing():
    async def main():
        async with known_device() as bench:
            connection, log = await connected(bench)
            await connection.perform(Read(target=at(VALUE)))
            asked = Counted(bench, None)
            await connection.disconnect()
            await asyncio.sleep(FIRST_COMMAND_S + 1)
            assert asked.count <= 1, "what was on its way"
            assert len(log.losses) == 1

    run_virtual(main())


def test_a_long_value_is_not_executed_on_a_table_that_changed_meanwhile():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            prepared = Counted(bench, PREPARE_WRITE_REQUEST)
            writing = asyncio.create_task(refusal(connection, Write(target=at(VALUE), payload=bytes(512))))
            while not prepared.count:
                await asyncio.sleep(0.001)
            bench.radio.change_services(bench.device, moved_services())
            fault = await writing
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.STALE, Ran.NO, "service_changed")
            assert (await refusal(connection, DiscoverServices())).name == "request_abandoned"
            assert bench.applied() == []

    run_virtual(main())
