"""What a connection costs before its first write, in virtual time on a radio with a connection interval of 30 ms,
over Bumble's complete stack: cold (never connected before) and cached (connected again, and the device's Database
Hash is the same). The warm write comes right after another: one ATT round trip, two intervals, as for everything
that begins with a connection event. From link-up a cached reconnect is three round trips: ATT_MTU, hash, write.
Before link-up the adapter waits for an advertisement, and no program can shorten that.
"""

import asyncio
import random

from gattkeeper import Keeper
from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.links.bumble_link import BumbleLink
from gattkeeper.model.command import Command
from gattkeeper.model.gatt import characteristic_ref
from gattkeeper.model.operation import Write
from gattkeeper.model.outcome import Outcome, Phase
from gattkeeper.runtime.ports import DeviceRules
from gattkeeper.world import VirtualBlind, VirtualRadio, run_virtual
from gattkeeper.world.virtual_blind import BLIND_TARGET
from measured.figures import Figure, Goal, Tick

TITLE = "A reconnect (virtual time)"
INTERVAL_S = 0.03
SETTLING_S = 0.5
"""A fresh connection does something by itself after its first command; a warm one has done it."""

ADAPTER = "C0:00:00:00:00:01"


async def written(keeper: Keeper) -> Outcome:
    operation = Write(target=characteristic_ref(BLIND_TARGET), payload=b"\x32")
    outcome = await (await keeper.submit(Command(device="blind", operation=operation))).wait()
    assert outcome.succeeded, outcome
    return outcome


async def story(seed: int) -> dict[str, Outcome]:
    """One device connected twice, at moments that the seed gives."""
    dice = random.Random(seed)  # noqa: S311 - seeded dice, not secrets
    radio = VirtualRadio(connection_interval_s=INTERVAL_S, seed=seed)
    blind = VirtualBlind("blind", "F0:00:00:00:00:01")
    await radio.add(blind.device)
    book = ProfileBook([Entry(name="blind", rules=DeviceRules(address=blind.device.address))])
    keeper = Keeper(links={"radio": BumbleLink(radio.adapter(ADAPTER), name="virtual")}, book=book)
    await keeper.start()
    outcomes = {"cold": await written(keeper)}
    await keeper.device("blind").disconnect()
    await asyncio.sleep(dice.random())
    outcomes["cached"] = await written(keeper)
    await asyncio.sleep(SETTLING_S + dice.random())
    await written(keeper)
    outcomes["warm"] = await written(keeper)
    await keeper.close()
    await radio.close()
    return outcomes


def length_s(outcome: Outcome, since: Phase) -> float:
    at_us = {mark.phase: mark.at_us for mark in outcome.timeline}
    return (at_us[Phase.OUTCOME] - at_us[since]) / 1e6


def measure(*, quick: bool, tick: Tick) -> list[Figure]:
    tick("cold, cached, warm")
    stories = [run_virtual(story(seed)) for seed in range(10 if quick else 40)]

    def lengths(kind: str, since: Phase) -> tuple[float, ...]:
        return tuple(length_s(one[kind], since) for one in stories)

    warm = lengths("warm", Phase.ACCEPTED)
    cached, cold = lengths("cached", Phase.CONNECTED), lengths("cold", Phase.CONNECTED)
    called = lengths("cached", Phase.ACCEPTED)

    def figure(
        name: str,
        ours_is: str,
        ours: tuple[float, ...],
        theirs_is: str,
        theirs: tuple[float, ...],
        goal: Goal,
        of: str = "",
    ) -> Figure:
        return Figure(name=name, ours_is=ours_is, theirs_is=theirs_is, ours=ours, theirs=theirs, goal=goal, of=of)

    return [
        figure("first write, from link-up", "cached", cached, "warm write", warm, Goal(limit=3.001), "G6"),
        figure("first write, from the call", "cached", called, "warm write", warm, Goal(limit=5)),
        figure("first write, from link-up", "cached", cached, "cold", cold, Goal(limit=4, sooner=True)),
    ]
