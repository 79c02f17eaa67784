"""What the world does wrong by itself, by number: links that break, adapters that go, devices that change, a full disk.

Knows what no call brings about. What a link does wrong to a call stands in `link_faults`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from gattkeeper.errors import SettingsError
from gattkeeper.links.fault_tables.hci import hci_lost_fault
from gattkeeper.runtime.adapter_lock import OwnedLink
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.world import (
    Hang,
    LinkMatch,
    LinkMoment,
    LinkRule,
    LoseLink,
    LoseRequest,
    SimulatedLink,
    VirtualService,
)
from sim.link_faults import ENDED_BY_DEVICE, ENDED_HERE, TIMED_OUT
from sim.recovery_faults import f25_to_f27_wedge
from sim.report import NOBODY
from sim.scene import PUSHED, Book
from sim.settings_faults import f64_bad_settings, f64_other_settings
from sim.stage import Stage

FLOOD = 1_100
"""More notifications than a reader's buffer takes."""


async def f10_twice(stage: Stage, dice: random.Random) -> None:
    """A notification, and the same again."""
    one = dice.choice(stage.devices)
    stage.push(one, times=2)
    stage.fired("F10", "notification", device=one.name, said=_heard(stage, one.name))


async def f11_flood(stage: Stage, dice: random.Random) -> None:
    """More than anybody reads."""
    one = dice.choice(stage.devices)
    if stage.status_of(one.name).subscriptions:
        stage.push(one, times=FLOOD)
        stage.fired("F11", "notification", device=one.name, said=_heard(stage, one.name))


async def f12_straggler(stage: Stage, dice: random.Random) -> None:
    """A connection is lost, and a second later its stack passes a notification on."""
    one = dice.choice(stage.devices)
    stage.link_of(one.name).lose(one.name, hci_lost_fault(0x08), straggler=stage.new_push(one))


async def f13_stall(stage: Stage, dice: random.Random) -> None:
    """A device that answers nothing for a while."""
    one = dice.choice(stage.devices)
    now = stage.loop.time()
    match = LinkMatch(moment=LinkMoment.OPERATION, device=one.name, from_s=now, until_s=now + dice.uniform(1, 8))
    stage.link_of(one.name).rules.insert(0, LinkRule(match, LoseRequest(), name="F13"))


async def f18_other_table(stage: Stage, dice: random.Random) -> None:
    """A firmware update: the same characteristics, elsewhere."""
    one = dice.choice(stage.devices)
    (service,) = one.services
    attributes = list(service.characteristics)
    dice.shuffle(attributes)
    one.services = (VirtualService(service.uuid, tuple(attributes)),)


async def f20_to_f22_lose(stage: Stage, dice: random.Random) -> None:
    """A connection is lost, whatever it carries, for any reason."""
    name = dice.choice(stage.script.devices)
    status = stage.status_of(name)
    if status.connection == "connected":
        number, codes = dice.choice((("F20", TIMED_OUT), ("F21", ENDED_BY_DEVICE), ("F22", ENDED_HERE)))
        step = stage.kind_in_flight(name) if status.in_flight else "idle"
        said = "" if status.in_flight else NOBODY
        stage.fired(number, step, device=name, command_id=status.in_flight, said=said)
        stage.link_of(name).lose(name, hci_lost_fault(dice.choice(codes)), told=dice.choice((1, 1, 2)))


async def f24_storm(stage: Stage, dice: random.Random) -> None:
    """A device that takes every connection and loses it."""
    name = dice.choice(stage.script.devices)
    now = stage.loop.time()
    match = LinkMatch(moment=LinkMoment.CONNECT, device=name, from_s=now, until_s=now + dice.uniform(3, 30))
    action = LoseLink(fault=hci_lost_fault(dice.choice(ENDED_BY_DEVICE)))
    stage.link_of(name).rules.insert(0, LinkRule(match, action, name="F24"))


async def f25_adapter_hangs(stage: Stage, dice: random.Random) -> None:
    """Nothing on an adapter is answered, nothing comes up, nothing goes down."""
    link = stage.links[dice.choice(list(stage.links))]
    now = stage.loop.time()
    until = now + dice.uniform(2, 15)
    for moment, action in (
        (LinkMoment.OPERATION, LoseRequest()),
        (LinkMoment.CONNECT, Hang()),
        (LinkMoment.DISCONNECT, Hang()),
    ):
        link.rules.insert(0, LinkRule(LinkMatch(moment=moment, from_s=now, until_s=until), action, name="F25"))


