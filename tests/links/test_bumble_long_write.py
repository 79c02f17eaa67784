"""Long values over Bumble: part by part, all or nothing, and the truth about what was executed."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.links.fault_tables.hci import hci_lost_fault
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.operation import Read, Write, WriteDescriptor, WriteMode
from gattkeeper.world import (
    AnswerError,
    AttOpcode,
    Delay,
    Disconnect,
    Drop,
    Garble,
    Match,
    Moment,
    Rule,
    run_virtual,
)
from link_contract.bench import CONSTANT, SECOND, TICKS, VALUE, connected
from link_contract.bumble_bench import ATT_MTU, bumble_bench
from link_contract.checks_operation import at, refusal

PAYLOAD = bytes(number % 251 for number in range(300))
LONG = Write(target=at(VALUE), payload=PAYLOAD)
PARTS = 4  # of 95 bytes

PREPARE, PREPARED = AttOpcode.PREPARE_WRITE_REQUEST, AttOpcode.PREPARE_WRITE_RESPONSE
EXECUTE, EXECUTED = AttOpcode.EXECUTE_WRITE_REQUEST, AttOpcode.EXECUTE_WRITE_RESPONSE


@asynccontextmanager
async def scene():
    async with bumble_bench() as bench:
        connection, log = await connected(bench)
        yield bench, connection, log


def on(bench, opcode, action, **match):
    """What happens to a PDU: with even opcodes a request, with odd ones a response."""
    moment = Moment.FROM_DEVICE if opcode % 2 else Moment.TO_DEVICE
    rule = Rule(Match(moment=moment, opcode=opcode, **match), action)
    bench.radio.rules.append(rule)
    return rule


def count(bench, opcode):
    """A rule that never fires, and has seen the PDUs of its opcode."""
    return on(bench, opcode, Drop(), times=0)


async def still_of_use(bench, connection):
    """The device keeps no part of what failed: the next value is written as it is."""
    bench.radio.rules.clear()
    await connection.perform(Write(target=at(VALUE), payload=PAYLOAD[::-1]))
    assert bench.applied() == [(VALUE, PAYLOAD[::-1])]


def test_a_long_value_goes_in_parts_and_is_executed_once():
    async def main():
        async with scene() as (bench, connection, _):
            plain, parts, executions = (count(bench, each) for each in (AttOpcode.WRITE_REQUEST, PREPARE, EXECUTE))
            await connection.perform(Write(target=at(VALUE), payload=PAYLOAD[: ATT_MTU - 3]))
            assert (plain.seen, parts.seen, executions.seen) == (1, 0, 0)
            await connection.perform(Write(target=at(VALUE), payload=PAYLOAD[: ATT_MTU - 2]))
            assert (plain.seen, parts.seen, executions.seen) == (1, 2, 1)
            await connection.perform(LONG)
            assert (plain.seen, parts.seen, executions.seen) == (1, 2 + PARTS, 2)
            assert bench.applied()[-1] == (VALUE, PAYLOAD)

    run_virtual(main())


def test_a_long_value_is_read_in_parts():
    async def main():
        async with scene() as (bench, connection, _):
            blobs = count(bench, AttOpcode.READ_BLOB_REQUEST)
            for length, requests in ((ATT_MTU - 2, 0), (ATT_MTU - 1, 1), (2 * ATT_MTU - 3, 1), (300, 3)):
                bench.device.characteristic(VALUE).value = PAYLOAD[:length]
                blobs.seen = 0
                assert await connection.perform(Read(target=at(VALUE))) == PAYLOAD[:length]
                assert blobs.seen == requests

    run_virtual(main())


def test_a_long_descriptor_goes_in_parts_too():
    async def main():
        async with scene() as (bench, connection, _):
            parts, executions = count(bench, PREPARE), count(bench, EXECUTE)
            cccd = "00002902-0000-1000-8000-00805f9b34fb"
            await connection.perform(WriteDescriptor(target=at(TICKS), descriptor=cccd, payload=PAYLOAD))
            assert (parts.seen, executions.seen) == (PARTS, 1)

    run_virtual(main())


@pytest.mark.parametrize("index", [1, 3, 5, -1], ids=["handle", "offset", "first byte", "last byte"])
@pytest.mark.parametrize("part", range(1, PARTS + 1))
def test_an_echo_that_differs_is_given_up_and_nothing_is_executed(part, index):
    async def main():
        async with scene() as (bench, connection, log):
            on(bench, PREPARED, Garble(index=index), first=part, times=1)
            parts, executions = count(bench, PREPARE), count(bench, EXECUTE)
            fault = await refusal(connection, LONG)
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "echo_differs")
            assert f"at byte {95 * (part - 1)} of 300; nothing was written" in fault.text
            assert (parts.seen, executions.seen) == (part, 1), "no further part, and one Execute, which cancels"
            assert bench.applied() == []
            await still_of_use(bench, connection)
            assert log.losses == []

    run_virtual(main())


@pytest.mark.parametrize("part", range(1, PARTS + 1))
@pytest.mark.parametrize(("code", "kind"), [(0x09, FaultKind.TRANSIENT), (0x0E, FaultKind.BUSY)])
def test_a_part_that_is_refused_leaves_nothing_behind(part, code, kind):
    async def main():
        async with scene() as (bench, connection, log):
            on(bench, PREPARE, AnswerError(code=code), first=part, times=1)
            executions = count(bench, EXECUTE)
            fault = await refusal(connection, LONG)
            assert (fault.kind, fault.ran, fault.code) == (kind, Ran.REFUSED, code)
            assert fault.text.endswith(f"at byte {95 * (part - 1)} of 300; nothing was written")
            assert executions.seen == (part > 1), "there is nothing to cancel before the first part"
            await still_of_use(bench, connection)
            assert log.losses == []

    run_virtual(main())


@pytest.mark.parametrize(("opcode", "part"), [(PREPARE, 2), (PREPARED, 1), (PREPARED, PARTS)])
def test_a_link_that_is_lost_before_the_execution_executed_nothing(opcode, part):
    async def main():
        async with scene() as (bench, connection, log):
            on(bench, opcode, Disconnect(), first=part)
            fault = await refusal(connection, LONG)
            assert (fault.kind, fault.ran, fault.code) == (FaultKind.LINK_LOST, Ran.NO, 0x08)
            await log.until_lost()
            assert bench.applied() == []

    run_virtual(main())


@pytest.mark.parametrize(("opcode", "applied"), [(EXECUTE, 0), (EXECUTED, 1)])
def test_a_link_that_is_lost_at_the_execution_leaves_it_open(opcode, applied):
    async def main():
        async with scene() as (bench, connection, _):
            on(bench, opcode, Disconnect())
            fault = await refusal(connection, LONG)
            assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.MAYBE)
            assert len(bench.applied()) == applied

    run_virtual(main())


@pytest.mark.parametrize(
    ("code", "ran"), [(0x07, Ran.REFUSED), (0x0D, Ran.REFUSED), (0x80, Ran.MAYBE), (0x12, Ran.MAYBE)]
)
def test_an_execution_that_is_refused_says_whether_it_is_clear_what_it_left(code, ran):
    async def main():
        async with scene() as (bench, connection, _):
            on(bench, EXECUTE, AnswerError(code=code))
            fault = await refusal(connection, LONG)
            assert (fault.ran, fault.code) == (ran, code)

    run_virtual(main())


@pytest.mark.parametrize(
    ("opcode", "ran", "applied"),
    [(PREPARE, Ran.NO, 0), (PREPARED, Ran.NO, 0), (EXECUTE, Ran.MAYBE, 0), (EXECUTED, Ran.MAYBE, 1)],
)
def test_an_answer_that_never_comes_leaves_the_bearer_without_use(opcode, ran, applied):
    async def main():
        async with scene() as (bench, connection, _):
            on(bench, opcode, Drop(), times=1)
            with pytest.raises(LinkError) as caught:  # after the 30 s of an ATT transaction
                await connection.perform(LONG)
            assert (caught.value.fault.kind, caught.value.fault.ran) == (FaultKind.TIMED_OUT, ran)
            assert len(bench.applied()) == applied
            fault = await refusal(connection, LONG)
            assert (fault.kind, fault.name) == (FaultKind.LINK_LOST, "request_abandoned")

    run_virtual(main())


@pytest.mark.parametrize("lost", [Drop(), AnswerError(code=0x06)], ids=["unanswered", "refused"])
def test_parts_that_could_not_be_taken_back_leave_the_bearer_without_use(lost):
    async def main():
        async with scene() as (bench, connection, _):
            on(bench, PREPARED, Garble(), times=1)
            on(bench, EXECUTE, lost, times=1)
            with pytest.raises(LinkError) as caught:
                await connection.perform(LONG)
            assert caught.value.fault.ran is Ran.NO
            fault = await refusal(connection, LONG)
            assert (fault.kind, fault.name) == (FaultKind.LINK_LOST, "request_abandoned")
            assert bench.applied() == []
            await connection.disconnect()
            connection, _ = await connected(bench)
            await still_of_use(bench, connection)

    run_virtual(main())


def test_a_cancel_between_the_parts_executes_nothing_and_ends_the_use_of_the_bearer():
    async def main():
        async with scene() as (bench, connection, _):
            rule = on(bench, PREPARED, Delay(seconds=1), first=2)
            writing = asyncio.create_task(connection.perform(LONG))
            while not rule.fired:
                await asyncio.sleep(0.01)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            fault = await refusal(connection, LONG)
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.LINK_LOST, Ran.NO, "request_abandoned")
            await connection.disconnect()
            connection, _ = await connected(bench)
            await still_of_use(bench, connection)

    run_virtual(main())


def test_nothing_of_ours_comes_between_the_parts_but_what_needs_no_answer():
    async def main():
        async with scene() as (bench, connection, _):
            writing = asyncio.create_task(connection.perform(LONG))
            await asyncio.sleep(0.1)
            fault = await refusal(connection, Read(target=at(SECOND)))
            assert (fault.kind, fault.ran) == (FaultKind.BUSY, Ran.NO)
            stop = Write(target=at(SECOND), payload=b"stop", mode=WriteMode.WITHOUT_RESPONSE)
            await connection.perform(stop)
            await writing
            assert bench.applied() == [(SECOND, b"stop"), (VALUE, PAYLOAD)]

    run_virtual(main())


def test_a_connection_that_ends_between_two_parts_is_not_asked_for_the_next():
    async def main():
        async with scene() as (bench, connection, _):
            parts = count(bench, PREPARE)
            ask = connection._gatt.send_request

            async def ask_and_end(request):
                answer = await ask(request)
                connection.end(hci_lost_fault(0x08))
                return answer

            connection._gatt.send_request = ask_and_end
            fault = await refusal(connection, LONG)
            assert (fault.kind, fault.ran) == (FaultKind.LINK_LOST, Ran.NO)
            assert parts.seen == 1

    run_virtual(main())


def test_what_cannot_be_written_is_not_prepared():
    async def main():
        async with scene() as (bench, connection, _):
            parts = count(bench, PREPARE)
            fault = await refusal(connection, Write(target=at(CONSTANT), payload=PAYLOAD))
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "property")
            fault = await refusal(connection, Write(target=at(VALUE), payload=bytes(513)))
            assert (fault.kind, fault.ran) == (FaultKind.REJECTED, Ran.NO)
            assert "513 bytes: 512 is the most" in fault.text
            assert parts.seen == 0

    run_virtual(main())
