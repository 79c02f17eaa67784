"""On the channel of the Security Manager nothing outlives its pairing, and no device begins one by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from bumble import smp
from bumble.core import ProtocolError

from gattkeeper.errors import LinkError
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.operation import Pair, Read
from gattkeeper.runtime.ports import LinkConnection
from gattkeeper.world.virtual_time import run_virtual
from link_contract.bench import VALUE, ConnectionLog, Panel, connected
from link_contract.bumble_bench import BumbleBench, bumble_bench
from link_contract.checks_operation import at, refusal
from link_contract.checks_pairing import Person

READ = Read(target=at(VALUE))

Story = Callable[[BumbleBench, Any, ConnectionLog], Awaitable[None]]


def tell(story: Story) -> None:
    async def main() -> None:
        async with bumble_bench() as bench:
            connection, log = await connected(bench)
            await story(bench, connection, log)

    run_virtual(main())


def other_end(bench: BumbleBench) -> Any:
    """The device's own connection, as its Bumble has it."""
    (device,) = bench.radio._devices.values()
    return next(iter(device._bumble.connections.values()))


def send(bench: BumbleBench, pdu: bytes) -> None:
    other_end(bench).send_l2cap_pdu(smp.SMP_CID, pdu)


async def settled(connection: LinkConnection) -> None:
    """What was sent before has arrived: nothing overtakes on a connection."""
    await connection.perform(READ)


async def asked_for_the_passkey(
    bench: BumbleBench, connection: Any, log: ConnectionLog
) -> tuple[Person, asyncio.Task[Any]]:
    """A pairing under way, and a person who thinks."""
    await bench.panel(Panel.SHOWS, asyncio.get_running_loop().create_future())
    log.agent = person = Person()
    person.may_answer.clear()
    pairing = asyncio.create_task(connection.perform(Pair()))
    await person.thinks.wait()
    return person, pairing


def test_a_second_pairing_on_the_same_connection_is_as_good_as_a_first():
    async def story(_bench: BumbleBench, connection: Any, log: ConnectionLog) -> None:
        log.agent = Person(says=None)
        for _ in range(2):
            assert (await refusal(connection, Pair())).name == "declined"
        log.agent = Person()
        async with asyncio.timeout(5):
            await connection.perform(Pair())
        assert connection._connection.is_encrypted

    tell(story)


def test_what_comes_after_a_failed_pairing_is_nobodys():
    async def story(bench: BumbleBench, connection: Any, log: ConnectionLog) -> None:
        log.agent = person = Person(says=None)
        await refusal(connection, Pair())
        asked = list(person.asked)
        send(bench, bytes(smp.SMP_Pairing_Random_Command(random_value=bytes(16))))
        await settled(connection)
        assert person.asked == asked
        assert connection._connection.device.smp_manager.sessions == {}

    tell(story)


def test_a_command_that_nobody_knows_yet_is_nothing_to_a_pairing():
    async def story(bench: BumbleBench, connection: Any, log: ConnectionLog) -> None:
        person, pairing = await asked_for_the_passkey(bench, connection, log)
        send(bench, b"\x7f")
        await asyncio.sleep(1)
        person.may_answer.set()
        await pairing

    tell(story)


NO_POINT = bytes(smp.SMP_Pairing_Public_Key_Command(public_key_x=bytes(32), public_key_y=bytes(32)))


@pytest.mark.parametrize("pdu", [b"\x02", NO_POINT], ids=["cut short", "not on the curve"])
def test_what_makes_no_sense_ends_the_pairing_and_its_question(pdu: bytes):
    async def story(bench: BumbleBench, connection: Any, log: ConnectionLog) -> None:
        person, pairing = await asked_for_the_passkey(bench, connection, log)
        send(bench, pdu)
        with pytest.raises(LinkError) as caught:
            async with asyncio.timeout(5):
                await pairing
        assert caught.value.fault.kind is FaultKind.PAIRING_FAILED
        assert person.interrupted.is_set()

    tell(story)


def test_a_device_cannot_begin_a_pairing():
    async def story(bench: BumbleBench, connection: Any, _log: ConnectionLog) -> None:
        manager = connection._connection.device.smp_manager
        with pytest.raises(ProtocolError, match="COMMAND_NOT_SUPPORTED"):
            await other_end(bench).pair()
        assert manager.sessions == {}
        send(bench, b"\x01")  # nor with half of a request
        await settled(connection)
        assert manager.sessions == {}

    tell(story)


def test_a_security_request_gets_the_bond_that_there_is():
    async def story(bench: BumbleBench, connection: Any, _log: ConnectionLog) -> None:
        await connection.perform(Pair())
        await connection.disconnect()
        connection, _ = await connected(bench)
        assert not connection._connection.is_encrypted
        encrypted = asyncio.Event()
        connection._connection.on("connection_encryption_change", encrypted.set)
        other_end(bench).request_pairing()
        async with asyncio.timeout(5):
            await encrypted.wait()
        await connection.perform(READ)

    tell(story)


def test_a_security_request_makes_no_bond():
    async def story(bench: BumbleBench, connection: Any, _log: ConnectionLog) -> None:
        other_end(bench).request_pairing()
        await settled(connection)
        assert await connection._connection.device.keystore.get_all() == []
        assert not connection._connection.is_encrypted

    tell(story)


def test_a_security_request_beside_a_pairing_changes_nothing():
    async def story(bench: BumbleBench, connection: Any, log: ConnectionLog) -> None:
        log.agent = person = Person()
        person.may_answer.clear()
        pairing = asyncio.create_task(connection.perform(Pair()))
        await person.thinks.wait()
        other_end(bench).request_pairing()
        person.may_answer.set()
        await pairing
        assert connection._connection.is_encrypted
        assert log.losses == []

    tell(story)
