"""A platform in front of the simulated link: what is passed on, what is renamed, what is kept to itself."""

import asyncio

import pytest
from simulated_owner import Heard, fault_of

from gattkeeper.errors import LinkError
from gattkeeper.links.fault_tables.android import android_connect_fault, android_fault, android_lost_fault
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.identity import parse_address
from gattkeeper.model.operation import Subscribe
from gattkeeper.model.outcome import Phase
from gattkeeper.world import (
    Android,
    CoreBluetooth,
    Fail,
    LinkMatch,
    LinkMoment,
    LinkRule,
    LoseLink,
    Overlap,
    PersonalLink,
    SimulatedLink,
    Statuses,
    run_virtual,
)
from sim.scene import PUSHED, device

STATUSES = Statuses(connecting=android_connect_fault, lost=android_lost_fault, other=android_fault)
SILENT = Fault(kind=FaultKind.LINK_LOST, ran=Ran.MAYBE, stack="simulated", code=0x08)


class Platform:
    """One lamp behind a platform."""

    def __init__(self, personality, **settings) -> None:
        self.lamp = device("lamp")
        self.simulated = SimulatedLink([self.lamp], **settings)
        self.personality = personality
        self.link = PersonalLink(self.simulated, personality)
        self.heard = Heard()
        self.adapter = []

    async def connect(self):
        await self.link.open(lambda up, fault: self.adapter.append((up, fault)))
        return await self.link.connect(self.lamp.address, self.heard)

    def rule(self, moment, action, **match):
        self.simulated.rules.append(LinkRule(LinkMatch(moment=moment, **match), action))


def android(overlap=Overlap.RETURNS_FALSE):
    return Android(overlap, STATUSES)


PLATFORMS = pytest.mark.parametrize("make", [android, CoreBluetooth], ids=["android", "core_bluetooth"])


@PLATFORMS
def test_phases_notifications_news_pairings_scans_and_adapters_are_passed_on(make):
    async def story() -> None:
        platform = Platform(make())
        connection = await platform.connect()
        assert platform.heard.phases == [Phase.SCAN, Phase.CONNECTED, Phase.DISCOVERED]
        assert (platform.link.name, platform.link.traits) == ("simulated", platform.simulated.traits)
        assert (connection.att_mtu, len(connection.services)) == (23, 1)
        await connection.perform(Subscribe(target=characteristic_ref(PUSHED)))
        platform.lamp.notify(platform.lamp.characteristic(PUSHED), b"\x07")
        platform.simulated.pair("lamp", under_way=True)
        await asyncio.sleep(0.1)
        assert (platform.heard.payloads, platform.heard.pairings) == ([b"\x07"], [True])
        platform.simulated.change_mtu("lamp", 100)
        assert (platform.heard.news, connection.att_mtu) == ([(100, None)], 100)
        platform.simulated.adapter_down()
        assert [up for up, _ in platform.adapter] == [False]
        platform.simulated.adapter_up()
        await asyncio.sleep(0.1)
        assert [sighting.name async for sighting in platform.link.scan(0.05)] == ["lamp"]
        await platform.link.close()

    run_virtual(story())


@PLATFORMS
def test_an_adapter_that_is_off_is_told_as_such(make):
    async def story() -> None:
        platform = Platform(make())
        platform.simulated.adapter_down()
        assert (await fault_of(platform.connect())).kind is FaultKind.ADAPTER_GONE

    run_virtual(story())


def test_the_same_number_means_another_thing_in_another_callback():
    async def story() -> None:
        platform = Platform(android())
        connection = await platform.connect()
        platform.rule(
            LinkMoment.OPERATION, Fail(fault=Fault(kind=FaultKind.REJECTED, ran=Ran.REFUSED, stack="att", code=8))
        )
        refused = await fault_of(connection.perform(Subscribe(target=characteristic_ref(PUSHED))))
        assert (refused.kind, refused.name, refused.code) == (FaultKind.REJECTED, "insufficient_authorization", 8)
        platform.simulated.lose("lamp", SILENT)
        await asyncio.sleep(0.1)
        (lost,) = platform.heard.faults
        assert (lost.kind, lost.stack, lost.code) == (FaultKind.LINK_LOST, "android", 8)

    run_virtual(story())


def test_android_gives_a_number_to_every_attempt_that_fails():
    async def story() -> None:
        platform = Platform(android())
        nobody = parse_address("F0:00:00:00:00:99")
        with pytest.raises(LinkError) as failed:
            await platform.link.connect(nobody, platform.heard)
        assert (failed.value.fault.code, failed.value.fault.ran) == (133, Ran.NO)
        platform.rule(
            LinkMoment.CONNECT, Fail(fault=Fault(kind=FaultKind.TRANSIENT, ran=Ran.NO, stack="hci", code=0x3E))
        )
        assert (await fault_of(platform.connect())).code == 0x3E

    run_virtual(story())


def test_an_attempt_of_core_bluetooth_goes_on_until_somebody_ends_it():
    async def story() -> None:
        platform = Platform(CoreBluetooth())
        attempt = asyncio.ensure_future(platform.link.connect(parse_address("F0:00:00:00:00:99"), platform.heard))
        await asyncio.sleep(3600)
        assert not attempt.done()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        platform.rule(
            LinkMoment.CONNECT, Fail(fault=Fault(kind=FaultKind.TRANSIENT, ran=Ran.NO, stack="hci")), times=2
        )
        assert (await platform.connect()).att_mtu == 23, "it comes up when the device can be reached"
        platform.rule(LinkMoment.CONNECT, Fail(fault=Fault(kind=FaultKind.NEEDS_PAIRING, ran=Ran.NO, stack="x")))
        platform.simulated.lose("lamp", SILENT)
        assert (await fault_of(platform.connect())).kind is FaultKind.NEEDS_PAIRING

    run_virtual(story())


@pytest.mark.parametrize(("reason", "code"), [(0x08, 6), (0x13, 7), (0x3E, None), (None, None)])
def test_core_bluetooth_numbers_two_reasons_only(reason, code):
    lost = CoreBluetooth().lost_fault(
        Fault(kind=FaultKind.LINK_LOST, ran=Ran.MAYBE, stack="simulated", code=reason)
    )
    assert (lost.stack, lost.code) == ("core_bluetooth", code)


@PLATFORMS
def test_a_connection_that_is_lost_before_it_is_handed_over_is_heard_of(make):
    async def story() -> None:
        platform = Platform(make())
        platform.rule(LinkMoment.CONNECT, LoseLink(fault=SILENT), times=1)
        await platform.connect()
        await asyncio.sleep(0.1)
        assert len(platform.heard.faults) == 1

    run_virtual(story())
