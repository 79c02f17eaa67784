"""Connections of a simulated link: how they come up, and how they do not."""

import asyncio

import pytest
from simulated_owner import Heard, Scene, fault_of, hangs, play

from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref, normal_uuid, table_digest
from gattkeeper.model.identity import parse_address
from gattkeeper.model.operation import Read, Subscribe, kind_of
from gattkeeper.model.outcome import Phase
from gattkeeper.world import (
    Advertised,
    Fail,
    Hang,
    LinkMatch,
    LinkMoment,
    LinkRule,
    LoseLink,
    Raise,
    SeenKind,
    SimulatedLink,
    Stubborn,
)
from gattkeeper.world.simulated_identity import AWAY
from gattkeeper.world.simulated_link import ADAPTER_OFF
from sim.scene import COUNTER, PUSHED, SERVICE, device

READ = Read(target=characteristic_ref(COUNTER))
LOST = Fault(kind=FaultKind.LINK_LOST, stack="test", code=0x3E)
CONNECT, DISCONNECT = LinkMoment.CONNECT, LinkMoment.DISCONNECT


def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_connection_comes_up_phase_by_phase():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        assert scene.heard.phases == [Phase.SCAN, Phase.CONNECTED, Phase.DISCOVERED]
        assert 0.15 < now() < 0.3
        assert await connection.perform(READ)
        assert scene.lamp.connections == 1

    play(story)


def test_the_same_seed_gives_the_same_moments_and_another_one_others():
    def moments(seed: int) -> list[float]:
        seen: list[float] = []

        async def story(scene: Scene) -> None:
            connection = await scene.connect()
            for _ in range(5):
                await connection.perform(READ)
            seen.extend(entry.at_s for entry in scene.link.log.seen)

        play(story, seed=seed)
        return seen

    assert moments(1) == moments(1) != moments(2)


def test_a_link_says_what_it_can_do():
    link = SimulatedLink([], name="mine", bypass=True)
    assert link.name == "mine"
    assert kind_of(READ) in link.traits.operations
    assert (link.traits.bypass, link.traits.bypass_other) == (True, False)


def test_an_unknown_device_is_not_found():
    async def story(scene: Scene) -> None:
        fault = await fault_of(scene.link.connect(parse_address("F0:00:00:00:00:99"), Heard()))
        assert (fault.kind, fault.ran) == (FaultKind.NOT_FOUND, Ran.NO)

    play(story)


def test_connecting_may_hang_for_ever_and_ends_when_it_is_cancelled():
    async def story(scene: Scene) -> None:
        scene.rule(CONNECT, Hang(), times=1)
        assert await hangs(scene.connect())
        await scene.connect()
        assert scene.link.log.violations == []

    play(story)


def test_connecting_may_succeed_late():
    async def story(scene: Scene) -> None:
        scene.rule(CONNECT, Hang(seconds=10))
        await scene.connect()
        assert 10 < now() < 10.5

    play(story)


def test_connecting_may_fail_or_raise_what_no_link_should():
    async def story(scene: Scene) -> None:
        scene.rule(CONNECT, Fail(fault=LOST), times=1)
        assert await fault_of(scene.connect()) == LOST
        scene.rule(CONNECT, Raise(error=KeyError))
        with pytest.raises(KeyError):
            await scene.connect()

    play(story)


def test_a_connection_may_be_lost_before_connect_returns():
    async def story(scene: Scene) -> None:
        scene.rule(CONNECT, LoseLink(fault=LOST))
        connection = await scene.connect()
        await asyncio.sleep(1)
        assert scene.heard.faults == [LOST]
        assert (await fault_of(connection.perform(READ))).ran is Ran.NO

    play(story)


def test_an_attempt_that_is_cancelled_while_it_discovers_leaves_no_connection():
    async def story(scene: Scene) -> None:
        attempt = asyncio.ensure_future(scene.connect())
        while Phase.CONNECTED not in scene.heard.phases:
            await asyncio.sleep(0.001)
        attempt.cancel()
        await asyncio.wait([attempt])
        assert scene.link.log.of("lamp")[-2].kind is SeenKind.DOWN
        await scene.connect()
        assert scene.heard.faults == []

    play(story)


