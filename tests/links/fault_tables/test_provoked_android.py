"""Each row of Android's table, brought about: on a simulated link that has Android's habits."""

import asyncio
from collections.abc import Awaitable

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.links.fault_tables.android import android_connect_fault, android_fault, android_lost_fault
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read
from gattkeeper.world import (
    Android,
    Fail,
    LinkMatch,
    LinkMoment,
    LinkRule,
    Overlap,
    PersonalLink,
    SimulatedLink,
    Statuses,
    run_virtual,
)
from link_contract.bench import ConnectionLog
from links.fault_tables.rows import FaultRow, rows_of
from sim.scene import COUNTER, device

STATUSES = Statuses(connecting=android_connect_fault, lost=android_lost_fault, other=android_fault)


class Phone:
    """An Android phone, and one lamp in its reach."""

    def __init__(self) -> None:
        self.lamp = device("lamp")
        self.radio = SimulatedLink([self.lamp])
        self.link = PersonalLink(self.radio, Android(Overlap.RETURNS_FALSE, STATUSES))
        self.log = ConnectionLog()

    def fails(self, moment: LinkMoment, status: int, stack: str) -> None:
        """What is done at this moment ends with the number, whatever it means there."""
        fault = Fault(kind=FaultKind.UNLISTED, ran=Ran.MAYBE, stack=stack, code=status)
        self.radio.rules.append(LinkRule(LinkMatch(moment=moment), Fail(fault=fault)))


async def fault_of(work: Awaitable[object]) -> Fault:
    with pytest.raises(LinkError) as caught:
        await work
    return caught.value.fault


def is_row(fault: Fault, row: FaultRow) -> bool:
    return (fault.stack, fault.code, fault.kind, fault.ran) == ("android", row.code, row.kind, row.ran)


@pytest.mark.parametrize("row", rows_of("Android, connecting"), ids=lambda row: row.said)
def test_an_attempt_ends_with_it(row: FaultRow) -> None:
    async def story() -> None:
        phone = Phone()
        await phone.link.open(lambda _up, _fault: None)
        phone.fails(LinkMoment.CONNECT, row.code, "hci")
        assert is_row(await fault_of(phone.link.connect(phone.lamp.address, phone.log)), row)

    run_virtual(story())


@pytest.mark.parametrize("row", rows_of("Android, connected"), ids=lambda row: row.said)
def test_a_connection_ends_with_it(row: FaultRow) -> None:
    async def story() -> None:
        phone = Phone()
        await phone.link.open(lambda _up, _fault: None)
        await phone.link.connect(phone.lamp.address, phone.log)
        phone.radio.lose("lamp", Fault(kind=FaultKind.LINK_LOST, stack="hci", code=row.code))
        await asyncio.sleep(0.1)
        assert is_row(await phone.log.until_lost(), row)

    run_virtual(story())


@pytest.mark.parametrize("row", rows_of("Android, any other callback"), ids=lambda row: row.said)
def test_an_operation_ends_with_it(row: FaultRow) -> None:
    async def story() -> None:
        phone = Phone()
        await phone.link.open(lambda _up, _fault: None)
        connection = await phone.link.connect(phone.lamp.address, phone.log)
        phone.fails(LinkMoment.OPERATION, row.code, "att")
        assert is_row(await fault_of(connection.perform(Read(target=characteristic_ref(COUNTER)))), row)

    run_virtual(story())
