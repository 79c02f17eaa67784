"""Programs that hold a device's connection: they connect, use it, renew or forget to, and let go.

Knows what a holder does, and what is noted of it. What has to hold of it stands in `lease_checks`.
"""

import asyncio
import random
from functools import partial

from msgspec.structs import replace

from gattkeeper.errors import GattkeeperError
from gattkeeper.model.command import Command, Priority
from gattkeeper.model.fault import Fault
from gattkeeper.model.operation import Disconnect
from gattkeeper.runtime.leases import Lease
from sim import calls
from sim.history import Held
from sim.stage import Stage

HOLDING = 0.5
"""On so many of all days there are holders."""


async def holders(stage: Stage, dice: random.Random) -> None:
    """One program after the other, or several at once, until the day is over."""
    if dice.random() >= HOLDING:
        return
    while (left_s := stage.until_s - stage.loop.time()) > 0:
        stage.spawn(hold(stage, dice))
        await asyncio.sleep(min(dice.expovariate(1 / 3), left_s))


async def hold(stage: Stage, dice: random.Random) -> None:
    """Connect, and keep the connection for a while."""
    device = dice.choice(stage.script.devices)
    try:
        lease = await stage.keeper.lease(
            device,
            holder="program",
            renew_within=dice.choice((0.0, 1.0, 5.0)),
            timeout=dice.choice((None, 1.0)),
            deadline=dice.choice((2.0, 15.0)),
            priority=dice.choice(list(Priority)),
        )
    except GattkeeperError:
        return
    held = Held(lease=lease.id, device=device, since_us=stage.now_us())
    stage.history.held.append(held)
    if lease.fault is not None:
        _note_end(stage, held, lease.fault)
        return
    lease.on_end = partial(_note_end, stage, held)
    try:
        await _use(stage, dice, lease)
    finally:
        lease.close()
        if not held.ended_by:
            held.until_us = stage.now_us()


def _note_end(stage: Stage, held: Held, fault: Fault) -> None:
    held.until_us, held.ended_by = stage.now_us(), fault.name


async def _use(stage: Stage, dice: random.Random, lease: Lease) -> None:
    """Until it lets go, or the lease is over: what is submitted in that very moment is refused, or ends."""
    ends_s = min(stage.loop.time() + dice.uniform(0, 20), stage.until_s)
    renews = dice.random() < 0.7
    while (left_s := ends_s - stage.loop.time()) > 0:
        if dice.random() < 0.7:
            stage.spawn(calls.submit(stage, _under(lease, stage.script.command(dice, lease.device.name), stage)))
        if lease.fault is not None:
            return
        if renews:
            lease.renew()
        await asyncio.sleep(min(dice.expovariate(1 / 0.5), left_s))


def _under(lease: Lease, command: Command, stage: Stage) -> Command:
    if isinstance(command.operation, Disconnect):
        command = stage.script.write(command.device)
    return replace(command, lease=lease.id, survive_reconnect=False)
