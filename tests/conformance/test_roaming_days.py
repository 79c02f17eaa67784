"""Days of trouble with three adapters, by seed: whatever comes and goes, the promises hold for every command."""

import asyncio
import random
from collections import Counter

import pytest

from conformance.block import Block, live
from gattkeeper.errors import RefusedError
from gattkeeper.model.adapter import Rung
from gattkeeper.model.outcome import Outcome, Verdict
from gattkeeper.world import Fail, LinkMatch, LinkMoment, LinkRule, LoseLink, LoseResponse
from gattkeeper.world.simulated_link import NOT_FOUND
from runtime.house import LOST, write
from sim.scene import WRITABLE

ADAPTERS = ("hall", "attic", "shed")
DAY_S = 120
SEEDS = range(1, 13)


async def trouble(block: Block, dice: random.Random) -> None:
    """Adapters go, wedge, do not hear a device, and lose what is on them; all of it ends by itself."""
    loop = asyncio.get_running_loop()
    while loop.time() < DAY_S:
        link = block.links[dice.choice(ADAPTERS)]
        one = dice.choice(block.devices).name
        match dice.randrange(6):
            case 0:
                link.adapter_down()
                await asyncio.sleep(dice.uniform(0, 20))
                link.adapter_up()
            case 1 if link.traits.rungs:
                link.wedge(Rung.POWER_CYCLE)
            case 2:
                rule = LinkRule(LinkMatch(moment=LinkMoment.CONNECT, device=one, times=3), Fail(fault=NOT_FOUND))
                link.rules.append(rule)
            case 3:
                action = dice.choice((LoseLink(fault=LOST), LoseResponse()))
                link.rules.append(LinkRule(LinkMatch(moment=LinkMoment.OPERATION, device=one, times=1), action))
            case 4:
                link.signals[one] = dice.randint(-95, -40)
            case _:
                link.lose(one, LOST)
        await asyncio.sleep(dice.uniform(0, 5))
    for link in block.links.values():
        link.rules.clear()
        link._cured_by = None


async def client(block: Block, dice: random.Random, number: int, ends: dict[bytes, Outcome]) -> None:
    """Write now and again, each with a payload of its own."""
    loop = asyncio.get_running_loop()
    count = 0
    while loop.time() < DAY_S:
        count += 1
        payload = bytes([number]) + count.to_bytes(3, "big")
        command = write(payload, dice.choice(block.devices).name, survive_reconnect=dice.random() < 0.5)
        try:
            handle = await block.keeper.submit(command)
        except RefusedError:
            await asyncio.sleep(1)
            continue
        if dice.random() < 0.3:
            await asyncio.sleep(dice.uniform(0, 2))
        ends[payload] = await handle.wait()
        await asyncio.sleep(dice.uniform(0, 1))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_write_ends_once_and_as_it_is_told_and_no_device_has_two_connections(seed: int) -> None:
    dice = random.Random(seed)
    preferred = dice.random() < 0.5

    async def story(block: Block) -> None:
        ends: dict[bytes, Outcome] = {}
        clients = [client(block, random.Random(f"{seed} {number}"), number, ends) for number in range(6)]
        await asyncio.gather(trouble(block, dice), *clients)
        applied = Counter(one.payload for blind in block.devices for one in blind.applied)
        for payload, outcome in ends.items():
            assert applied[payload] <= 1, "applied twice"
            if outcome.verdict is Verdict.DELIVERED:
                assert applied[payload] == 1, "delivered, and not applied"
            if outcome.verdict is Verdict.NOT_DELIVERED:
                assert applied[payload] == 0, "not delivered, and applied"
        assert len(ends) > 100
        await asyncio.sleep(400)  # a parked adapter's pause
        for blind in block.devices:
            await block.keeper.device(blind.name).write(WRITABLE, b"last")
        status = block.keeper.status()
        assert (status.waiting, status.accepted) == (0, status.ended)

    live(
        story,
        *ADAPTERS,
        devices=8,
        slots=dice.randint(1, 4),
        rungs=dice.choice(((), (Rung.STOP_DISCOVERY, Rung.POWER_CYCLE))),
        linger_us=dice.choice((0, 1_000_000, 8_000_000)),
        listen_every_s=dice.choice((0.0, 20.0)),
        adapter="hall" if preferred else "",
        others=("attic", "shed") if preferred else (),
    )
