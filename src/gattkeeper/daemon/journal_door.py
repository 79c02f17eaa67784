"""The daemon's journal at a start: the one of the settings, or the next best thing for an emergency stop.

Knows what the settings say of the journal, and when a daemon starts without it.
"""

import asyncio
import logging

from gattkeeper import __version__
from gattkeeper.daemon.settings_model import JournalSettings, Settings
from gattkeeper.errors import StorageError
from gattkeeper.runtime.keeper import Keeper
from gattkeeper.storage import segments
from gattkeeper.storage.checkpointing import CheckpointRules
from gattkeeper.storage.journal import SqliteJournal
from gattkeeper.storage.late_journal import LateJournal
from gattkeeper.storage.rotation import DAY_US, MEGABYTE, SegmentRules

RETRY_S = 10.0
"""How long after one attempt to open a journal the next one is made."""

_log = logging.getLogger("gattkeeper")


async def open_journal(settings: Settings, *, only_try: bool = False) -> SqliteJournal:
    """The journal of the settings, with everything ended that a dead keeper left open. Raises StorageError.

    `only_try`: what is missing from it stays for the next to find.
    """
    rules = SegmentRules(
        size_max=settings.journal.file_mb * MEGABYTE,
        kept_size_max=settings.journal.kept_mb * MEGABYTE,
        kept_us=int(settings.journal.kept_days * DAY_US),
    )
    journal = await SqliteJournal.open(
        settings.keeper.journal,
        rules=rules,
        checkpoints=_checkpoints(settings.journal),
        hold_on_flaw=only_try or settings.journal.on_flaw == "hold",
    )
    try:
        await journal.recover(version=__version__, adapters=tuple(settings.adapters))
    except BaseException:
        await journal.close()
        raise
    return journal


async def open_or_do_without(settings: Settings) -> SqliteJournal | LateJournal:
    """The same; but a daemon whose journal is out of order must still be able to stop devices.

    Raises StorageError when another process holds the journal, which then sees to stops, and when there never was
    one: then somebody is setting things up, and shall hear of it.
    """
    try:
        return await open_journal(settings)
    except StorageError as fault:
        if isinstance(fault.__cause__, BlockingIOError) or not _was_there(settings):
            raise
        _log.error("only emergency stops go out until the journal can be used: %s", fault)
        return LateJournal(fault)


async def wait_for(late: LateJournal, keeper: Keeper, settings: Settings, *, retry_s: float = RETRY_S) -> None:
    """Look again and again until the journal can be used, then have the keeper use it."""
    while late.fault is not None:
        await asyncio.sleep(retry_s)
        try:
            # Beside the loop first: a disk that hangs must not keep a stop waiting.
            await asyncio.to_thread(_try_out, settings)
            late.take(await open_journal(settings))
        except StorageError as fault:
            _log.debug("the journal cannot be used yet: %s", fault)
    keeper.look_at_journal()
    _log.warning("the journal can be used again")


def _try_out(settings: Settings) -> None:
    async def open_and_close() -> None:
        await (await open_journal(settings, only_try=True)).close()

    asyncio.run(open_and_close())


def _was_there(settings: Settings) -> bool:
    """A folder that cannot be read may hold one."""
    try:
        return bool(segments.files_of(settings.keeper.journal))
    except StorageError:
        return True


def _checkpoints(settings: JournalSettings) -> CheckpointRules | None:
    if settings.checkpoint_keys == "none":
        return None
    return CheckpointRules(
        rows=settings.checkpoint_rows,
        every_s=settings.checkpoint_every,
        keys=settings.checkpoint_keys,
        push=settings.checkpoint_push,
    )
