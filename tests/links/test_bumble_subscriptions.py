"""Subscriptions over Bumble: each in the way that was asked for, and none that the device refused."""

from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import Property
from gattkeeper.model.operation import (
    Read,
    ReadDescriptor,
    Subscribe,
    SubscriptionKind,
    Unsubscribe,
)
from gattkeeper.world.virtual_device import VirtualCharacteristic, VirtualService
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import TICKS, VALUE, connected
from link_contract.bumble_bench import bumble_bench
from link_contract.checks_operation import at, refusal


def test_values_nobody_subscribed_to_are_dropped():
    async def main():
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            await connection.perform(Subscribe(target=at(TICKS)))
            subscribed = connection.services
            handle = next(c.handle for s in subscribed for c in s.characteristics if c.uuid == TICKS)
            connection._gatt.notification_subscribers.pop(handle)
            await bench.notify(TICKS, b"unheard")
            assert await connection.perform(Read(target=at(VALUE))) == b"first"
            assert log.notifications.empty()

    run_virtual(main())


def test_a_refused_subscription_is_none():
    async def main():
        async with bumble_bench() as bench:
            connection, _ = await connected(bench)
            await bench.att_error(0x05)
            fault = await refusal(connection, Subscribe(target=at(TICKS)))
            assert fault.kind is FaultKind.NEEDS_PAIRING
            assert connection._gatt.notification_subscribers == {}

    run_virtual(main())


def test_the_kind_that_is_asked_for_is_enabled_and_kept():
    async def main():
        async with bumble_bench() as bench:
            both = VirtualCharacteristic("2a01", Property.NOTIFY | Property.INDICATE)
            bench.radio.change_services(bench.device, (VirtualService("fe51", (both,)),))
            connection, _ = await connected(bench)
            target = at("00002a01-0000-1000-8000-00805f9b34fb", "0000fe51-0000-1000-8000-00805f9b34fb")
            cccd = ReadDescriptor(target=target, descriptor="00002902-0000-1000-8000-00805f9b34fb")
            for kind, other, enabled in (
                (SubscriptionKind.INDICATE, SubscriptionKind.NOTIFY, b"\x02\x00"),
                (SubscriptionKind.NOTIFY, SubscriptionKind.INDICATE, b"\x01\x00"),
            ):
                for each in (kind, kind, SubscriptionKind.EITHER):
                    await connection.perform(Subscribe(target=target, kind=each))
                    assert await connection.perform(cccd) == enabled
                fault = await refusal(connection, Subscribe(target=target, kind=other))
                assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "subscription_kind")
                assert await connection.perform(cccd) == enabled, "the first subscriber keeps what it has"
                await connection.perform(Unsubscribe(target=target))

    run_virtual(main())
