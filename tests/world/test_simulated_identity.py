"""Who answers to an address on a simulated link, and what that one proves."""

import asyncio

import pytest
from msgspec.structs import replace

from gattkeeper.model.fault import FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.identity import AddressKind
from gattkeeper.model.operation import Pair, Read, Write
from gattkeeper.model.security import Demand, Proof, Security, SecurityLevel
from gattkeeper.world import SeenKind, VirtualDevice
from gattkeeper.world.impostor import impostor_of
from gattkeeper.world.simulated_identity import BONDED
from sim.scene import COUNTER, WRITABLE
from world.simulated_owner import Scene, fault_of, hangs, play

ENCRYPTED = Demand(level=SecurityLevel.ENCRYPTED)
IN_HASTE = replace(ENCRYPTED, strict=False)
PROVED = Proof(proved=BONDED, recorded=BONDED)
WRITE = Write(target=characteristic_ref(WRITABLE), payload=b"x")


def faults(scene: Scene) -> list[str]:
    return [entry.fault for entry in scene.link.log.seen if entry.kind is SeenKind.FAULT]


def test_a_bond_proves_what_is_demanded_and_is_not_asked_where_nothing_is():
    async def story(scene):
        scene.link.paired.add("lamp")
        await (await scene.connect()).disconnect()
        assert scene.heard.proofs == []
        await scene.link.connect(scene.lamp.address, scene.heard, ENCRYPTED)
        assert scene.heard.proofs == [PROVED]

    play(story)


def test_without_a_bond_a_strict_demand_fails_and_one_in_haste_does_not():
    async def story(scene):
        fault = await fault_of(scene.link.connect(scene.lamp.address, scene.heard, ENCRYPTED))
        assert (fault.kind, fault.ran) == (FaultKind.INSUFFICIENT_SECURITY, Ran.NO)
        connection = await scene.link.connect(scene.lamp.address, scene.heard, IN_HASTE)
        assert scene.heard.proofs[-1] == Proof()
        await connection.perform(Pair())
        assert scene.heard.proofs[-1] == PROVED

    play(story)


def test_a_device_that_begins_to_pair_proves_more_when_it_has():
    async def story(scene):
        await scene.link.connect(scene.lamp.address, scene.heard, IN_HASTE)
        scene.link.pair("lamp", under_way=True)
        scene.link.pair("lamp", under_way=False)
        assert scene.heard.proofs[-1] == PROVED

    play(story)


@pytest.mark.parametrize("offered", [Security(), Security(level=SecurityLevel.ENCRYPTED, key_size=7)])
def test_f46_a_device_that_offers_less_than_its_bond_promises_proves_less(offered):
    async def story(scene):
        scene.link.paired.add("lamp")
        scene.link.identities.offered["lamp"] = offered
        recorded = Demand(recorded=True)
        fault = await fault_of(scene.link.connect(scene.lamp.address, scene.heard, recorded))
        assert fault.kind is FaultKind.INSUFFICIENT_SECURITY
        assert faults(scene) == ["weak"]
        scene.link.identities.offered.clear()
        await scene.link.connect(scene.lamp.address, scene.heard, recorded)
        scene.link.identities.offered["lamp"] = offered
        scene.link.prove_again("lamp")
        assert scene.heard.proofs[-1] == Proof(proved=offered, recorded=BONDED)

    play(story)


def test_f47_an_impostor_answers_and_proves_nothing():
    async def story(scene):
        scene.link.paired.add("lamp")
        impostor = scene.link.identities.impostors["lamp"] = impostor_of(scene.lamp)
        fault = await fault_of(scene.link.connect(scene.lamp.address, scene.heard, ENCRYPTED))
        assert fault.kind is FaultKind.INSUFFICIENT_SECURITY
        assert faults(scene) == ["impostor"]
        connection = await scene.link.connect(scene.lamp.address, scene.heard, IN_HASTE)
        await connection.perform(WRITE)
        assert (len(impostor.applied), len(scene.lamp.applied)) == (1, 0)
        assert not [entry for entry in scene.link.log.seen if entry.kind is SeenKind.APPLIED]

    play(story)


def test_f41_a_device_under_another_address_is_found_by_its_bond_alone():
    async def story(scene):
        scene.link.identities.renamed.add("lamp")
        assert await hangs(scene.connect())
        assert [one async for one in scene.link.scan(1)] == []
        scene.link.paired.add("lamp")
        connection = await scene.connect()
        await connection.perform(Read(target=characteristic_ref(COUNTER)))
        assert faults(scene) == ["renamed", "renamed"]

    play(story)


def test_f42_an_address_of_two_kinds_is_refused_until_its_kind_is_said():
    async def story(scene):
        lamp = scene.lamp
        twin = VirtualDevice("twin", lamp.address.value, lamp.services, kind=AddressKind.PUBLIC)
        scene.link.identities.devices.append(twin)
        fault = await fault_of(scene.link.connect(replace(lamp.address, kind=AddressKind.ANY), scene.heard))
        assert (fault.kind, fault.ran) == (FaultKind.AMBIGUOUS, Ran.NO)
        assert faults(scene) == ["ambiguous"]
        assert (await scene.link.connect(lamp.address, scene.heard)).device is lamp
        assert (await scene.link.connect(twin.address, scene.heard)).device is twin

    play(story)


def test_proving_takes_its_time():
    async def story(scene):
        scene.link.paired.add("lamp")
        loop = asyncio.get_running_loop()
        lengths = []
        for demand in (Demand(), ENCRYPTED):
            began = loop.time()
            connection = await scene.link.connect(scene.lamp.address, scene.heard, demand)
            lengths.append(loop.time() - began)
            await connection.disconnect()
        assert lengths[1] > lengths[0]

    play(story, advertising_interval_s=0.001)


def test_a_bond_is_forgotten_without_a_connection_while_the_adapter_is_on():
    async def story(scene):
        scene.link.paired.add("lamp")
        scene.link.adapter_down()
        assert (await fault_of(scene.link.forget(scene.lamp.address))).kind is FaultKind.ADAPTER_GONE
        assert await scene.link.bonded(scene.lamp.address)
        scene.link.adapter_up()
        for _ in range(2):  # nothing to forget is no failure
            await scene.link.forget(scene.lamp.address)
            assert not await scene.link.bonded(scene.lamp.address)

    play(story)
