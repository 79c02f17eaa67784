"""A program for the crash tests: a keeper in a child process, killed with -9 again and again.

Writes what the children were promised to standard output, one line each: the number of the round, what
became durable (accepted, intended, ended, outcome) and the command. A line counts when it is whole.
"""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from journal_rows import accepted, ended, intended

from gattkeeper.errors import StorageError
from gattkeeper.model.record import Record
from gattkeeper.storage.journal import SqliteJournal

COMMANDS_AT_ONCE = 8


async def keeper(path: Path, number: int, pipe: int) -> None:
    """Recover, then run commands until somebody kills us, telling each promise when it is made."""
    journal = await SqliteJournal.open(path)

    def tell(what: str, command_id: str) -> None:
        os.write(pipe, f"{number} {what} {command_id}\n".encode())

    async def write(what: str, command_id: str, record: Record) -> None:
        answer: asyncio.Future[StorageError | None] = asyncio.get_running_loop().create_future()
        journal.append(record, answer.set_result)
        if await answer is None:
            tell(what, command_id)

    async def commands(lane: int) -> None:
        count = 0
        while True:
            command_id = f"{number}.{lane}.{count}"
            await write("accepted", command_id, accepted(command_id))
            await write("intended", command_id, intended(command_id))
            await write("ended", command_id, ended(command_id))
            count += 1

    for outcome in await journal.recover(version="0"):
        tell("outcome", outcome.command_id)
    await asyncio.gather(*map(commands, range(COMMANDS_AT_ONCE)))


def crash(path: Path, number: int, lines: int) -> None:
    """Let a child run until it made so many promises, then kill it; pass on everything it had said."""
    here, there = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(here)
        asyncio.run(keeper(path, number, there))
    os.close(there)
    with os.fdopen(here, "rb") as promises:
        said = [promises.readline() for _ in range(lines)]
        os.kill(pid, signal.SIGKILL)
        said += promises.readlines()
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        sys.exit("the child ended by itself")
    sys.stdout.write(b"".join(said).decode())


def main() -> None:
    dice = random.Random(int(sys.argv[3]))
    for number in range(int(sys.argv[2])):
        crash(Path(sys.argv[1]), number, dice.choice((0, 1, dice.randrange(2, 60))))


if __name__ == "__main__":
    main()
