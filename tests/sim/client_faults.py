"""Clients that misbehave, by number: each is a function of what it does.

Knows what may be asked of a keeper that should not be. What the world does wrong stands in `world_faults`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from msgspec.structs import replace

from gattkeeper.errors import GattkeeperError
from gattkeeper.links.fault_tables.hci import hci_lost_fault
from gattkeeper.model.command import STEPS_MAX, Command, Priority
from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX, characteristic_ref
from gattkeeper.model.operation import Connect, ReadDescriptor, RequestMtu, Sequence, Write
from sim import calls
from sim.front_calls import f62_caller_crashes, f62_flapping, f62_front_dies, f62_never_reads
from sim.scene import PUSHED, SHORT, SHORT_LENGTH_MAX, WRITABLE
from sim.stage import Stage

ATT_MTUS = (23, 27, 51, 103, 247)
"""Sizes whose chunks hold whole words."""


async def f16_too_long(stage: Stage, dice: random.Random) -> None:
    """Longer than the characteristic takes, or than any may."""
    length = dice.choice((SHORT_LENGTH_MAX + 1, ATTRIBUTE_LENGTH_MAX, ATTRIBUTE_LENGTH_MAX + 1, 5_000))
    command = stage.script.write(dice.choice(stage.script.devices), SHORT, length=length)
    stage.spawn(calls.submit(stage, command, number="F16"))


async def f17_another_mtu(stage: Stage, dice: random.Random) -> None:
    """A long write that lives on over connections, and an ATT_MTU that is another one meanwhile."""
    name = dice.choice(stage.script.devices)
    command = stage.script.long_write(dice, name)
    wishes = {"survive_reconnect": True, "idempotent": dice.random() < 0.7}
    stage.link_of(name).att_mtu_max = dice.choice(ATT_MTUS)
    stage.spawn(calls.submit(stage, replace(command, **wishes), number="F17"))
    await asyncio.sleep(dice.uniform(0, 1))
    wanted = RequestMtu(att_mtu=dice.choice(ATT_MTUS))
    stage.spawn(calls.submit(stage, Command(device=name, operation=wanted, priority=Priority.URGENT)))


async def f57_same_key(stage: Stage, dice: random.Random) -> None:
    """One request twice, at once or later; or another request under its key."""
    command = replace(stage.script.command(dice), idempotency_key=stage.script.key())
    stage.keyed.append(command)
    stage.spawn(calls.submit(stage, command))
    await asyncio.sleep(dice.choice((0, 0, 0.01, 1.0)))
    again = command if dice.random() < 0.7 else replace(command, label="another request")
    stage.spawn(calls.submit(stage, again, number="F57"))


async def f58_last_life(stage: Stage, dice: random.Random) -> None:
    """What was asked for in another life is asked for again, now."""
    for command in stage.keyed[:]:
        stage.spawn(calls.submit(stage, command, number="F58"))


async def f59_vanish(stage: Stage, dice: random.Random) -> None:
    """A caller that goes away, or a reader that reads nothing of what it subscribed to."""
    if dice.random() < 0.6:
        await calls.vanish(stage, stage.script.command(dice), dice.uniform(0, 3))
        return
    name = dice.choice(stage.script.devices)
    seconds = dice.uniform(1, 10)
    with suppress(GattkeeperError, TimeoutError):
        async with asyncio.timeout(seconds), stage.keeper.device(name).subscribe(PUSHED):
            stage.fired("F59", "notification", device=name, said="never reads")
            await asyncio.sleep(seconds)


async def f60_flood(stage: Stage, dice: random.Random) -> None:
    """Hundreds at once, all of the highest priority, and a stop into the middle of it. Once in a run."""
    if stage.flooded:
        return
    stage.flooded = True
    name = dice.choice(stage.script.devices)
    for _ in range(dice.randint(50, 250)):
        command = replace(stage.script.write(name), priority=Priority.URGENT, deadline_us=3_000_000)
        stage.spawn(calls.submit(stage, command, number="F60"))
    await asyncio.sleep(dice.uniform(0, 0.5))
    await calls.stop(stage, name)


async def f61_malformed(stage: Stage, dice: random.Random) -> None:
    """What no keeper takes: nothing of it may be queued."""
    name = dice.choice(stage.script.devices)
    plain = stage.script.write(name)
    target = characteristic_ref(WRITABLE)
    bad = dice.choice(
        (
            replace(plain, operation=Write(target=target, payload=b"")),
            replace(plain, deadline_us=0),
            replace(plain, attempt_timeout_us=-1),
            replace(plain, queue_timeout_us=0),
            replace(plain, device="nobody"),
            replace(plain, device=""),
            replace(plain, stop=True),
            replace(plain, require_read_back=True),
            replace(plain, operation=Sequence(steps=())),
            replace(plain, operation=Sequence(steps=(plain.operation,) * (STEPS_MAX + 1))),
            replace(plain, operation=Sequence(steps=(Connect(),))),
            replace(plain, operation=ReadDescriptor(target=target, descriptor="2902")),
        )
    )
    await calls.submit(stage, bad, number="F61")


async def f65_stop(stage: Stage, dice: random.Random) -> None:
    """A stop, as likely for one device as for all."""
    scope = dice.choice([*stage.book.names(), "all"])
    await calls.stop(stage, scope, latch=dice.random() < 0.15)


async def f66_stop_for_nobody(stage: Stage, dice: random.Random) -> None:
    """A stop for a device that is carried away, for as long as the stop may try."""
    name = dice.choice(stage.script.devices)
    link = stage.link_of(name)
    link.away.add(name)
    if dice.random() < 0.5:
        link.lose(name, hci_lost_fault(0x08))
    await calls.stop(stage, name, number="F66")
    await asyncio.sleep(min(dice.uniform(1, 35), max(0.0, stage.until_s - stage.loop.time())))
    link.away.discard(name)


async def f67_commands_during_a_stop(stage: Stage, dice: random.Random) -> None:
    """Everybody goes on asking while a stop runs."""
    name = dice.choice(stage.script.devices)
    await calls.stop(stage, name)
    for _ in range(dice.randint(1, 5)):
        if stage.status_of(name).stopped_by:
            stage.spawn(calls.submit(stage, stage.script.command(dice, name), number="F67"))
        await asyncio.sleep(dice.choice((0, 0.05)))


ClientFault = Callable[[Stage, random.Random], Awaitable[None]]

CLIENT_FAULTS: tuple[ClientFault, ...] = (
    f16_too_long,
    f17_another_mtu,
    f57_same_key,
    f57_same_key,
    f59_vanish,
    f59_vanish,
    f59_vanish,
    f60_flood,
    f61_malformed,
    f62_caller_crashes,
    f62_flapping,
    f62_front_dies,
    f62_never_reads,
    f65_stop,
    f65_stop,
    f66_stop_for_nobody,
    f67_commands_during_a_stop,
)
"""What a client may do beside what it should. `f58_last_life` has its own moment: after a crash."""
