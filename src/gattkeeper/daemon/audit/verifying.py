"""`gattkeeper audit verify`: the journal checked, and what was found said.

Knows words for people and JSON for programs. What is checked stands in `storage.verification`.
"""

import argparse
import sys
from pathlib import Path
from time import monotonic

import msgspec
from msgspec import Struct

from gattkeeper.storage.succession import Broken, verify_journal

PROGRESS_S = 0.5
"""How often a terminal is told how far it got."""


class Verified(Struct, frozen=True, kw_only=True):
    """What `--json` says. Hashes are hex digits."""

    journal: str  # its file, or that with the flaw
    whole: bool
    rows_from: int | None = None  # number of the oldest row, when whole
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
    found = verify_journal(journal, on_progress=on_progress)
    if on_progress is not None:
        on_progress.clear()
    if isinstance(found, Broken):
        return Verified(journal=str(found.path), whole=False, bad_row=found.flaw.seq, what=found.flaw.what)
    head = found.head
    return Verified(
        journal=str(journal), whole=True, rows_from=found.first_seq, rows_to=head.seq, hash=head.hash.hex()
    )


def _text(found: Verified) -> str:
    if found.whole:
        rows = f"every row from {found.rows_from} to {found.rows_to}"
        said = f"{found.journal} is whole: {rows} is as it was written"
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
