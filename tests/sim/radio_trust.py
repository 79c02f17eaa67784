"""Who a device is, made doubtful on a complete stack, by number: F41, F42, F46 and F47 with real addresses and keys.

Knows the radio. What the same is on simulated links, and what strangers must not be given, `trust_faults` knows.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from bumble.keys import MemoryKeyStore

from gattkeeper.model.command import Command, Priority
from gattkeeper.model.operation import Pair
from gattkeeper.world import VirtualDevice, VirtualRadio
from sim import calls
from sim.report import NOBODY
from sim.stage import Stage
from sim.trust_faults import twin_of, watch
from sim.watched_link import WatchedLink

RadioStage = Stage[WatchedLink]

SPELL_S = (1.0, 8.0)
"""How long each of it lasts."""


async def f41_rotate(stage: RadioStage, radio: VirtualRadio, dice: random.Random) -> None:
    """A device goes by one resolvable private address after the other."""
    device = dice.choice(stage.devices)
    _note(stage, "F41", device)
    for _ in range(dice.randint(1, 3)):
        radio.rotate(device)
        await asyncio.sleep(dice.uniform(*SPELL_S))
    radio.show(device)


async def f42_twin(stage: RadioStage, radio: VirtualRadio, dice: random.Random) -> None:
    """Somebody has the same digits in a public address."""
    device = dice.choice(stage.devices)
    twin = twin_of(device)
    watch(stage.history, twin)
    _note(stage, "F42", device)
    await radio.add(twin)
    await asyncio.sleep(dice.uniform(*SPELL_S))
    await radio.remove(twin)


async def f46_no_keys(stage: RadioStage, radio: VirtualRadio, dice: random.Random) -> None:
    """A device has lost its half of the bond, and offers to go on without encryption."""
    device = _one_that_is_trusted(stage, dice)
    if device is None:
        return
    bumble = radio._devices[device.name]._bumble
    keys, bumble.keystore = bumble.keystore, MemoryKeyStore()
    radio.break_link(device)
    _note(stage, "F46", device)
    await asyncio.sleep(dice.uniform(*SPELL_S))
    if not await bumble.keystore.get_all():  # else it was paired anew
        bumble.keystore = keys


async def f47_impostor(stage: RadioStage, radio: VirtualRadio, dice: random.Random) -> None:
    """Somebody without its keys answers in a device's place."""
    device = _one_that_is_trusted(stage, dice)
    if device is None:
        return
    _note(stage, "F47", device)
    impostor = await radio.impersonate(device)
    watch(stage.history, impostor)
    await asyncio.sleep(dice.uniform(*SPELL_S))
    await radio.unmask(impostor, device)


RADIO_TRUST: tuple[Callable[[RadioStage, VirtualRadio, random.Random], Awaitable[None]], ...] = (
    f41_rotate,
    f42_twin,
    f46_no_keys,
    f47_impostor,
)


async def pair_the_trusted(stage: RadioStage) -> None:
    """Have a bond with each device that demands to be encrypted."""
    for name in sorted(stage.trusting):
        await calls.submit(stage, Command(device=name, operation=Pair(), priority=Priority.INTERACTIVE))


def _one_that_is_trusted(stage: RadioStage, dice: random.Random) -> VirtualDevice | None:
    trusted = [device for device in stage.devices if device.name in stage.trusting]
    return dice.choice(trusted) if trusted else None


def _note(stage: RadioStage, number: str, device: VirtualDevice) -> None:
    in_flight = stage.status_of(device.name).in_flight
    at = stage.kind_in_flight(device.name)
    stage.fired(number, at, device=device.name, command_id=in_flight, said="" if in_flight else NOBODY)
