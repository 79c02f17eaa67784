"""A connection over Bumble: its time-outs, its ends, and what it refuses to send."""

import asyncio

import pytest
from bumble.pairing import PairingConfig, PairingDelegate

from gattkeeper.links.bumble_connection import DISCONNECT_S, FIRST_COMMAND_S
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import Property
from gattkeeper.model.operation import (
    Disconnect,
    DiscoverServices,
    Pair,
    Read,
    ReadDescriptor,
    ReadPhy,
    ReadRssi,
    Subscribe,
    Write,
    WriteMode,
)
from gattkeeper.world.radio_rules import AnswerError, AttOpcode, Match, Moment, Rule
from gattkeeper.world.radio_rules import Disconnect as BreakLink
from gattkeeper.world.virtual_device import VirtualCharacteristic, VirtualService
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import SECOND, TICKS, VALUE, ConnectionLog, connected
from link_contract.bumble_bench import ADAPTER, bumble_bench
from link_contract.checks_operation import at, refusal

WRITE = Write(target=at(VALUE), payload=b"x")


def test_an_att_time_out_leaves_the_write_open_and_closes_the_bearer():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            await bench.silence_responses()
            started_at = asyncio.get_running_loop().time()
            writing = asyncio.create_task(connection.perform(WRITE))
            await asyncio.wait((writing,))
            fault = writing.exception().fault
            assert (fault.kind, fault.ran) == (FaultKind.TIMED_OUT, Ran.MAYBE)
            assert asyncio.get_running_loop().time() - started_at == pytest.approx(30.0)
            await bench.heal()
            fault = await refusal(connection, WRITE)
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.LINK_LOST, Ran.NO, "request_abandoned")

    run_virtual(main())


def test_a_second_operation_at_once_is_refused():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            first = asyncio.create_task(connection.perform(WRITE))
            await asyncio.sleep(0)
            fault = await refusal(connection, Read(target=at(SECOND)))
            assert (fault.kind, fault.ran) == (FaultKind.BUSY, Ran.NO)
            await first
            assert await connection.perform(Read(target=at(SECOND))) == b"second"

    run_virtual(main())


@pytest.mark.parametrize("reason", [0x08, 0x13, 0x16, 0x22])
def test_the_end_keeps_the_devices_reason(reason):
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            bench.radio.rules.append(Rule(Match(moment=Moment.TO_DEVICE), BreakLink(reason=reason)))
            fault = await refusal(connection, WRITE)
            assert (fault.kind, fault.ran, fault.code) == (FaultKind.LINK_LOST, Ran.MAYBE, reason)
            assert [each.code for each in log.losses] == [reason]

    run_virtual(main())


def test_our_own_disconnection_is_terminated_by_the_local_host():
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            await connection.perform(Disconnect())
            assert [(each.kind, each.code) for each in log.losses] == [(FaultKind.LINK_LOST, 0x16)]

    run_virtual(main())


def test_disconnecting_twice_at_once_waits_for_one_end():
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            first = asyncio.create_task(connection.disconnect())
            await asyncio.sleep(0)
            await connection.disconnect()
            assert not bench.device.is_connected
            await first
            assert [each.code for each in log.losses] == [0x16]

    run_virtual(main())


def test_an_adapter_that_does_not_disconnect_is_given_up():
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            await bench.silence_responses()
            writing = asyncio.create_task(refusal(connection, WRITE))
            await bench.until_asked()
            bench.radio.silence_adapter(ADAPTER)
            async with asyncio.timeout(DISCONNECT_S + 0.1):
                await connection.disconnect()
            assert [each.kind for each in log.losses] == [FaultKind.WEDGED]
            assert (await writing).ran is Ran.MAYBE

    run_virtual(main())


def test_a_connection_that_ends_before_it_looks_after_its_table_never_does():
    async def main():
        async with bumble_bench() as bench:
            await (await connected(bench))[0].disconnect()
            connection, log = await connected(bench)  # the table is known: it is looked at later
            assert connection._unwatched
            await connection.disconnect()
            await asyncio.sleep(2 * FIRST_COMMAND_S)
            assert connection._tending is None
            assert len(log.losses) == 1

    run_virtual(main())


def test_a_cancelled_disconnect_is_an_end_as_well():
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            disconnecting = asyncio.create_task(connection.disconnect())
            await asyncio.sleep(0)
            disconnecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await disconnecting
            assert len(log.losses) == 1
            await bench.until_disconnected()

    run_virtual(main())


def test_a_task_that_was_cancelled_before_still_learns_of_a_lost_link():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            await bench.silence_responses()

            async def write_in_clean_up():
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    return await refusal(connection, WRITE)

            writing = asyncio.create_task(write_in_clean_up())
            await asyncio.sleep(0)
            writing.cancel()
            await bench.until_asked()
            await bench.lose_link()
            assert (await writing).kind is FaultKind.LINK_LOST

    run_virtual(main())