def test_a_connected_device_does_not_advertise_and_is_waited_for():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        second = asyncio.ensure_future(scene.connect())
        await asyncio.sleep(5)
        assert not second.done()
        assert [one async for one in scene.link.scan(0.3)] == []
        await connection.disconnect()
        await asyncio.wait_for(second, 1)

    play(story)


def test_two_attempts_at_once_are_a_violation():
    async def story(scene: Scene) -> None:
        first, second = (asyncio.ensure_future(scene.connect()) for _ in range(2))
        await first
        second.cancel()
        await asyncio.wait([second])
        assert scene.link.log.violations == ["0.000000 s: connecting lamp and connecting lamp at once"]

    play(story)


def test_a_scan_hears_every_device_once_per_advertising_interval():
    async def story(scene: Scene) -> None:
        heard = [one async for one in scene.link.scan(1.0)]
        assert 10 <= len(heard) <= 11
        assert {(one.name, one.address, one.services) for one in heard} == {
            ("lamp", scene.lamp.address, (normal_uuid(SERVICE),))
        }

    play(story)


def test_a_scan_hears_what_a_device_advertises():
    async def story(scene: Scene) -> None:
        scene.lamp.advertised = Advertised(manufacturer_data={76: b"a"}, service_data={"b": b"c"}, tx_power_dbm=4)
        told = await anext(scene.link.scan(1.0))
        assert (told.manufacturer_data, told.service_data, told.tx_power_dbm) == ({76: b"a"}, {"b": b"c"}, 4)

    play(story)


def test_connecting_while_scanning_is_a_violation():
    async def story(scene: Scene) -> None:
        scan = scene.link.scan(1.0)
        await anext(scan)
        await scene.connect()
        await scan.aclose()
        assert scene.link.log.violations == ["0.000000 s: connecting lamp and scanning at once"]
        await scene.link.scan(0.1).aclose()

    play(story)


def test_a_lost_link_is_told_once_and_the_device_can_be_connected_again():
    async def story(scene: Scene) -> None:
        await scene.connect()
        scene.link.lose("lamp", LOST)
        scene.link.lose("lamp", LOST)
        await asyncio.sleep(1)
        assert scene.heard.faults == [LOST]
        await scene.connect()
        assert [entry.epoch for entry in scene.link.log.seen if entry.kind is SeenKind.UP] == [1, 2]

    play(story)


def test_an_adapter_that_goes_takes_connections_and_attempts_with_it_and_comes_back():
    async def story(scene: Scene) -> None:
        other = device("door", 2)
        link = scene.link = SimulatedLink([scene.lamp, other])
        await scene.connect()
        attempt = asyncio.ensure_future(fault_of(link.connect(other.address, Heard())))
        await asyncio.sleep(0)
        link.adapter_down()
        assert (await attempt).kind is FaultKind.ADAPTER_GONE
        assert (await fault_of(link.connect(other.address, Heard()))).kind is FaultKind.ADAPTER_GONE
        assert [one async for one in link.scan(0.2)] == []
        link.adapter_up()
        await link.connect(other.address, Heard())
        assert [fault.kind for fault in scene.heard.faults] == [FaultKind.ADAPTER_GONE]
        assert [up for up, _ in scene.adapter] == [False, True]

    play(story)


def test_an_adapter_that_is_off_says_so_when_it_is_opened():
    async def story(scene: Scene) -> None:
        scene.link.adapter_down()
        await scene.link.open(lambda up, fault: scene.adapter.append((up, fault)))
        await asyncio.sleep(0)
        assert [(up, fault.kind) for up, fault in scene.adapter if fault] == [(False, FaultKind.ADAPTER_GONE)]
        scene.link.adapter_up()
        assert scene.adapter[-1] == (True, None)

    play(story)


def test_closing_ends_every_connection():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        await scene.link.close()
        assert (await fault_of(connection.perform(READ))).kind is FaultKind.LINK_LOST

    play(story)


