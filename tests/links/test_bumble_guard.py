"""What a device answers to somebody else's request, or twice, completes nothing."""

import asyncio

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read, Write
from gattkeeper.runtime.ports import LinkConnection
from gattkeeper.world import Action, AttOpcode, Duplicate, Match, Moment, Replace, Rule, VirtualRadio, run_virtual
from sim.scene import COUNTER, WRITABLE, device
from world.simulated_owner import Heard, hangs

WRITE = Write(target=characteristic_ref(WRITABLE), payload=b"x")
READ = Read(target=characteristic_ref(COUNTER))
OTHER_HANDLE = b"\x01\x12\xff\xff\x80"
OTHER_REQUEST = b"\x01\x0a\x00\x00\x80"
NO_HANDLE = b"\x01\x12\x00\x00\x80"


def answered_with(action: Action, story) -> None:
    """Run a story on a connection whose next write is answered so."""

    async def run() -> None:
        radio, lamp = VirtualRadio(), device("lamp")
        await radio.add(lamp)
        link = BumbleLink(radio.adapter("C0:00:00:00:00:01"), name="virtual")
        await link.open(lambda _up, _fault: None)
        connection = await link.connect(lamp.address, Heard())
        match = Match(moment=Moment.FROM_DEVICE, opcode=AttOpcode.WRITE_RESPONSE, times=1)
        radio.rules.append(Rule(match, action))
        await story(connection)
        await link.close()
        await radio.close()

    run_virtual(run())


@pytest.mark.parametrize("pdu", [OTHER_HANDLE, OTHER_REQUEST])
def test_an_error_for_another_request_is_not_the_answer(pdu: bytes):
    async def story(connection: LinkConnection) -> None:
        assert await hangs(connection.perform(WRITE), 10)

    answered_with(Replace(pdu=pdu), story)


def test_an_error_that_leaves_the_attribute_out_is():
    async def story(connection: LinkConnection) -> None:
        with pytest.raises(LinkError) as refused:
            await connection.perform(WRITE)
        assert refused.value.fault.kind is FaultKind.REJECTED

    answered_with(Replace(pdu=NO_HANDLE), story)


def test_a_second_answer_is_nobodys_and_disturbs_nothing():
    async def story(connection: LinkConnection) -> None:
        disturbed = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: disturbed.append(context))
        await connection.perform(WRITE)
        assert await connection.perform(READ) == b"\0\0\0\1"
        assert disturbed == []

    answered_with(Duplicate(), story)
