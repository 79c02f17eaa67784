"""Settings that change under a running keeper, well or badly: F64.

Knows how they are read again. Which device goes, and when it comes back, the dice decide.
"""

import asyncio
import random

from gattkeeper.daemon.reload import read_again
from gattkeeper.daemon.settings import Settings
from gattkeeper.errors import GattkeeperError
from gattkeeper.runtime.ports import DeviceBook
from sim.stage import Stage

BAD_SETTINGS = (
    "[",
    "[devices.lamp]\n",
    '[devices.lamp]\naddress = "F0:00:00:00:00:01"\nprofile = "secret.toml"\n',
)
"""No TOML, no address, and a profile that cannot be read."""


async def f64_other_settings(stage: Stage, dice: random.Random) -> None:
    """Devices are taken out of the settings in the middle of everything, and put back later."""
    stage.spawn(_change(stage, dice))


async def _change(stage: Stage, dice: random.Random) -> None:
    gone = dice.sample(stage.script.devices, k=dice.randint(0, len(stage.script.devices)))
    for name in gone:
        in_flight = stage.status_of(name).in_flight
        stage.fired("F64", stage.kind_in_flight(name), device=name, command_id=in_flight, said="removed")
    await _use(stage, stage.book.without(*gone, linger_us=dice.choice((0, 1_000_000))))
    await asyncio.sleep(dice.choice((0, 0.1, 5.0)))
    await _use(stage, stage.book)


async def _use(stage: Stage, book: DeviceBook) -> None:
    try:
        await stage.keeper.use_book(book)
    except GattkeeperError as error:
        stage.fired("F64", "reload", said=f"refused: {error.code}")


async def f64_bad_settings(stage: Stage, dice: random.Random) -> None:
    """A file that nobody can read, or that makes no sense."""
    path = stage.folder / "settings.toml"
    path.unlink(missing_ok=True)
    if dice.random() < 0.8:
        path.write_text(dice.choice(BAD_SETTINGS))
    before = stage.keeper.book
    await read_again(stage.keeper, Settings(), path)
    stage.fired("F64", "reload", said="refused: settings" if stage.keeper.book is before else "taken")
