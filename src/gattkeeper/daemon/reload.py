"""The settings, read again while the daemon runs.

Knows which of them may change under a running keeper, and that a bad file changes nothing. Who asks for it, and
when, stands in `serve`.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from gattkeeper.daemon.settings import Settings, book_of, load_settings
from gattkeeper.errors import GattkeeperError
from gattkeeper.runtime.keeper import Keeper

_log = logging.getLogger("gattkeeper")


async def read_again(keeper: Keeper, started_with: Settings, path: Path) -> None:
    """Take devices, groups and profiles from the file.

    Says in the log what came of it, and names what only a restart brings about. Never raises for what is in the
    file, or for a file that cannot be read: then everything stays as it was.
    """
    try:
        wanted = load_settings(path)
        for name in needs_restart(started_with, wanted):
            _log.warning("%s: another value is in force after a restart", name)
        await keeper.use_book(book_of(wanted))
    except GattkeeperError as error:
        _log.error("the settings stay as they were: %s", error)
        return
    _log.info("the settings were read again: %s", ", ".join(wanted.devices) or "any device by its address")


def needs_restart(started_with: Settings, wanted: Settings) -> Iterator[str]:
    """The names of what is another than at the start, and cannot change under a running keeper."""
    yield from _differences("keeper", started_with.keeper, wanted.keeper)
    for name in {**started_with.adapters, **wanted.adapters}:
        if started_with.adapters.get(name) != wanted.adapters.get(name):
            yield f"adapters.{name}"
    on_the_air = {device.address: device.virtual for device in started_with.devices.values()}
    for name, device in wanted.devices.items():
        if device.virtual != on_the_air.get(device.address):
            yield f"devices.{name}.virtual"


def _differences(at: str, one: Struct, other: Struct) -> Iterator[str]:
    for name in one.__struct_fields__:
        before, after = getattr(one, name), getattr(other, name)
        if isinstance(before, Struct) and isinstance(after, Struct):
            yield from _differences(f"{at}.{name}", before, after)
        elif before != after:
            yield f"{at}.{name}"
