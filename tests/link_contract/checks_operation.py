"""The link contract for operations on a healthy connection: what goes in comes out, and what cannot be is refused.

Knows benches and ports only.
"""

import asyncio
from typing import get_args

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX, CharacteristicRef, find_characteristics
from gattkeeper.model.operation import (
    Connect,
    Disconnect,
    DiscoverServices,
    Operation,
    Pair,
    Read,
    ReadDescriptor,
    ReadPhy,
    ReadRssi,
    RequestConnectionParameters,
    RequestMtu,
    SetPhy,
    Subscribe,
    Unpair,
    Unsubscribe,
    Write,
    WriteDescriptor,
    WriteMode,
    kind_of,
)
from gattkeeper.runtime.ports import LinkConnection
from link_contract.bench import (
    ALARM,
    CONSTANT,
    LAYOUT,
    LIMIT_S,
    MISSING,
    OTHER_SERVICE,
    SECOND,
    SERVICE,
    TICKS,
    TWIN,
    VALUE,
    LinkBench,
    connected,
    need,
)


def at(uuid: str, service: str = "") -> CharacteristicRef:
    return CharacteristicRef(uuid=uuid, service=service)


async def refusal(connection: LinkConnection, operation: Operation) -> Fault:
    """The fault of an operation that must fail."""
    with pytest.raises(LinkError) as caught:
        async with asyncio.timeout(LIMIT_S):
            await connection.perform(operation)
    return caught.value.fault


