"""The link contract for connections: they come up whole, they end once, and nothing of them outlives their end.

Knows benches and ports only.
"""

import asyncio
from contextlib import suppress

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Read, Write, WriteMode
from gattkeeper.model.outcome import Phase
from link_contract.bench import LIMIT_S, SECOND, VALUE, ConnectionLog, LinkBench, connected, need
from link_contract.checks_operation import at, refusal


async def check_connecting_reports_its_phases_in_order(bench: LinkBench) -> None:
    _, log = await connected(bench)
    assert [phase for phase in log.phases if phase is not Phase.SCAN] == [Phase.CONNECTED, Phase.DISCOVERED]
    assert Phase.SCAN not in log.phases[1:]
    assert log.losses == []


async def check_a_broken_connection_is_lost_once(bench: LinkBench) -> None:
    need(bench, "lose_link")
    connection, log = await connected(bench)
    await bench.lose_link()
    assert (await log.until_lost()).kind is FaultKind.LINK_LOST
    await connection.disconnect()
    assert len(log.losses) == 1


async def check_disconnecting_is_lost_once_and_may_be_repeated(bench: LinkBench) -> None:
    connection, log = await connected(bench)
    async with asyncio.timeout(LIMIT_S):
        await connection.disconnect()
        await bench.until_disconnected()
    assert (await log.until_lost()).kind is FaultKind.LINK_LOST
    await connection.disconnect()
    assert len(log.losses) == 1


async def check_nothing_is_performed_after_the_end(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    await connection.disconnect()
    for operation in (
        Read(target=at(VALUE)),
        Write(target=at(VALUE), payload=b"x"),
        Write(target=at(VALUE), payload=b"x", mode=WriteMode.WITHOUT_RESPONSE),
    ):
        fault = await refusal(connection, operation)
        assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.NO)
    assert bench.applied() == []


async def check_a_second_connection_follows_a_first(bench: LinkBench) -> None:
    first, _ = await connected(bench)
    await first.disconnect()
    second, log = await connected(bench)
    assert await second.perform(Read(target=at(VALUE))) == b"first"
    await first.disconnect()
    assert await second.perform(Read(target=at(SECOND))) == b"second"
    assert log.losses == []


async def check_loss_in_flight_leaves_a_write_open(bench: LinkBench) -> None:
    need(bench, "silence_responses", "lose_link")
    connection, log = await connected(bench)
    await bench.silence_responses()
    writing = asyncio.create_task(refusal(connection, Write(target=at(VALUE), payload=b"x")))
    await bench.until_asked()
    await bench.lose_link()
    fault = await writing
    assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.MAYBE)
    await log.until_lost()
    assert len(log.losses) == 1


async def check_disconnecting_ends_what_is_in_flight(bench: LinkBench) -> None:
    need(bench, "silence_responses")
    connection, log = await connected(bench)
    await bench.silence_responses()
    writing = asyncio.create_task(refusal(connection, Write(target=at(VALUE), payload=b"x")))
    await bench.until_asked()
    async with asyncio.timeout(LIMIT_S):
        await connection.disconnect()
    fault = await writing
    assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.MAYBE)
    await log.until_lost()


async def check_a_late_answer_is_never_given_to_the_next_request(bench: LinkBench) -> None:
    need(bench, "delay_responses")
    for abandoned in (Read(target=at(VALUE)), Write(target=at(VALUE), payload=b"abandoned")):
        connection, _ = await connected(bench)
        await bench.delay_responses(bench.patience_s / 2)
        running = asyncio.create_task(connection.perform(abandoned))
        await bench.until_asked()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        for following in (Read(target=at(SECOND)), Write(target=at(SECOND), payload=b"never")):
            fault = await refusal(connection, following)
            assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.NO)
        await bench.heal()
        await connection.disconnect()
        await bench.until_disconnected()
    assert (SECOND, b"never") not in bench.applied()
    connection, _ = await connected(bench)
    assert await connection.perform(Read(target=at(SECOND))) == b"second"


async def check_a_write_without_response_overtakes_as_the_traits_say(bench: LinkBench) -> None:
    need(bench, "silence_responses")
    if not (bench.link.traits.bypass or bench.link.traits.bypass_other):
        pytest.skip("this link lets nothing overtake")
    connection, _ = await connected(bench)
    await bench.silence_responses()
    writing = asyncio.create_task(refusal(connection, Write(target=at(VALUE), payload=b"moving")))
    await bench.until_asked()
    targets = (SECOND, VALUE) if bench.link.traits.bypass else (SECOND,)
    for count, target in enumerate(targets, start=1):
        stop = Write(target=at(target), payload=b"stop", mode=WriteMode.WITHOUT_RESPONSE)
        async with asyncio.timeout(LIMIT_S):
            await connection.perform(stop)
            await bench.until_applied(1 + count)
    assert bench.applied()[1:] == [(target, b"stop") for target in targets]
    assert not writing.done()
    await connection.disconnect()
    await writing


