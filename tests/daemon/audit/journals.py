"""A journal of a few commands, and the program on it.

Knows one command of each verdict, and texts that do their worst.
"""

import asyncio
from pathlib import Path

from found import found

from gattkeeper.daemon.cli import main
from gattkeeper.model.outcome import Resolution, Verdict
from gattkeeper.model.record import Accepted, Ended, Resolved, Started
from gattkeeper.storage.checkpointing import CheckpointRules
from gattkeeper.storage.journal import SqliteJournal


def write(
    path: Path,
    *verdicts: Verdict | None,
    device: str = "lounge",
    label: str = "set_position 73",
    checkpoints: CheckpointRules | None = None,
) -> Path:
    """One command for each verdict, c1 and up; None: it has not ended. The first unknown one is resolved."""

    async def story() -> None:
        journal = await SqliteJournal.open(path, checkpoints=checkpoints)
        journal.append(Started(version="0.1.0", pid=7))
        unresolved = True
        for number, verdict in enumerate(verdicts, start=1):
            one = found(verdict, seq=number, device=device, label=label)
            journal.append(Accepted(command=one.command, at_us=1))
            if one.outcome is not None:
                journal.append(Ended(outcome=one.outcome, at_us=2))
            if verdict is Verdict.UNKNOWN and unresolved:
                unresolved = False
                said = Resolution(command_id=one.command.id, applied=True, who="eve", why="looked at it")
                journal.append(Resolved(resolution=said, at_us=3))
        await journal.close()

    asyncio.run(story())
    return path


def audit(verb: str, journal: Path, *options: str) -> int:
    """The exit code of `gattkeeper audit VERB`."""
    return main(["audit", verb, "--journal", str(journal), *options])