def test_a_payload_without_response_that_does_not_fit_says_which_mtu_it_needs():
    async def main():
        async with bumble_bench() as bench:
            match = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.EXCHANGE_MTU_REQUEST)
            bench.radio.rules.append(Rule(match, AnswerError(code=0x06)))
            connection, _ = await connected(bench)
            write = Write(target=at(VALUE), payload=bytes(21), mode=WriteMode.WITHOUT_RESPONSE)
            fault = await refusal(connection, write)
            assert (fault.kind, fault.ran) == (FaultKind.UNSUPPORTED, Ran.NO)
            assert "needs an ATT_MTU of 24; 23 is in force: with response it may be longer" in fault.text

    run_virtual(main())


def test_a_long_value_is_read_whole():
    async def main():
        async with bumble_bench() as bench:
            match = Match(moment=Moment.TO_DEVICE, opcode=AttOpcode.EXCHANGE_MTU_REQUEST)
            bench.radio.rules.append(Rule(match, AnswerError(code=0x06)))
            connection, _ = await connected(bench)
            bench.device.characteristic(VALUE).value = bytes(range(100))
            assert await connection.perform(Read(target=at(VALUE))) == bytes(range(100))

    run_virtual(main())


def test_a_new_discovery_replaces_what_was_known():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            assert await connection.perform(Read(target=at(SECOND))) == b"second"
            (service, other) = bench.device.services
            turned = VirtualService(service.uuid, service.characteristics[::-1])
            bench.radio.change_services(bench.device, (other, turned))
            assert await connection.perform(DiscoverServices()) == connection.services
            assert await connection.perform(Read(target=at(SECOND))) == b"second"

    run_virtual(main())


def test_pairing_opens_what_needs_encryption():
    async def main():
        async with bumble_bench() as bench:
            secret = VirtualCharacteristic("2a00", Property.READ, b"secret", encrypted=True)
            bench.radio.change_services(bench.device, (VirtualService("fe51", (secret,)),))
            connection, _ = await connected(bench)
            target = at("00002a00-0000-1000-8000-00805f9b34fb", "0000fe51-0000-1000-8000-00805f9b34fb")
            fault = await refusal(connection, Read(target=target))
            assert (fault.kind, fault.code) == (FaultKind.NEEDS_PAIRING, 0x0F)
            assert await connection.perform(Pair()) is None
            assert await connection.perform(Read(target=target)) == b"secret"

    run_virtual(main())


def test_signal_strength_and_descriptors_are_read():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            assert -127 <= await connection.perform(ReadRssi()) < 20
            cccd = ReadDescriptor(target=at(TICKS), descriptor="00002902-0000-1000-8000-00805f9b34fb")
            assert await connection.perform(cccd) == b"\x00\x00"
            await connection.perform(Subscribe(target=at(TICKS)))
            assert await connection.perform(cccd) == b"\x01\x00"

    run_virtual(main())


def test_a_query_to_the_adapter_passes_a_pending_request_and_an_abandoned_one():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            assert bench.link.traits.aside == {"read_rssi", "read_phy"}
            await bench.silence_responses()
            writing = asyncio.create_task(connection.perform(WRITE))
            await bench.until_asked()
            assert await connection.perform(ReadRssi()) < 0
            assert not writing.done()
            writing.cancel()
            await asyncio.wait((writing,))
            assert await connection.perform(ReadPhy())

    run_virtual(main())


def test_our_own_pairing_is_told_of_from_its_beginning_to_its_end():
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            await connection.perform(Pair())
            assert log.pairings == [True, False]
            await connection.perform(Pair())  # there is a bond: nobody pairs
            assert log.pairings == [True, False]

    run_virtual(main())


def test_a_pairing_that_fails_is_over_as_well(monkeypatch):
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            hosted = bench.radio._devices["bench"]._bumble
            delegate = PairingDelegate()
            monkeypatch.setattr(delegate, "accept", _never)
            hosted.pairing_config_factory = lambda _connection: PairingConfig(delegate=delegate)
            fault = await refusal(connection, Pair())
            assert fault.kind is FaultKind.PAIRING_FAILED
            assert log.pairings == [True, False]

    run_virtual(main())


async def _never() -> bool:
    return False


def test_a_pairing_that_began_before_the_owner_has_the_connection_is_told_of_then():
    async def main():
        async with bumble_bench() as bench:
            log = ConnectionLog()
            connecting = asyncio.create_task(bench.link.connect(bench.address, log))
            await bench.until_connected()
            (made,) = bench.link._adapter._connections
            made._connection.emit(made._connection.EVENT_PAIRING_START)
            await connecting
            assert log.pairings == [True]
            made._connection.emit(made._connection.EVENT_PAIRING, None)
            assert log.pairings == [True, False]
            await bench.lose_link()
            await log.until_lost()
            made._connection.emit(made._connection.EVENT_PAIRING_START)
            assert log.pairings == [True, False], "nobody pairs on a connection that is down"

    run_virtual(main())
