"""Cases about several devices on one adapter: numbers are those of the conformance list.

Knows a keeper on a simulated link, in virtual time.
"""

import asyncio

from gattkeeper.model.adapter import Serialization
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import SeenKind, SimulatedLink, run_virtual
from sim.memory_journal import MemoryJournal
from sim.scene import WRITABLE, Book, device

DEVICES, WRITES = 4, 25


def write(number: int) -> Write:
    return Write(target=characteristic_ref(WRITABLE), payload=bytes([number]))


def load(serialization: Serialization) -> float:
    """Write to every device at once: how long it took, in seconds."""

    async def story() -> float:
        devices = [device(f"device-{number}", number) for number in range(1, DEVICES + 1)]
        link = SimulatedLink(devices, name="adapter")
        book = Book({one.name: DeviceRules(address=one.address) for one in devices})
        keeper = Keeper(
            links={"adapter": link},
            book=book,
            journal=MemoryJournal(seed=1),
            serialization={"adapter": serialization},
        )
        await keeper.start()
        for one in devices:
            await keeper.device(one.name).connect()
        began = asyncio.get_running_loop().time()
        handles = [
            await keeper.submit(Command(device=one.name, operation=write(number)))
            for number in range(WRITES)
            for one in devices
        ]
        outcomes = [await handle.wait() for handle in handles]
        took = asyncio.get_running_loop().time() - began
        assert all(outcome.succeeded for outcome in outcomes)
        assert link.log.violations == [], "two under way on one device"
        for one in devices:
            applied = [seen.operation for seen in link.log.of(one.name) if seen.kind is SeenKind.APPLIED]
            assert applied == [write(number) for number in range(WRITES)]
        await keeper.close()
        return took

    return run_virtual(story())


def test_c110_where_several_may_be_under_way_on_an_adapter_more_gets_done_and_all_rules_hold() -> None:
    one_at_a_time = load(Serialization.ADAPTER)
    one_for_each_device = load(Serialization.DEVICE)
    assert one_at_a_time > 2 * one_for_each_device
