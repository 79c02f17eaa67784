"""The settings, read again while the daemon runs.

Knows which of them may change under a running keeper, and that a bad file changes nothing. Who asks for it, and
when, stands in `serve`.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from gattkeeper.daemon.settings import Settings, book_of, load_settings
from gattkeeper.daemon.settings_record import differences, refusal_row, settings_row
from gattkeeper.errors import GattkeeperError
from gattkeeper.runtime.keeper import Keeper

_log = logging.getLogger("gattkeeper")


async def read_again(
    keeper: Keeper, started_with: Settings, path: Path, *, before: Settings | None = None
) -> Settings:
    """Take devices, groups and profiles from the file; gives what was read last and is in force.

    Says in the log and in the journal what came of it, and names what only a restart brings about. `before` was
    read last, if not at the start. Never raises for what is in the file, or for a file that cannot be read: then
    everything stays as it was.
    """
    before = before or started_with
    try:
        wanted = load_settings(path)
        later = list(needs_restart(started_with, wanted))
        for name in later:
            _log.warning("%s: another value is in force after a restart", name)
        await keeper.use_book(book_of(wanted))
    except GattkeeperError as error:
        _log.error("the settings stay as they were: %s", error)
        keeper.note(refusal_row(path, str(error), keeper.now_us()))
        return before
    keeper.note(settings_row(path, before, wanted, keeper.now_us(), after_restart=later))
    _log.info("the settings were read again: %s", ", ".join(wanted.devices) or "any device by its address")
    return wanted


def needs_restart(started_with: Settings, wanted: Settings) -> Iterator[str]:
    """The names of what is another than at the start, and cannot change under a running keeper."""
    yield from differences(started_with.keeper, wanted.keeper, "keeper")
    for name in differences(started_with.journal, wanted.journal, "journal"):
        if name != "journal.payloads":  # the book of devices brings that
            yield name
    for name in {**started_with.adapters, **wanted.adapters}:
        if started_with.adapters.get(name) != wanted.adapters.get(name):
            yield f"adapters.{name}"
    on_the_air = {device.address: device.virtual for device in started_with.devices.values()}
    for name, device in wanted.devices.items():
        if device.virtual != on_the_air.get(device.address):
            yield f"devices.{name}.virtual"
