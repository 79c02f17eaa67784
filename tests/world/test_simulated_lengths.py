"""Long values on a simulated connection: what they cost, and what is refused."""

import asyncio

import pytest
from simulated_owner import Scene, fault_of, play

from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read, RequestMtu, Write, WriteMode
from gattkeeper.world import Fail, LinkMoment, LoseLink
from sim.scene import WRITABLE

TARGET = characteristic_ref(WRITABLE)
LONG = Write(target=TARGET, payload=bytes(range(100)))
INTERVAL_S = 0.03
LOST = Fault(kind=FaultKind.LINK_LOST, stack="test", code=0x08)


@pytest.mark.parametrize(("length", "intervals"), [(20, 0), (21, 4), (36, 4), (37, 6), (512, 58)])
def test_a_long_value_takes_two_intervals_for_each_part_before_it_is_applied_whole(length, intervals):
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        before = asyncio.get_running_loop().time()
        payload = bytes(number % 251 for number in range(length))
        await connection.perform(Write(target=TARGET, payload=payload))
        took = asyncio.get_running_loop().time() - before
        assert intervals + 1 < took / INTERVAL_S <= intervals + 2.001
        assert [one.payload for one in scene.lamp.applied] == [payload]
        assert await connection.perform(Read(target=TARGET)) == payload

    play(story, connection_interval_s=INTERVAL_S)


def test_a_long_value_without_response_is_refused_and_meets_no_rule():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.rule(LinkMoment.OPERATION, Fail(fault=LOST))
        write = Write(target=TARGET, payload=bytes(21), mode=WriteMode.WITHOUT_RESPONSE)
        fault = await fault_of(connection.perform(write))
        assert (fault.kind, fault.ran) == (FaultKind.UNSUPPORTED, Ran.NO)
        assert "21 bytes needs an ATT_MTU of 24; 23 is in force" in fault.text
        assert scene.link.rules[0].seen == 0
        scene.link.rules.clear()
        await connection.perform(RequestMtu(att_mtu=24))
        await connection.perform(write)

    play(story)


@pytest.mark.parametrize(("kept", "code"), [(0, 0x06), (5, 0x09)])
def test_more_parts_than_the_device_keeps_are_refused(kept, code):
    async def story(scene: Scene) -> None:
        scene.lamp.prepared_writes_max = kept
        connection = await scene.connect()
        fault = await fault_of(connection.perform(LONG))
        assert (fault.ran, fault.code) == (Ran.REFUSED, code)
        assert scene.lamp.applied == []

    play(story)


@pytest.mark.parametrize("applied", [False, True], ids=["before the execution", "after it"])
def test_a_link_that_is_lost_leaves_all_of_a_long_value_or_nothing(applied):
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.rule(LinkMoment.OPERATION, LoseLink(fault=LOST, applied=applied))
        assert (await fault_of(connection.perform(LONG))).ran is Ran.MAYBE
        assert [one.payload for one in scene.lamp.applied] == [LONG.payload] * applied

    play(story)


def test_the_att_mtu_is_no_longer_than_the_device_takes():
    async def story(scene: Scene) -> None:
        scene.lamp.att_mtu_max = 60
        assert await (await scene.connect()).perform(RequestMtu()) == 60

    play(story)
