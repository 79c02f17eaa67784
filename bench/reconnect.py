"""What a connection costs before its first command, with and without a table that the device can prove.

A keeper writes to a virtual blind over Bumble's complete stack, in virtual time: cold (never connected before),
cached (connected again, the device's Database Hash is the same) and warm (still connected). The result is ratios
of a warm write right after another, which takes one ATT round trip: two connection intervals, as everything does
that begins with a connection event. They depend on no machine. Each is given from the call, and from the moment
the link is up: before that the adapter waits for an advertisement, and no program can shorten that. From link-up
a cached reconnect is three round trips: ATT_MTU, hash, write. Run it with `make bench`.
"""

import asyncio
import json
import logging
import random
import statistics
import sys

from gattkeeper import Keeper
from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write
from gattkeeper.model.outcome import Outcome, Phase
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import VirtualBlind, VirtualRadio, quieten_bumble, run_virtual
from gattkeeper.world.virtual_blind import BLIND_TARGET

ROUNDS = 40
CONNECTION_INTERVAL_S = 0.03
GOAL = 3.0
"""A write on a cached reconnect takes at most three times a warm one, from the moment the link is up."""

ADAPTER = "C0:00:00:00:00:01"


async def written(keeper: Keeper) -> Outcome:
    operation = Write(target=characteristic_ref(BLIND_TARGET), payload=b"\x32")
    outcome = await (await keeper.submit(Command(device="blind", operation=operation))).wait()
    assert outcome.succeeded, outcome
    return outcome


def length_ms(outcome: Outcome, since: Phase) -> float:
    at_us = {mark.phase: mark.at_us for mark in outcome.timeline}
    return (at_us[Phase.OUTCOME] - at_us[since]) / 1000


async def one_round(seed: int) -> dict[str, Outcome]:
    dice = random.Random(seed)  # noqa: S311 - seeded dice, not secrets
    radio = VirtualRadio(connection_interval_s=CONNECTION_INTERVAL_S, seed=seed)
    blind = VirtualBlind("blind", "F0:00:00:00:00:01")
    await radio.add(blind.device)
    book = ProfileBook([Entry(name="blind", rules=DeviceRules(address=blind.device.address))])
    keeper = Keeper(links={"radio": BumbleLink(radio.adapter(ADAPTER), name="virtual")}, book=book)
    await keeper.start()
    outcomes = {"cold": await written(keeper)}
    await keeper.device("blind").disconnect()
    await asyncio.sleep(dice.random())
    outcomes["cached"] = await written(keeper)
    await asyncio.sleep(0.5 + dice.random())  # after all that a fresh connection does by itself
    outcomes["warm, at any moment"] = await written(keeper)
    outcomes["warm, after another"] = await written(keeper)
    await keeper.close()
    await radio.close()
    return outcomes


def main() -> int:
    quieten_bumble()
    logging.getLogger("bumble").setLevel(
        logging.ERROR
    )  # what is on the air when a link goes is lost: no news here
    rounds = [run_virtual(one_round(seed)) for seed in range(ROUNDS)]
    lengths = {
        words: [length_ms(one[kind], since) for one in rounds]
        for words, kind, since in (
            ("warm, after another", "warm, after another", Phase.ACCEPTED),
            ("warm, at any moment", "warm, at any moment", Phase.ACCEPTED),
            ("cold, from the call", "cold", Phase.ACCEPTED),
            ("cold, from link-up", "cold", Phase.CONNECTED),
            ("cached, from the call", "cached", Phase.ACCEPTED),
            ("cached, from link-up", "cached", Phase.CONNECTED),
        )
    }
    medians = {words: statistics.median(all_of) for words, all_of in lengths.items()}
    ratios = {words: round(median / medians["warm, after another"], 2) for words, median in medians.items()}
    for words, all_of in lengths.items():
        spread = f"{min(all_of):.0f} to {max(all_of):.0f} ms"
        print(f"{words:>22}: median {medians[words]:6.0f} ms   {spread:>15}   {ratios[words]:.2f}x")
    print(json.dumps({"reconnect": ratios, "goal": GOAL}))
    return int(ratios["cached, from link-up"] > GOAL)


if __name__ == "__main__":
    sys.exit(main())
