"""An adapter that cannot be had at the start keeps nobody else waiting, and works by itself once it is there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from gattkeeper.errors import LinkError, SettingsError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.command import Command
from gattkeeper.model.fault import FaultKind
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Read
from gattkeeper.model.outcome import Cause, Verdict
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.patient_link import TRY_AGAIN_S, OnAdapter, patient
from gattkeeper.runtime.ports import DeviceRules, Link
from gattkeeper.world import SimulatedLink, run_virtual
from link_contract.bench import ConnectionLog
from runtime.house import Watch, nothing_left
from sim.scene import COUNTER, Book, device

READ = Read(target=characteristic_ref(COUNTER))


class Late:
    """A link whose adapter may be missing; for the rest the simulated one."""

    def __init__(self, link: SimulatedLink) -> None:
        self._link = link
        self.missing = ""  # why it cannot be opened; empty: it is there
        self.tries = 0
        self.closed = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._link, name)

    async def open(self, on_adapter: OnAdapter) -> None:
        self.tries += 1
        if self.missing:
            raise SettingsError(self.missing)
        await self._link.open(on_adapter)

    async def close(self) -> None:
        self.closed += 1
        await self._link.close()


class Pair:
    """`lamp` on the adapter `here`, `door` on the adapter `there`."""

    def __init__(self) -> None:
        self.lamp, self.door = device("lamp", 1), device("door", 2)
        self.here, self.there = (Late(SimulatedLink([one], name=one.name)) for one in (self.lamp, self.door))
        self.links = patient({"here": self.here, "there": self.there})
        self.watch = Watch()
        self.keeper = Keeper(
            links=self.links,
            book=Book(
                {
                    "lamp": DeviceRules(address=self.lamp.address, adapter="here"),
                    "door": DeviceRules(address=self.door.address, adapter="there"),
                }
            ),
            observers=(self.watch,),
        )

    def up(self) -> dict[str, bool]:
        return {one.name: one.up for one in self.keeper.status().adapters}


def live(story: Callable[[Pair], Awaitable[None]]) -> None:
    async def run() -> None:
        pair = Pair()
        try:
            await story(pair)
        finally:
            await pair.keeper.close()
        await nothing_left()

    run_virtual(run())


def test_the_others_are_served_and_it_works_by_itself_once_it_is_there(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def story(pair: Pair) -> None:
        pair.there.missing = "no adapter hci1; plug it in"
        await pair.keeper.start()
        await asyncio.sleep(0)
        assert pair.up() == {"here": True, "there": False}
        read = await pair.keeper.submit(Command(device="lamp", operation=READ))
        waits = await pair.keeper.submit(Command(device="door", operation=READ))
        assert (await read.wait()).verdict is Verdict.DELIVERED
        await asyncio.sleep(2 * TRY_AGAIN_S)
        pair.there.missing = ""
        assert (await waits.wait(TRY_AGAIN_S + 1)).verdict is Verdict.DELIVERED
        assert pair.up() == {"here": True, "there": True}
        assert pair.there.tries == 4

    live(story)
    said = [record.getMessage() for record in caplog.records if "adapter there" in record.getMessage()]
    assert said == [
        "adapter there cannot be used, and is tried again every 5 s: no adapter hci1; plug it in",
        "adapter there is there now (door)",
    ]


def test_what_comes_while_it_is_missing_ends_by_its_deadline_with_the_reason() -> None:
    async def story(pair: Pair) -> None:
        pair.there.missing = "no adapter hci1; plug it in"
        await pair.keeper.start()
        read = await pair.keeper.submit(Command(device="door", operation=READ, deadline_us=2_000_000))
        outcome = await read.wait()
        assert (outcome.verdict, outcome.cause) == (Verdict.NOT_DELIVERED, Cause.EXPIRED)
        assert outcome.fault is not None
        assert outcome.fault.kind is FaultKind.ADAPTER_GONE
        assert "no adapter hci1; plug it in" in outcome.fault.text

    live(story)


def test_without_any_adapter_the_start_is_refused_and_every_reason_is_told() -> None:
    async def story(pair: Pair) -> None:
        pair.here.missing, pair.there.missing = "no bus; start it", "no adapter hci1; plug it in"
        with pytest.raises(SettingsError) as caught:
            await pair.keeper.start()
        assert str(caught.value) == "no adapter can be used:\nno bus; start it\nno adapter hci1; plug it in"
        tries = pair.here.tries
        await asyncio.sleep(3 * TRY_AGAIN_S)
        assert pair.here.tries == tries, "it is still tried"

    live(story)


def test_another_reason_is_told_and_nothing_can_be_asked_of_it_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    async def story(pair: Pair) -> None:
        link = pair.links["there"]
        pair.there.missing = "no bus; start it"
        await pair.keeper.start()
        pair.there.missing = "no adapter hci1; plug it in"
        await asyncio.sleep(2 * TRY_AGAIN_S)
        for asked in (
            link.connect(pair.door.address, ConnectionLog()),
            link.recover(Rung.POWER_CYCLE, pair.door.address),
            anext(link.scan(1.0)),
        ):
            with pytest.raises(LinkError, match="no adapter hci1"):
                await asked

    live(story)
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == [
        "no bus; start it",
        "no adapter hci1; plug it in",
    ]


def test_what_was_never_opened_is_not_closed() -> None:
    pairs: list[Pair] = []

    async def story(pair: Pair) -> None:
        pairs.append(pair)
        pair.there.missing = "no bus; start it"
        await pair.keeper.start()

    live(story)
    assert [link.closed for link in (pairs[0].here, pairs[0].there)] == [1, 0]


def test_a_scan_goes_through() -> None:
    async def story(pair: Pair) -> None:
        await pair.keeper.start()
        assert [sighting.name async for sighting in pair.links["here"].scan(0.2)][:1] == ["lamp"]
        await pair.links["here"].recover(Rung.POWER_CYCLE, pair.lamp.address)

    live(story)


def test_a_single_adapter_has_to_be_there_at_once() -> None:
    link: Link = SimulatedLink([])
    assert patient({"only": link}) == {"only": link}