def test_disconnecting_may_hang_and_is_done_when_it_is_cancelled():
    async def story(scene: Scene) -> None:
        scene.rule(DISCONNECT, Hang())
        connection = await scene.connect()
        assert await hangs(connection.disconnect())
        assert scene.link.log.of("lamp")[-1].kind is SeenKind.DOWN

    play(story)


def test_disconnecting_may_raise_what_no_link_should():
    async def story(scene: Scene) -> None:
        scene.rule(DISCONNECT, Raise(error=OSError))
        connection = await scene.connect()
        with pytest.raises(OSError):
            await connection.disconnect()
        assert scene.link.log.of("lamp")[-1].kind is SeenKind.DOWN

    play(story)


def test_a_device_that_is_away_is_neither_heard_nor_connected_until_it_is_back():
    async def story(scene: Scene) -> None:
        scene.link.away.add("lamp")
        assert [one async for one in scene.link.scan(1.0)] == []
        attempt = asyncio.ensure_future(scene.connect())
        await asyncio.sleep(60)
        assert not attempt.done()
        scene.link.away.clear()
        await asyncio.wait_for(attempt, 1)
        assert [entry.fault for entry in scene.link.log.of("lamp") if entry.kind is SeenKind.FAULT] == [AWAY]

    play(story)


def test_a_stubborn_stack_does_not_hear_that_its_call_was_cancelled():
    async def story(scene: Scene) -> None:
        scene.rule(LinkMoment.CONNECT, Stubborn(seconds=30.0), times=1)
        attempt = asyncio.ensure_future(scene.connect())
        await asyncio.sleep(1)
        attempt.cancel()
        await asyncio.sleep(28)
        assert not attempt.done()
        connection = await attempt  # as if nobody had cancelled
        scene.rule(LinkMoment.DISCONNECT, Stubborn(seconds=30.0))
        await connection.disconnect()
        assert asyncio.get_running_loop().time() > 60
        assert connection.down is not None

    play(story)


def test_what_went_wrong_stands_in_the_log_under_the_name_of_its_rule():
    async def story(scene: Scene) -> None:
        match = LinkMatch(moment=LinkMoment.CONNECT, times=1)
        scene.link.rules.append(LinkRule(match, Hang(seconds=1.0), name="slow"))
        await scene.connect()
        (fault,) = (entry for entry in scene.link.log.seen if entry.kind is SeenKind.FAULT)
        assert (fault.device, fault.epoch, fault.fault) == ("lamp", 0, "slow")

    play(story)


def test_a_straggler_comes_when_it_was_all_over():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        await connection.perform(Subscribe(target=characteristic_ref(PUSHED)))
        scene.link.lose("lamp", ADAPTER_OFF, straggler=b"old")
        await asyncio.sleep(0.9)
        assert (scene.heard.payloads, len(scene.heard.faults)) == ([], 1)
        await asyncio.sleep(0.2)
        assert scene.heard.payloads == [b"old"]

    play(story)


def test_another_table_is_told_under_a_connection_and_found_on_the_next():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        before = connection.services
        await connection.perform(Subscribe(target=characteristic_ref(PUSHED)))
        scene.link.change_services("lamp", scene.lamp.services[::-1] * 2)
        assert connection.services != before
        assert scene.heard.news == [(None, table_digest(connection.services))]
        scene.lamp.notify(scene.lamp.characteristic(PUSHED), b"x")
        await connection.disconnect()
        scene.link.change_services("lamp", ())
        assert (await scene.link.connect(scene.lamp.address, scene.heard)).services == ()
        assert scene.heard.payloads == [], "the subscription went with its table"
        assert len(scene.heard.news) == 1

    play(story)


def test_another_att_mtu_is_told():
    async def story(scene: Scene) -> None:
        connection = await scene.connect()
        scene.link.change_mtu("lamp", 100)
        assert connection.att_mtu == 100
        assert scene.heard.news == [(100, None)]

    play(story)
