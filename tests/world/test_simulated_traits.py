"""What a simulated link may be told to be like: queries beside the bearer, no answers, devices that pair."""

import asyncio

import pytest
from simulated_owner import Scene, fault_of, play

from gattkeeper.model.adapter import Rung
from gattkeeper.model.fault import Fault, FaultKind
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import CONNECTION_PRIORITIES, Read, ReadRssi, Write
from gattkeeper.world import Fail, LinkMoment, LoseRequest, SeenKind
from sim.scene import CLOSED, COUNTER

READ = Read(target=characteristic_ref(COUNTER))
FAST = CONNECTION_PRIORITIES["high"]
BUSY = Fault(kind=FaultKind.BUSY, stack="test")
OPERATION = LinkMoment.OPERATION


def test_a_query_beside_the_bearer_overlaps_with_nothing():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        reading, asking = (asyncio.create_task(connection.perform(each)) for each in (READ, ReadRssi()))
        assert await asking == -50
        await reading
        assert scene.link.log.violations == []

    play(story, aside=frozenset({"read_rssi"}))


@pytest.mark.parametrize("action", [None, LoseRequest()], ids=["done", "never arrived"])
def test_what_is_never_answered_is_over_after_its_time_whatever_became_of_it(action):
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        if action is not None:
            scene.rule(OPERATION, action)
        started_at = asyncio.get_running_loop().time()
        assert await connection.perform(FAST) is None
        assert asyncio.get_running_loop().time() - started_at == pytest.approx(0.7)
        assert (SeenKind.APPLIED in [entry.kind for entry in scene.link.log.of("lamp")]) is (action is None)

    play(story, unanswered=frozenset({"request_connection_parameters"}), settle_s=0.7)


def test_a_refusal_of_what_is_never_answered_is_told():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.rule(OPERATION, Fail(fault=BUSY), times=1)
        assert (await fault_of(connection.perform(FAST))).kind is FaultKind.BUSY
        await asyncio.sleep(1)
        assert await connection.perform(READ), "its time was for nobody any more"

    play(story, unanswered=frozenset({"request_connection_parameters"}))


def test_a_device_that_pairs_is_told_of_and_is_paired_afterwards():
    async def story(scene: Scene) -> None:
        scene.link.pair("lamp", under_way=True)  # it is not connected: nobody to pair with
        connection = await scene.connect()
        closed = Write(target=characteristic_ref(CLOSED), payload=b"1")
        scene.link.pair("lamp", under_way=True)
        assert (await fault_of(connection.perform(closed))).kind is FaultKind.NEEDS_PAIRING
        scene.link.pair("lamp", under_way=False)
        await connection.perform(closed)
        assert scene.heard.pairings == [True, False]

    play(story)


def test_a_wedge_takes_no_connection_until_the_rung_that_cures_it():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.link.wedge(Rung.POWER_CYCLE)
        assert await connection.perform(READ), "a connection that is up goes on"
        for rung, lost in ((Rung.STOP_DISCOVERY, 0), (Rung.POWER_CYCLE, 1)):
            assert (await fault_of(scene.connect())).kind is FaultKind.WEDGED
            await scene.link.recover(rung, scene.lamp.address)
            assert len(scene.heard.faults) == lost, "only a power cycle ends what is up"
        await scene.connect()
        assert scene.link.recovered == [(Rung.STOP_DISCOVERY, "lamp"), (Rung.POWER_CYCLE, "lamp")]

    play(story, rungs=(Rung.STOP_DISCOVERY, Rung.POWER_CYCLE))


def test_a_wedge_is_over_when_it_is_said_to_be_and_the_log_tells_before_from_after_a_rung():
    async def story(scene: Scene) -> None:
        scene.link.wedge()
        await fault_of(scene.connect())
        await scene.link.recover(Rung.POWER_CYCLE, scene.lamp.address)
        await fault_of(scene.connect())
        scene.link.unwedge()
        await scene.connect()
        seen = [entry for entry in scene.link.log.seen if entry.rung or entry.fault]
        assert [entry.fault or entry.rung for entry in seen] == ["wedge", "power_cycle", "in_vain"]

    play(story, rungs=(Rung.POWER_CYCLE,))


def test_a_rung_fails_as_a_rule_says():
    async def story(scene: Scene) -> None:
        scene.rule(LinkMoment.RECOVER, Fail(fault=BUSY))
        assert await fault_of(scene.link.recover(Rung.POWER_CYCLE, scene.lamp.address)) == BUSY

    play(story)
