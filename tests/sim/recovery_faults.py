"""Adapters that wedge, and what is done about them in the middle of everything: F25, F26, F27.

Knows how a recovery is brought about, and looks at what it meets. What a rung does, the link knows.
"""

import asyncio
import random
from collections import Counter

from msgspec.structs import replace

from gattkeeper.links.fault_tables.hci import hci_lost_fault
from gattkeeper.model.adapter import CUTTING
from gattkeeper.world import LateResponse, LinkMatch, LinkMoment, LinkRule
from sim import calls
from sim.stage import Stage

LOOK_S = 0.02
"""How often a recovery is looked at: less than a rung takes."""


async def f25_to_f27_wedge(stage: Stage, dice: random.Random) -> None:
    """An adapter makes no connection until something is done that helps, or whatever is done, for a while."""
    lost = dice.choice(_companions(stage) or stage.script.devices)
    adapter, link = stage.adapter_of(lost), stage.link_of(lost)
    rungs = link.traits.rungs
    _ask_everybody(stage, dice, adapter)  # so that connections are there
    await asyncio.sleep(dice.uniform(0, 3))
    link.wedge(*dice.sample(rungs, k=dice.randint(0, len(rungs))))
    link.lose(lost, hci_lost_fault(0x08))
    now_s = stage.loop.time()
    until_s = min(now_s + dice.uniform(3, 30), stage.until_s)
    slow = LinkMatch(moment=LinkMoment.OPERATION, from_s=now_s, until_s=until_s)
    link.rules.insert(0, LinkRule(slow, LateResponse(seconds=dice.choice((1.0, 4.0))), name="F3"))
    _ask_everybody(stage, dice, adapter)
    before = ""
    while stage.loop.time() < until_s:
        if dice.random() < 2 * LOOK_S:
            _ask_everybody(stage, dice, adapter)
        await asyncio.sleep(LOOK_S)
        rung = stage.recovery_of(adapter)
        if rung != before and rung in CUTTING:
            _asked_for(stage, adapter)
            if dice.random() < 0.5:
                await asyncio.sleep(dice.choice((0, 0.1, 1.0)))
                await calls.stop(stage, dice.choice(stage.book.names()))
        before = rung
    link.unwedge()


def _companions(stage: Stage) -> list[str]:
    """Devices that are not alone on an adapter that can be recovered, and need not be."""
    adapters = {name: stage.adapter_of(name) for name in stage.script.devices}
    many = [name for name, count in Counter(adapters.values()).items() if count > 1]
    able = [name for name in many if stage.links[name].traits.rungs and stage.slots[name] > 1]
    return [name for name in stage.script.devices if adapters[name] in able]


def _ask_everybody(stage: Stage, dice: random.Random, adapter: str) -> None:
    """Those that are connected have something in flight, and the others want a connection."""
    for name in stage.script.devices:
        if stage.adapter_of(name) == adapter:
            command = replace(stage.script.write(name), survive_reconnect=True, idempotent=dice.random() < 0.5)
            stage.spawn(calls.submit(stage, command))


def _asked_for(stage: Stage, adapter: str) -> None:
    """A reset is due, and commands are in flight: it has to wait for them."""
    for name in stage.script.devices:
        in_flight = stage.status_of(name).in_flight
        if in_flight and stage.adapter_of(name) == adapter:
            stage.fired("F27", stage.kind_in_flight(name), device=name, command_id=in_flight)
