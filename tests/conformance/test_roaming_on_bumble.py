"""Two adapters on a virtual radio, a complete stack each: pulled, put back, and the keys that stay with one."""

import asyncio
from pathlib import Path

from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import VirtualRadio, run_virtual
from runtime.house import nothing_left
from sim.scene import CLOSED, COUNTER, WRITABLE, Book, device

HALL, ATTIC = "C0:00:00:00:00:01", "C0:00:00:00:00:02"


class Pair:
    """`lamp` in reach of two adapters; `folder` holds their keys."""

    def __init__(self, folder: Path) -> None:
        self.radio = VirtualRadio()
        self.lamp = device("lamp", 1)
        self.folder = folder
        self.keeper = self.new_keeper()

    def new_keeper(self) -> Keeper:
        rules = DeviceRules(address=self.lamp.address, adapter="hall", others=("attic",), linger_us=0)
        return Keeper(
            links={
                name: BumbleLink(self.radio.adapter(address), name=name, bonds=self.folder / "bonds.json")
                for name, address in (("hall", HALL), ("attic", ATTIC))
            },
            book=Book({"lamp": rules}),
        )

    def used(self) -> str:
        return self.keeper.status().devices[0].adapter

    async def until_idle(self) -> None:
        while self.keeper.status().devices[0].connection != "disconnected":
            await asyncio.sleep(0.01)


def live(story, folder: Path) -> None:
    async def run() -> None:
        pair = Pair(folder)
        await pair.radio.add(pair.lamp)
        await pair.keeper.start()
        try:
            await story(pair)
        finally:
            await pair.keeper.close()
            await pair.radio.close()
        await nothing_left()

    run_virtual(run())


def test_a_pulled_adapter_hands_over_and_takes_back(tmp_path):
    async def story(pair: Pair) -> None:
        lamp = pair.keeper.device("lamp")
        await lamp.write(WRITABLE, b"1")
        assert pair.used() == "hall"
        await pair.until_idle()
        pair.radio.unplug_adapter(HALL)
        await lamp.write(WRITABLE, b"2")
        assert pair.used() == "attic"
        await pair.until_idle()
        pair.radio.plug_adapter(HALL)
        while not pair.keeper.status().adapters[0].up:
            await asyncio.sleep(0.1)
        await lamp.write(WRITABLE, b"3")
        assert pair.used() == "hall"
        assert [one.payload for one in pair.lamp.applied] == [b"1", b"2", b"3"]
        assert pair.lamp.held == 1

    live(story, tmp_path)


def test_reads_that_wait_go_on_by_the_other_adapter(tmp_path):
    async def story(pair: Pair) -> None:
        lamp = pair.keeper.device("lamp")
        await lamp.connect()
        reads = [asyncio.create_task(lamp.read(COUNTER)) for _ in range(20)]
        while not reads[3].done():
            await asyncio.sleep(0.01)
        pair.radio.unplug_adapter(HALL)
        ends = await asyncio.gather(*reads, return_exceptions=True)
        assert sum(isinstance(end, BaseException) for end in ends) <= 1, "the one in flight at most"
        assert pair.used() == "attic"

    live(story, tmp_path)


def test_a_paired_device_stays_with_the_adapter_that_has_its_keys_also_after_a_restart(tmp_path):
    async def story(pair: Pair) -> None:
        pair.radio.unplug_adapter(HALL)
        lamp = pair.keeper.device("lamp")
        await lamp.pair()
        await lamp.write(CLOSED, b"1")
        await pair.until_idle()
        pair.radio.plug_adapter(HALL)
        while not pair.keeper.status().adapters[0].up:
            await asyncio.sleep(0.1)
        await lamp.read(COUNTER)
        assert pair.used() == "attic"
        await pair.keeper.close()
        pair.keeper = pair.new_keeper()
        await pair.keeper.start()
        await pair.keeper.device("lamp").read(COUNTER)
        assert pair.used() == "attic"

    live(story, tmp_path)
