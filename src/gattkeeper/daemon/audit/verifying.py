"""`gattkeeper audit verify`: the journal checked, and what was found said.

Knows words for people and JSON for programs. What is checked stands in `storage.verification`.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic

import msgspec
from msgspec import Struct

from gattkeeper.storage import journal_file
from gattkeeper.storage.verification import Flaw, verify

PROGRESS_S = 0.5
"""How often a terminal is told how far it got."""


class Verified(Struct, frozen=True, kw_only=True):
    """What `--json` says. Hashes are hex digits."""

    journal: str
    whole: bool
    rows_to: int | None = None  # number of the last row, when whole
    hash: str = ""  # that row's, when whole
    bad_row: int | None = None
    what: str = ""


def tell_verification(args: argparse.Namespace, journal: Path) -> int:
    """Check, tell, and give the exit code: 0 whole, 1 not. Raises StorageError when there is no journal."""
    found = _verified(journal, _Progress() if sys.stderr.isatty() and not args.json else None)
    sys.stdout.write((msgspec.json.encode(found).decode() if args.json else _text(found)) + "\n")
    return 0 if found.whole else 1


def _verified(journal: Path, on_progress: "_Progress | None") -> Verified:
    with closing(journal_file.open_as_it_is(journal)) as connection:
        found = verify(connection, on_progress=on_progress)
    if on_progress is not None:
        on_progress.clear()
    if isinstance(found, Flaw):
        return Verified(journal=str(journal), whole=False, bad_row=found.seq, what=found.what)
    return Verified(journal=str(journal), whole=True, rows_to=found.seq, hash=found.hash.hex())


def _text(found: Verified) -> str:
    if found.whole:
        said = f"{found.journal} is whole: every row up to {found.rows_to} is as it was written"
        return f"{said}\nhash of the last: {found.hash}"
    said = f"{found.journal} is NOT whole: {found.what}"
    return f"{said}\nkeep a copy of the file as it is, and find out who changed it"


class _Progress:
    """A line on the terminal that is written over."""

    def __init__(self) -> None:
        self._next_at = monotonic() + PROGRESS_S

    def __call__(self, seq: int) -> None:
        if monotonic() >= self._next_at:
            sys.stderr.write(f"\rverified up to row {seq}")
            sys.stderr.flush()
            self._next_at = monotonic() + PROGRESS_S

    def clear(self) -> None:
        sys.stderr.write("\r\x1b[K")
