"""A journal that is not what it was: what that holds back, and what somebody can do about it.

Knows words and what is refused. What is missing is found by whoever opened the journal; that somebody takes it as
it is goes on record in `resolving`.
"""

from gattkeeper.errors import StorageError
from gattkeeper.model.command import Command
from gattkeeper.model.operation import changes_state
from gattkeeper.runtime.ports import Journal

_HOLD = (
    "nothing that changes a device starts until somebody takes it as it is, because what nobody knows of a device"
    " may be among what is missing: look with `gattkeeper audit verify`, and at the devices, then say"
    " `gattkeeper audit accept --who NAME --why TEXT`"
)

_GO_ON = "see `gattkeeper audit verify`"


def flaw_text(journal: Journal) -> str:
    """What is wrong with the journal, what follows from that and what to do; empty where nothing is."""
    return f"{'; '.join(journal.flaws)}; {_HOLD if journal.holds else _GO_ON}" if journal.flaws else ""


def check(journal: Journal | None, *commands: Command) -> None:
    """Raises StorageError for commands that may change their devices, while the journal holds such."""
    if journal is not None and journal.holds and any(changes_state(command.operation) for command in commands):
        raise StorageError(flaw_text(journal))