async def check_services_are_those_of_the_device(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    for service_uuid, laid_out in LAYOUT.items():
        (service,) = [each for each in connection.services if each.uuid == service_uuid]
        assert [each.uuid for each in service.characteristics] == [each.uuid for each in laid_out]
        for found, wanted in zip(service.characteristics, laid_out, strict=True):
            assert found.service == service_uuid
            assert found.properties & 0x3E == wanted.properties.value
    handles = [each.handle for service in connection.services for each in service.characteristics]
    assert len(set(handles)) == len(handles)
    assert connection.att_mtu >= 23


async def check_a_read_brings_the_value(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    assert await connection.perform(Read(target=at(VALUE))) == b"first"
    assert await connection.perform(Read(target=at(TWIN, OTHER_SERVICE))) == b"twin of the other service"
    (constant,) = find_characteristics(connection.services, at(CONSTANT))
    assert await connection.perform(Read(target=CharacteristicRef(handle=constant.handle))) == b"constant"


async def check_writes_reach_the_device_exactly_and_in_order(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    payloads = [bytes([number, 0x00, 0xFF]) for number in range(4)]
    for payload in payloads:
        assert await connection.perform(Write(target=at(VALUE), payload=payload)) is None
    assert bench.applied() == [(VALUE, payload) for payload in payloads]
    assert await connection.perform(Read(target=at(VALUE))) == payloads[-1]


async def check_a_write_without_response_reaches_the_device(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    write = Write(target=at(SECOND), payload=b"\x01\x02", mode=WriteMode.WITHOUT_RESPONSE)
    assert await connection.perform(write) is None
    await bench.until_applied(1)
    assert bench.applied() == [(SECOND, b"\x01\x02")]


async def check_a_full_payload_fits(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    payload = bytes(range(min(connection.att_mtu - 3, 255)))
    await connection.perform(Write(target=at(VALUE), payload=payload))
    assert bench.applied() == [(VALUE, payload)]


async def check_a_payload_is_never_cut_short(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    payload = b"x" * (max(connection.att_mtu - 3, ATTRIBUTE_LENGTH_MAX) + 1)
    for mode in WriteMode:
        fault = await refusal(connection, Write(target=at(VALUE), payload=payload, mode=mode))
        assert fault.ran in (Ran.NO, Ran.REFUSED)
    assert bench.applied() == []


async def check_a_long_value_is_written_and_read_back_whole(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    for length in (connection.att_mtu - 2, ATTRIBUTE_LENGTH_MAX - 1, ATTRIBUTE_LENGTH_MAX):
        payload = bytes(number % 251 for number in range(min(length, ATTRIBUTE_LENGTH_MAX)))
        assert await connection.perform(Write(target=at(VALUE), payload=payload)) is None
        assert bench.applied()[-1] == (VALUE, payload)
        assert await connection.perform(Read(target=at(VALUE))) == payload
    assert len(bench.applied()) == 3, "each of them at once"


async def check_a_long_payload_without_response_is_refused(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    payload = b"x" * (connection.att_mtu - 2)
    write = Write(target=at(VALUE), payload=payload, mode=WriteMode.WITHOUT_RESPONSE)
    fault = await refusal(connection, write)
    assert fault.ran is Ran.NO
    assert str(len(payload)) in fault.text
    assert bench.applied() == []


async def check_notifications_arrive_from_the_first_on_and_in_order(bench: LinkBench) -> None:
    connection, log = await connected(bench)
    await connection.perform(Subscribe(target=at(TICKS)))
    for number in range(8):
        await bench.notify(TICKS, bytes([number]))
    for number in range(8):
        assert await log.next_notification() == (TICKS, bytes([number]))


async def check_indications_arrive(bench: LinkBench) -> None:
    connection, log = await connected(bench)
    await connection.perform(Subscribe(target=at(ALARM)))
    await bench.notify(ALARM, b"fire")
    assert await log.next_notification() == (ALARM, b"fire")


async def check_subscribing_twice_brings_each_value_once(bench: LinkBench) -> None:
    connection, log = await connected(bench)
    await connection.perform(Subscribe(target=at(TICKS)))
    await connection.perform(Subscribe(target=at(TICKS)))
    await bench.notify(TICKS, b"1")
    await bench.notify(TICKS, b"2")
    assert [await log.next_notification() for _ in range(2)] == [(TICKS, b"1"), (TICKS, b"2")]
    assert log.notifications.empty()


async def check_unsubscribing_ends_notifications(bench: LinkBench) -> None:
    connection, log = await connected(bench)
    for uuid in (TICKS, ALARM):
        await connection.perform(Subscribe(target=at(uuid)))
    await connection.perform(Unsubscribe(target=at(TICKS)))
    await bench.notify(TICKS, b"unheard")
    await bench.notify(ALARM, b"heard")
    assert await log.next_notification() == (ALARM, b"heard")
    assert log.notifications.empty()


async def check_a_target_that_is_not_there_is_refused(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    for target in (at(MISSING), at(ALARM, OTHER_SERVICE), CharacteristicRef(handle=0xFFFE)):
        fault = await refusal(connection, Write(target=target, payload=b"x"))
        assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "no_such_characteristic")
    assert VALUE in fault.text  # what there is instead
    assert bench.applied() == []


async def check_an_ambiguous_target_is_refused(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    fault = await refusal(connection, Read(target=at(TWIN)))
    assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "ambiguous")
    assert SERVICE in fault.text
    assert OTHER_SERVICE in fault.text


async def check_a_property_that_is_not_there_is_refused(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    for operation in (
        Write(target=at(CONSTANT), payload=b"x"),
        Write(target=at(CONSTANT), payload=b"x", mode=WriteMode.WITHOUT_RESPONSE),
        Subscribe(target=at(VALUE)),
    ):
        fault = await refusal(connection, operation)
        assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "property")
    assert bench.applied() == []


async def check_the_devices_refusal_keeps_its_number(bench: LinkBench) -> None:
    need(bench, "att_error")
    connection, log = await connected(bench)
    for code, kind in ((0x05, FaultKind.NEEDS_PAIRING), (0x0D, FaultKind.REJECTED), (0x81, FaultKind.REJECTED)):
        await bench.att_error(code)
        fault = await refusal(connection, Write(target=at(VALUE), payload=b"x"))
        assert (fault.kind, fault.ran, fault.code) == (kind, Ran.REFUSED, code)
    await bench.heal()
    assert await connection.perform(Read(target=at(VALUE))) == b"first"
    assert log.losses == []


async def check_traits_tell_the_truth(bench: LinkBench) -> None:
    samples: tuple[Operation, ...] = (
        Connect(),
        Read(target=at(VALUE)),
        Write(target=at(VALUE), payload=b"x"),
        ReadDescriptor(target=at(TICKS), descriptor="00002901-0000-1000-8000-00805f9b34fb"),
        WriteDescriptor(target=at(TICKS), descriptor="00002901-0000-1000-8000-00805f9b34fb", payload=b"x"),
        Subscribe(target=at(TICKS)),
        Unsubscribe(target=at(TICKS)),
        RequestMtu(),
        ReadRssi(),
        DiscoverServices(),
        ReadPhy(),
        SetPhy(),
        RequestConnectionParameters(interval_min_us=30_000, interval_max_us=50_000),
        Pair(),
        Unpair(),
        Disconnect(),
    )
    assert {type(each) for each in samples} == set(get_args(Operation))
    connection, _ = await connected(bench)
    for operation in samples:
        try:
            async with asyncio.timeout(LIMIT_S):
                await connection.perform(operation)
        except LinkError as error:
            unsupported = error.fault.kind is FaultKind.UNSUPPORTED
            assert unsupported == (kind_of(operation) not in bench.link.traits.operations), error
            assert not unsupported or error.fault.ran is Ran.NO
        else:
            assert kind_of(operation) in bench.link.traits.operations


async def check_discovery_brings_the_same_table_again(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    before = connection.services
    assert await connection.perform(DiscoverServices()) == before
    assert connection.services == before


async def check_the_answer_to_request_mtu_is_the_mtu_in_force(bench: LinkBench) -> None:
    connection, _ = await connected(bench)
    assert await connection.perform(RequestMtu()) == connection.att_mtu
