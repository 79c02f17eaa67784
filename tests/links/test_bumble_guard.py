"""What a device answers to somebody else's request, or twice, completes nothing; what makes no sense is told."""

import asyncio

import pytest
from bumble.att import ATT_CID

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read, Subscribe, Write
from gattkeeper.runtime.ports import LinkConnection
from gattkeeper.world import Action, AttOpcode, Duplicate, Match, Moment, Replace, Rule, VirtualRadio, run_virtual
from link_contract.bench import TICKS, connected
from link_contract.bumble_bench import bumble_bench
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


UNREADABLE = Replace(pdu=bytes.fromhex("01 12 05"))


def test_an_answer_that_makes_no_sense_ends_its_request_and_the_bearer():
    async def story(connection: LinkConnection) -> None:
        async with asyncio.timeout(1.0):
            with pytest.raises(LinkError) as failed:
                await connection.perform(WRITE)
        fault = failed.value.fault
        assert (fault.kind, fault.ran, fault.name) == (FaultKind.LINK_LOST, Ran.MAYBE, "malformed_answer")
        assert fault.text == "the device answered with 3 bytes that make no sense (01 12 05): disconnect first"
        with pytest.raises(LinkError) as refused:
            await connection.perform(READ)
        assert (refused.value.fault.kind, refused.value.fault.ran) == (FaultKind.LINK_LOST, Ran.NO)

    answered_with(UNREADABLE, story)


def test_an_answer_longer_than_any_is_shown_in_part():
    async def story(connection: LinkConnection) -> None:
        with pytest.raises(LinkError) as failed:
            await connection.perform(WRITE)
        assert "518 bytes that make no sense (13 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 …)" in str(
            failed.value
        )

    answered_with(Replace(pdu=b"\x13" + bytes(517)), story)


@pytest.mark.parametrize(
    "pdu",
    [
        "",
        "1b",
        "1b 05",
        "1d",
        "1d 05",
        "0b 00",
        "17 05",
        "03 17",
        "fe",
        "ff 00",
        "1e",
        "1e 00",
        "52",
        "d2 00",
        "55 01",
    ],
)
def test_what_answers_nothing_and_makes_no_sense_is_not_there(pdu: str):
    async def story(connection: LinkConnection) -> None:
        disturbed = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: disturbed.append(context))
        assert await hangs(connection.perform(WRITE), 10)
        assert disturbed == []

    answered_with(Replace(pdu=bytes.fromhex(pdu)), story)


@pytest.mark.parametrize(("pdu", "opcode"), [("12", 0x12), ("0a 05", 0x0A), ("02", 0x02), ("18", 0x18)])
def test_a_request_of_the_device_that_makes_no_sense_is_told_so(pdu: str, opcode: int):
    async def run() -> None:
        radio, lamp = VirtualRadio(), device("lamp")
        await radio.add(lamp)
        link = BumbleLink(radio.adapter("C0:00:00:00:00:01"), name="virtual")
        await link.open(lambda _up, _fault: None)
        connection = await link.connect(lamp.address, Heard())
        (at_device,) = radio._devices["lamp"]._bumble.connections.values()
        told = asyncio.get_running_loop().create_future()
        at_device.gatt_client.on_gatt_pdu = told.set_result
        at_device.send_l2cap_pdu(ATT_CID, bytes.fromhex(pdu))
        error = await asyncio.wait_for(told, 1.0)
        assert (error.request_opcode_in_error, error.error_code) == (opcode, 0x04)
        assert await connection.perform(READ) == b"\0\0\0\1"
        await link.close()
        await radio.close()

    run_virtual(run())


@pytest.mark.parametrize("payload", [b"", bytes(512)], ids=["empty", "longest"])
def test_a_notification_of_any_length_that_fits_is_heard_and_one_for_nobody_is_not(payload: bytes):
    async def run() -> None:
        async with bumble_bench(517) as bench:
            connection, log = await connected(bench)
            await connection.perform(Subscribe(target=characteristic_ref(TICKS)))
            (at_device,) = bench.radio._devices["bench"]._bumble.connections.values()
            handle = next(
                each.handle
                for service in connection.services
                for each in service.characteristics
                if each.uuid == TICKS
            )
            for number, pushed in ((0xFFFE, b"nobody's"), (handle, bytes(515)), (handle, payload)):
                notification = b"\x1b" + number.to_bytes(2, "little") + pushed
                at_device.send_l2cap_pdu(ATT_CID, notification)
            assert await log.notifications.get() == (TICKS, payload)

    run_virtual(run())
