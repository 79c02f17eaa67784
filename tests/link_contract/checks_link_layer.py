"""The link contract for what lies below attributes: bonds, PHYs, pace, signal strength, and the kind of a subscription.

Knows benches and ports only. Where a link does not list an operation, the check is that it refuses it.
"""

import asyncio

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import (
    Operation,
    Pair,
    Phy,
    Read,
    ReadPhy,
    ReadRssi,
    RequestConnectionParameters,
    SetPhy,
    Subscribe,
    SubscriptionKind,
    Unpair,
    kind_of,
)
from gattkeeper.model.outcome import ConnectionParameters, Phys
from gattkeeper.runtime.ports import LinkConnection
from link_contract.bench import ALARM, LIMIT_S, TICKS, VALUE, LinkBench, connected, need
from link_contract.checks_operation import at, refusal

ON_1M = Phys(tx=Phy.LE_1M, rx=Phy.LE_1M)


async def able(bench: LinkBench, connection: LinkConnection, operation: Operation) -> bool:
    """Whether the link lists the operation; one that it does not list is refused for what it is."""
    if kind_of(operation) in bench.link.traits.operations:
        return True
    fault = await refusal(connection, operation)
    assert (fault.kind, fault.ran) == (FaultKind.UNSUPPORTED, Ran.NO)
    assert fault.text, "it says why"
    return False


async def check_the_signal_strength_is_in_dbm(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    if await able(bench, connection, ReadRssi()):
        rssi_dbm = await connection.perform(ReadRssi())
        assert isinstance(rssi_dbm, int)
        assert -127 <= rssi_dbm <= 20


async def check_a_connection_starts_on_1m(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    if await able(bench, connection, ReadPhy()):
        assert await connection.perform(ReadPhy()) == ON_1M


async def check_a_phy_that_was_set_is_in_force(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    if await able(bench, connection, SetPhy()):
        for wanted in (
            SetPhy(tx=Phy.LE_2M, rx=Phy.LE_CODED),
            SetPhy(tx=Phy.LE_2M, rx=Phy.LE_CODED),
            SetPhy(tx=Phy.LE_1M, rx=Phy.LE_1M),
        ):
            agreed = await connection.perform(wanted)
            assert agreed == Phys(tx=wanted.tx, rx=wanted.rx) == await connection.perform(ReadPhy())


async def check_a_phy_nobody_cares_about_stays(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    if await able(bench, connection, SetPhy()):
        assert await connection.perform(SetPhy()) == ON_1M
        assert await connection.perform(SetPhy(tx=Phy.LE_2M)) == Phys(tx=Phy.LE_2M, rx=Phy.LE_1M)
        assert await connection.perform(SetPhy(rx=Phy.LE_2M)) == Phys(tx=Phy.LE_2M, rx=Phy.LE_2M)


async def check_the_pace_is_within_what_was_asked_for(bench: LinkBench) -> None:
    connection, log = await connected(bench)
    wanted = RequestConnectionParameters(
        interval_min_us=11_250, interval_max_us=15_000, latency=1, supervision_timeout_us=2_000_000
    )
    if await able(bench, connection, wanted):
        pace = await connection.perform(wanted)
        assert isinstance(pace, ConnectionParameters)
        assert 11_250 <= pace.interval_us <= 15_000
        assert (pace.latency, pace.supervision_timeout_us) == (1, 2_000_000)
        assert await connection.perform(Read(target=at(VALUE))) == b"first"
        assert log.losses == []


async def check_a_pace_that_nobody_can_keep_is_refused_unsent(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    too_slow = RequestConnectionParameters(interval_min_us=30_000, interval_max_us=5_000_000)
    if await able(bench, connection, too_slow):
        fault = await refusal(connection, too_slow)
        assert (fault.kind, fault.ran) == (FaultKind.REJECTED, Ran.NO)
        assert await connection.perform(Read(target=at(VALUE))) == b"first"


async def check_unpairing_answers_and_then_ends_the_connection_once(bench: LinkBench) -> None:
    connection, log = await connected(bench)
    await connection.perform(Pair())
    async with asyncio.timeout(LIMIT_S):
        if not await able(bench, connection, Unpair()):
            return
        assert await connection.perform(Unpair()) is None
        assert log.losses == [], "the owner has the answer first"
        assert (await log.until_lost()).kind is FaultKind.LINK_LOST
        await bench.until_disconnected()
    await connection.disconnect()
    assert len(log.losses) == 1
    again, _ = await connected(bench)
    assert await again.perform(Read(target=at(VALUE))) == b"first"


async def check_unpairing_a_device_without_a_bond_is_no_failure(bench: LinkBench) -> None:
    connection, log = await connected(bench)
    if await able(bench, connection, Unpair()):
        assert await connection.perform(Unpair()) is None
        await log.until_lost()


async def check_a_bond_is_forgotten_without_a_connection(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    await connection.perform(Pair())
    await connection.disconnect()
    await bench.stop_advertising()
    if not bench.link.traits.forgets:
        return
    async with asyncio.timeout(LIMIT_S):
        assert await bench.link.bonded(bench.address)
        await bench.link.forget(bench.address)
        assert not await bench.link.bonded(bench.address)
        await bench.link.forget(bench.address)  # there is nothing left to forget, and that is no failure


async def check_nothing_is_forgotten_by_an_adapter_that_is_gone(bench: LinkBench) -> None:
    need(bench, "vanish_adapter")
    if not bench.link.traits.forgets:
        return
    await bench.vanish_adapter()
    with pytest.raises(LinkError) as caught:
        async with asyncio.timeout(LIMIT_S):
            await bench.link.forget(bench.address)
    assert (caught.value.fault.kind, caught.value.fault.ran) == (FaultKind.ADAPTER_GONE, Ran.NO)


async def check_a_kind_that_the_characteristic_has_is_taken(bench: LinkBench) -> None:
    connection, log = await connected(bench)
    await connection.perform(Subscribe(target=at(TICKS), kind=SubscriptionKind.NOTIFY))
    await connection.perform(Subscribe(target=at(ALARM), kind=SubscriptionKind.INDICATE))
    for uuid in (TICKS, ALARM):
        await bench.notify(uuid, b"1")
        assert await log.next_notification() == (uuid, b"1")


async def check_a_kind_that_is_not_there_is_refused(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    for uuid, kind in ((TICKS, SubscriptionKind.INDICATE), (ALARM, SubscriptionKind.NOTIFY)):
        fault = await refusal(connection, Subscribe(target=at(uuid), kind=kind))
        assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "property")
