"""Tables of attributes are discovered whole, in few requests, or refused with the place where they make no sense."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bumble import att
from bumble.core import UUID

from gattkeeper.errors import LinkError
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import CharacteristicRef, Property, characteristic_ref, normal_uuid
from gattkeeper.model.operation import Read
from gattkeeper.world import (
    AnswerError,
    Drop,
    Match,
    Moment,
    Replace,
    Rule,
    VirtualCharacteristic,
    VirtualDevice,
    VirtualRadio,
    VirtualService,
    run_virtual,
)
from link_contract.bench import ConnectionLog
from sim.scene import COUNTER, device

READ = Read(target=characteristic_ref(COUNTER))
SERVICES, BY_TYPE, INFORMATION = 0x11, 0x09, 0x05
DISCOVERY = (0x04, 0x08, 0x10)  # the three requests
LONG = "f0c0{:04x}-8f2b-4b5e-9d3c-6a1e5d2c7b00"
CCCD = normal_uuid("2902")


class Scene:
    """A link, the device in question, and another one on the same adapter."""

    def __init__(self, odd: VirtualDevice) -> None:
        self.radio = VirtualRadio()
        self.odd, self.other = odd, device("door", 2)
        self.link = BumbleLink(self.radio.adapter("C0:00:00:00:00:01"), name="virtual")

    async def connecting_fails(self) -> Fault:
        """With this fault, within a second; and the other device is served."""
        with pytest.raises(LinkError) as refused:
            async with asyncio.timeout(1.0):
                await self.link.connect(self.odd.address, ConnectionLog())
        connection = await self.link.connect(self.other.address, ConnectionLog())
        assert await connection.perform(READ) == b"\0\0\0\1"
        return refused.value.fault

    def answers(self, opcode: int, pdu: str) -> None:
        match = Match(moment=Moment.FROM_DEVICE, device=self.odd.name, opcode=opcode)
        self.radio.rules.append(Rule(match, Replace(pdu=bytes.fromhex(pdu))))


@asynccontextmanager
async def scene(odd: VirtualDevice | None = None) -> AsyncIterator[Scene]:
    made = Scene(odd or device("lamp", 1))
    await made.radio.add(made.odd)
    await made.radio.add(made.other)
    await made.link.open(lambda _up, _fault: None)
    try:
        yield made
    finally:
        await made.link.close()
        await made.radio.close()


MALFORMED = {
    "services that never advance": (SERVICES, "11 06 0100 0100 0018", "0x0001 to 0x0001, where 0x0002 is next"),
    "a service at handle 0": (SERVICES, "11 06 0000 0100 0018", "0x0000 to 0x0001"),
    "a service that ends before it begins": (SERVICES, "11 06 1000 0900 0018", "0x0010 to 0x0009"),
    "services that overlap": (SERVICES, "11 06 0100 1000 0018 0800 2000 0118", "0x0008 to 0x0020"),
    "services out of order": (SERVICES, "11 06 1000 2000 0018 0100 0900 0118", "0x0001 to 0x0009"),
    "a service with a UUID of 3 bytes": (SERVICES, "11 07 0100 0500 aabbcc", "a UUID of 3 bytes at 0x0001"),
    "a service without a UUID": (SERVICES, "11 04 0100 0500", "a UUID of 0 bytes at 0x0001"),
    "services of length 0": (SERVICES, "11 00 0100 0500", "an answer without an attribute from 0x0001 on"),
    "no services in an answer": (SERVICES, "11 06", "an answer without an attribute from 0x0001 on"),
    "a declaration without anything": (BY_TYPE, "09 02 0200", "a declaration of 0 bytes at 0x0002"),
    "declarations of length 0": (BY_TYPE, "09 00", "an answer without an attribute"),
    "a characteristic with a UUID of 3 bytes": (BY_TYPE, "09 08 0200 02 0300 aabbcc", "a UUID of 3 bytes"),
    "a value before its declaration": (BY_TYPE, "09 07 0200 02 0100 002a", "at 0x0002 with its value at 0x0001"),
    "a value on its declaration": (BY_TYPE, "09 07 0200 02 0200 002a", "at 0x0002 with its value at 0x0002"),
    "a value in another service": (BY_TYPE, "09 07 0200 02 ff00 002a", "at 0x0002 with its value at 0x00ff"),
    "characteristics that never advance": (
        BY_TYPE,
        "09 07 0200 02 0300 002a",
        "at 0x0002 with its value at 0x0003",
    ),
    "no attributes in an answer": (INFORMATION, "05 01", "an answer without an attribute"),
    "attributes that never advance": (INFORMATION, "05 01 0000 0229", "an attribute at 0x0000"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_table_that_makes_no_sense_is_refused_with_the_place(case: str) -> None:
    opcode, pdu, words = MALFORMED[case]

    async def main() -> None:
        async with scene() as at:
            at.answers(opcode, pdu)
            fault = await at.connecting_fails()
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "malformed_table")
            assert fault.text.startswith("the device's table of attributes makes no sense: ")
            assert words in fault.text

    run_virtual(main())


@pytest.mark.parametrize("request_opcode", [0x10, 0x08, 0x04])
def test_a_device_that_refuses_discovery_is_not_taken_for_one_without_attributes(request_opcode: int) -> None:
    async def main() -> None:
        async with scene() as at:
            match = Match(moment=Moment.TO_DEVICE, device="lamp", opcode=request_opcode, first=2)
            at.radio.rules.append(Rule(match, AnswerError(code=0x0E)))
            assert (await at.connecting_fails()).code == 0x0E

    run_virtual(main())


def laid_out(uuids: list[str]) -> VirtualDevice:
    characteristics = tuple(
        VirtualCharacteristic(each, Property.READ | Property.NOTIFY, each.encode()) for each in uuids
    )
    half = len(uuids) // 2
    services = (
        VirtualService(LONG.format(0), characteristics[:half]),
        VirtualService(LONG.format(1), characteristics[half:]),
    )
    return VirtualDevice("lamp", "F0:00:00:00:00:01", services, database_hash=False)


SHORT_UUIDS = [f"{number:04x}" for number in range(0x3000, 0x312C)]
LONG_UUIDS = [LONG.format(number) for number in range(0x3000, 0x312C)]


@pytest.mark.parametrize(
    ("uuids", "requests_max"), [(SHORT_UUIDS, 30), (LONG_UUIDS, 40)], ids=["short UUIDs", "long UUIDs"]
)
def test_three_hundred_characteristics_are_all_found(uuids: list[str], requests_max: int) -> None:
    async def main() -> None:
        async with scene(laid_out(uuids)) as at:
            counting = [
                Rule(Match(moment=Moment.TO_DEVICE, opcode=each, probability=0), Drop()) for each in DISCOVERY
            ]
            at.radio.rules.extend(counting)
            connection = await at.link.connect(at.odd.address, ConnectionLog())
            found = [each for service in connection.services for each in service.characteristics]
            ours = [each for each in found if each.uuid in map(normal_uuid, uuids)]
            assert [each.uuid for each in ours] == [normal_uuid(each) for each in uuids]
            assert {tuple(descriptor.uuid for descriptor in each.descriptors) for each in ours} == {(CCCD,)}
            assert all(each.descriptors[0].handle == each.handle + 1 for each in ours)
            for number in (0, 149, 150, 299):
                target = CharacteristicRef(handle=ours[number].handle)
                assert await connection.perform(Read(target=target)) == uuids[number].encode()
            assert sum(rule.seen for rule in counting) <= requests_max

    run_virtual(main())


def test_descriptors_that_a_device_does_not_tell_by_their_type_are_asked_for_one_by_one() -> None:
    async def main() -> None:
        async with scene(laid_out(LONG_UUIDS[:40])) as at:
            server = at.radio._devices["lamp"]._bumble.gatt_server
            answer = server.on_att_read_by_type_request

            def answer_others(bearer: att.Bearer, request: att.ATT_Read_By_Type_Request) -> None:
                if request.attribute_type == UUID.from_16_bits(0x2902):
                    raise att.ATT_Error(0x05, request.starting_handle)
                answer(bearer, request)

            server.on_att_read_by_type_request = answer_others
            connection = await at.link.connect(at.odd.address, ConnectionLog())
            found = [each for service in connection.services for each in service.characteristics]
            ours = [each for each in found if each.uuid in LONG_UUIDS]
            assert [[each.uuid for each in one.descriptors] for one in ours] == [[CCCD]] * 40

    run_virtual(main())


def test_a_uuid_that_is_there_several_times_is_refused_with_its_handles_and_read_by_one() -> None:
    values = [b"one", b"two", b"three"]
    one, two, three = (VirtualCharacteristic("fe52", Property.READ, each) for each in values)
    services = (VirtualService(LONG.format(0), (one, two)), VirtualService(LONG.format(1), (three,)))
    lamp = VirtualDevice("lamp", "F0:00:00:00:00:01", services)

    async def main() -> None:
        async with scene(lamp) as at:
            connection = await at.link.connect(at.odd.address, ConnectionLog())
            with pytest.raises(LinkError) as refused:
                await connection.perform(Read(target=characteristic_ref("fe52")))
            fault = refused.value.fault
            assert (fault.kind, fault.ran, fault.name) == (FaultKind.REJECTED, Ran.NO, "ambiguous")
            found = [each for service in connection.services for each in service.characteristics]
            handles = [each.handle for each in found if each.uuid == normal_uuid("fe52")]
            assert len(handles) == 3
            assert all(f"(handle {handle:#06x})" in fault.text for handle in handles)
            by_handle = [Read(target=CharacteristicRef(handle=each)) for each in handles]
            assert [await connection.perform(each) for each in by_handle] == values

    run_virtual(main())


def test_a_device_that_answers_discovery_for_ever_costs_the_others_nothing() -> None:
    """It has a service at every handle, one in each answer: no rule is broken, and it takes half an hour."""

    async def main() -> None:
        async with scene() as at:
            at.radio.rules.append(_ServiceAtEveryHandle())
            connecting = asyncio.create_task(at.link.connect(at.odd.address, ConnectionLog()))
            await asyncio.sleep(20.0)
            assert not connecting.done()
            connecting.cancel()
            async with asyncio.timeout(1.0):
                await asyncio.gather(connecting, return_exceptions=True)
            connection = await at.link.connect(at.other.address, ConnectionLog())
            assert await connection.perform(READ) == b"\0\0\0\1"

    run_virtual(main())


class _ServiceAtEveryHandle:
    """A rule of the radio: each answer about services has one more, with one handle."""

    def __init__(self) -> None:
        self._handle = 0

    def fires(self, moment: Moment, device: str, opcode: int | None, _now: float, _dice: random.Random) -> bool:
        return moment is Moment.FROM_DEVICE and device == "lamp" and opcode in (SERVICES, 0x01)

    @property
    def action(self) -> Replace:
        self._handle += 1
        one = self._handle.to_bytes(2, "little")
        return Replace(pdu=b"\x11\x06" + one + one + b"\x00\x18")