async def check_a_write_without_response_still_goes_after_a_cancel(bench: LinkBench) -> None:
    need(bench, "silence_responses")
    if not (bench.link.traits.bypass or bench.link.traits.bypass_other):
        pytest.skip("this link lets nothing overtake")
    connection, _ = await connected(bench)
    await bench.silence_responses()
    writing = asyncio.create_task(connection.perform(Write(target=at(VALUE), payload=b"moving")))
    await bench.until_asked()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with asyncio.timeout(LIMIT_S):
        await connection.perform(Write(target=at(SECOND), payload=b"stop", mode=WriteMode.WITHOUT_RESPONSE))
        await bench.until_applied(2)
    assert bench.applied() == [(VALUE, b"moving"), (SECOND, b"stop")]


async def check_connecting_waits_for_the_device_until_it_is_cancelled(bench: LinkBench) -> None:
    need(bench, "stop_advertising")
    await bench.stop_advertising()
    log = ConnectionLog()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(bench.patience_s):
            await bench.link.connect(bench.address, log)
    await bench.heal()
    connection, _ = await connected(bench)
    assert await connection.perform(Read(target=at(VALUE))) == b"first"
    assert log.losses == []


async def check_a_cancelled_connect_leaves_no_connection_behind(bench: LinkBench) -> None:
    need(bench, "delay_responses")
    await bench.delay_responses(bench.patience_s * 10)  # it comes up, and stays in discovery
    log = ConnectionLog()
    connecting = asyncio.create_task(bench.link.connect(bench.address, log))
    await bench.until_connected()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(LIMIT_S):
            await connecting
    async with asyncio.timeout(LIMIT_S):
        await bench.until_disconnected()
    assert log.losses == []
    await bench.heal()
    connection, _ = await connected(bench)
    assert await connection.perform(Read(target=at(VALUE))) == b"first"


async def check_loss_in_discovery_fails_connecting_and_is_no_loss(bench: LinkBench) -> None:
    need(bench, "lose_link_in_discovery")
    await bench.lose_link_in_discovery()
    log = ConnectionLog()
    with pytest.raises(LinkError) as caught:
        async with asyncio.timeout(LIMIT_S):
            await bench.link.connect(bench.address, log)
    assert caught.value.fault.ran is Ran.NO
    assert log.losses == []
    await bench.heal()
    await connected(bench)


async def check_scanning_hears_the_device_and_ends(bench: LinkBench) -> None:
    async with asyncio.timeout(LIMIT_S):
        heard = {sighting.address.value async for sighting in bench.link.scan(bench.patience_s)}
    assert bench.address.value in heard
    connection, _ = await connected(bench)  # and the radio is free again
    assert await connection.perform(Read(target=at(VALUE))) == b"first"


async def check_a_scan_may_be_left_early(bench: LinkBench) -> None:
    scan = bench.link.scan(LIMIT_S)
    async with asyncio.timeout(LIMIT_S / 2):
        async for sighting in scan:
            if sighting.address.value == bench.address.value:
                break
        await scan.aclose()
    await connected(bench)


async def check_a_vanished_adapter_ends_everything_at_once(bench: LinkBench) -> None:
    need(bench, "vanish_adapter", "silence_responses")
    connection, log = await connected(bench)
    await bench.silence_responses()
    writing = asyncio.create_task(refusal(connection, Write(target=at(VALUE), payload=b"x")))
    await bench.until_asked()
    await bench.vanish_adapter()
    fault = await writing
    first = (
        FaultKind.ADAPTER_GONE,
        FaultKind.LINK_LOST,
    )  # a kernel may take its links down before the adapter goes
    assert fault.kind in first
    assert fault.ran is Ran.MAYBE
    assert (await log.until_lost()).kind in first
    assert len(log.losses) == 1
    async with asyncio.timeout(LIMIT_S):
        up, said = await bench.adapter_log.said.get()
    assert not up
    assert said is not None
    assert said.kind is FaultKind.ADAPTER_GONE
    with pytest.raises(LinkError) as caught:
        async with asyncio.timeout(LIMIT_S):
            await bench.link.connect(bench.address, ConnectionLog())
    assert (caught.value.fault.kind, caught.value.fault.ran) == (FaultKind.ADAPTER_GONE, Ran.NO)


async def check_an_adapter_that_comes_back_works_again(bench: LinkBench) -> None:
    need(bench, "vanish_adapter", "return_adapter")
    _, log = await connected(bench)
    await bench.vanish_adapter()
    await log.until_lost()
    await bench.return_adapter()
    async with asyncio.timeout(LIMIT_S):
        assert not (await bench.adapter_log.said.get())[0]
        assert await bench.adapter_log.said.get() == (True, None)
    connection, _ = await connected(bench)
    assert await connection.perform(Read(target=at(VALUE))) == b"first"


async def check_closing_the_link_loses_its_connections(bench: LinkBench) -> None:
    connection, log = await connected(bench)
    async with asyncio.timeout(LIMIT_S):
        await bench.link.close()
        await bench.until_disconnected()
    await log.until_lost()
    assert len(log.losses) == 1
    fault = await refusal(connection, Read(target=at(VALUE)))
    assert fault.ran is Ran.NO


async def check_the_adapter_works_after_each_rung_of_its_recovery(bench: LinkBench) -> None:
    for rung in bench.link.traits.rungs:
        with suppress(LinkError):  # there may be nothing for it to do
            async with asyncio.timeout(LIMIT_S):
                await bench.link.recover(rung, bench.address)
        connection, _ = await connected(bench)
        await connection.disconnect()
