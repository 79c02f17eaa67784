"""Adapters are opened in their order, told to the core as they are, and let go of whatever happens."""

import pytest

from gattkeeper.core import events
from gattkeeper.errors import SettingsError
from gattkeeper.model.adapter import Rung, Serialization
from gattkeeper.model.fault import Fault, FaultKind, Ran
from gattkeeper.runtime.adapters import SLOTS, Adapters, AdapterUse
from gattkeeper.runtime.ways import Ways
from gattkeeper.world import SimulatedLink, run_virtual

GONE = Fault(kind=FaultKind.ADAPTER_GONE, ran=Ran.NO, stack="test")


class Refusing(SimulatedLink):
    async def open(self, on_adapter: object) -> None:
        raise SettingsError("there is no such adapter: plug it in")


class Bench:
    def __init__(self, links: dict[str, SimulatedLink], **use: object) -> None:
        self.fed: list[events.Event] = []
        ways = Ways(links, self.fed.append)
        self.adapters = Adapters(links, AdapterUse(**use), ways, feed=self.fed.append, jitter=lambda: 0.25)


def test_the_core_is_told_what_each_adapter_is_and_how_it_is_used() -> None:
    async def story() -> None:
        links = {
            "hall": SimulatedLink([], bypass=True, rungs=(Rung.POWER_CYCLE,)),
            "attic": SimulatedLink([], rungs=(Rung.POWER_CYCLE,)),
        }
        bench = Bench(
            links, slots={"hall": 2}, serialization={"hall": Serialization.ADAPTER}, recovery={"attic": False}
        )
        await bench.adapters.open()
        hall, attic = bench.fed
        assert (hall.adapter, hall.slots, hall.serialization, hall.bypass) == (
            "hall",
            2,
            Serialization.ADAPTER,
            True,
        )
        assert (attic.adapter, attic.slots, attic.serialization) == ("attic", SLOTS, Serialization.AUTO)
        assert (hall.rungs, attic.rungs) == ((Rung.POWER_CYCLE,), ())
        await bench.adapters.close()

    run_virtual(story())


def test_news_of_an_adapter_reach_the_core_with_dice() -> None:
    async def story() -> None:
        hall = SimulatedLink([])
        bench = Bench({"hall": hall})
        await bench.adapters.open()
        hall.adapter_down(GONE)
        hall.adapter_up()
        assert bench.fed[1:] == [
            events.AdapterDown(adapter="hall", fault=GONE, jitter=0.25),
            events.AdapterUp(adapter="hall"),
        ]
        await bench.adapters.close()

    run_virtual(story())


def test_one_that_cannot_be_had_lets_the_others_go_and_says_why() -> None:
    async def story() -> None:
        hall = SimulatedLink([])
        bench = Bench({"hall": hall, "attic": Refusing([])})
        with pytest.raises(SettingsError, match="plug it in"):
            await bench.adapters.open()
        hall.adapter_down(GONE)
        assert len(bench.fed) == 1, "it is closed: nobody listens to it any more"

    run_virtual(story())