async def f28_adapter_goes(stage: Stage, dice: random.Random) -> None:
    """An adapter is off for a while; with everything it carries."""
    adapter = dice.choice(list(stage.links))
    link = stage.links[adapter]
    for name in stage.script.devices:
        status = stage.status_of(name)
        if stage.link_of(name) is link and status.in_flight:
            stage.fired("F28", stage.kind_in_flight(name), device=name, command_id=status.in_flight)
    link.adapter_down()
    await asyncio.sleep(dice.uniform(0, 4))
    link.adapter_up()


async def f40_away(stage: Stage, dice: random.Random) -> None:
    """A device that cannot be heard, or only for moments."""
    name = dice.choice(stage.script.devices)
    away = stage.link_of(name).away
    for _ in range(dice.randint(1, 3)):
        away.add(name)
        await asyncio.sleep(dice.uniform(0.5, 12))
        away.discard(name)
        await asyncio.sleep(dice.choice((0.05, 1.0)))


async def f44_bond_lost(stage: Stage, dice: random.Random) -> None:
    """Our half of a bond is gone, in the middle of everything."""
    paired = [name for name in stage.script.devices if name in stage.link_of(name).paired]
    if paired:
        name = dice.choice(paired)
        stage.link_of(name).paired.discard(name)
        in_flight = stage.status_of(name).in_flight
        said = "" if in_flight else NOBODY
        stage.fired("F44", stage.kind_in_flight(name), device=name, command_id=in_flight, said=said)


async def f45_pairs(stage: Stage, dice: random.Random) -> None:
    """A device pairs in the middle of everything; somebody enters the passkey, or nobody does."""
    connected = [name for name in stage.script.devices if stage.status_of(name).connection == "connected"]
    if not connected:
        return
    name = dice.choice(connected)
    in_flight = stage.status_of(name).in_flight
    stage.fired(
        "F45", stage.kind_in_flight(name), device=name, command_id=in_flight, said="" if in_flight else NOBODY
    )
    link = stage.link_of(name)
    link.pair(name, under_way=True)
    await asyncio.sleep(dice.choice((0.3, 4.0, 35.0)))
    if dice.random() < 0.7:
        link.pair(name, under_way=False)


async def f48_of_no_length(stage: Stage, dice: random.Random) -> None:
    """A notification with nothing in it."""
    one = dice.choice(stage.devices)
    one.notify(one.characteristic(PUSHED), b"")
    stage.fired("F48", "notification", device=one.name, said=_heard(stage, one.name))


async def f55_disk_full(stage: Stage, dice: random.Random) -> None:
    """Nothing can be written down for a while."""
    stage.journal.failing = True
    for name in stage.script.devices:
        in_flight = stage.status_of(name).in_flight
        if in_flight:
            stage.fired("F55", stage.kind_in_flight(name), device=name, command_id=in_flight)
    await asyncio.sleep(dice.uniform(0, 2))
    stage.journal.failing = False


async def f63_second_keeper(stage: Stage, dice: random.Random) -> None:
    """Somebody starts another daemon."""
    name = dice.choice(list(stage.links))
    second = Keeper(links={name: OwnedLink(SimulatedLink([], name=name), stage.folder)}, book=Book({}))
    try:
        await second.start()
    except SettingsError as error:
        stage.fired("F63", "start", said=f"refused: {error.code}")
    else:
        stage.history.owners.append(f"a second keeper was let near {name}")
        await second.close()


async def push(stage: Stage, dice: random.Random) -> None:
    """No fault: devices have news."""
    stage.push(dice.choice(stage.devices))


def _heard(stage: Stage, name: str) -> str:
    return "somebody subscribed" if stage.status_of(name).subscriptions else "nobody listens"


WorldFault = Callable[[Stage, random.Random], Awaitable[None]]

WORLD_FAULTS: tuple[WorldFault, ...] = (
    f10_twice,
    f11_flood,
    f12_straggler,
    f13_stall,
    f18_other_table,
    f20_to_f22_lose,
    f24_storm,
    f25_adapter_hangs,
    f25_to_f27_wedge,
    f25_to_f27_wedge,
    f25_to_f27_wedge,
    f28_adapter_goes,
    f40_away,
    f44_bond_lost,
    f45_pairs,
    f48_of_no_length,
    f55_disk_full,
    f63_second_keeper,
    f64_other_settings,
    f64_bad_settings,
)
