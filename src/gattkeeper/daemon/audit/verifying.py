"""`gattkeeper audit verify`: the journal checked, and what was found said.

Knows words for people and JSON for programs. What is checked stands in `storage.succession` and
`storage.attestation`.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from gattkeeper.daemon.audit.showing import Progress
from gattkeeper.errors import StorageError
from gattkeeper.storage.attestation import attest
from gattkeeper.storage.checkpointing import checkpoints_of
from gattkeeper.storage.checkpoints import check_key, signed_in
from gattkeeper.storage.succession import Broken, verify_journal
from gattkeeper.storage.verification import Flaw

STDIN = "-"


class Verified(Struct, frozen=True, kw_only=True):
    """What `--json` says. Hashes and keys are hex digits."""

    journal: str  # its file, or that with the flaw
    whole: bool
    rows_from: int | None = None  # number of the oldest row, when whole
    rows_to: int | None = None  # number of the last row, when whole
    hash: str = ""  # that row's, when whole
    checkpoints: int = 0  # signed ones that agree, when whole
    signed_to: int | None = None  # the newest row that one of them is of, if it is still there
    key: str = ""  # the public key that vouches for them
    key_given: bool = False  # whether it was said with --key that this is the one
    bad_row: int | None = None
    what: str = ""


def tell_verification(args: argparse.Namespace, journal: Path) -> int:
    """Check, tell, and give the exit code: 0 whole, 1 not.

    Raises StorageError when there is no journal, or a file that was named cannot be read.
    """
    key = _key(args.key) if args.key else ""
    lines = checkpoint_lines(journal, args.checkpoints or [])  # before the journal, which may be growing
    on_progress = None if args.json else Progress("verified up to")
    found = verified(journal, lines, key=key, on_progress=on_progress)
    if on_progress is not None:
        on_progress.clear()
    sys.stdout.write((msgspec.json.encode(found).decode() if args.json else _text(found)) + "\n")
    return 0 if found.whole else 1


def verified(
    journal: Path, lines: list[bytes], *, key: str, on_progress: Callable[[int], None] | None = None
) -> Verified:
    """The files, then the checkpoints' signatures, then the one against the other: the first flaw counts."""
    whole = verify_journal(journal, on_progress=on_progress)
    if isinstance(whole, Broken):
        return _broken(whole.path, whole.flaw)
    signed = signed_in(lines, key=key)
    if isinstance(signed, Flaw):
        return _broken(journal, signed)
    attested = attest(journal, whole, signed)
    if isinstance(attested, Flaw):
        return _broken(journal, attested)
    return Verified(
        journal=str(journal),
        whole=True,
        rows_from=whole.first_seq,
        rows_to=whole.head.seq,
        hash=whole.head.hash.hex(),
        checkpoints=len(signed.checkpoints),
        signed_to=attested.to or None,
        key=signed.key,
        key_given=bool(key),
    )


def _broken(path: Path, flaw: Flaw) -> Verified:
    return Verified(journal=str(path), whole=False, bad_row=flaw.seq, what=flaw.what)


def _key(named: str) -> str:
    """A key itself, or a file that holds one."""
    try:
        return check_key(Path(named).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return check_key(named)
    except (OSError, UnicodeDecodeError) as fault:
        raise StorageError(f"the key file {named} cannot be read: {fault}") from fault


def checkpoint_lines(journal: Path, named: list[str]) -> list[bytes]:
    """Of the checkpoints beside the journal, if there are any, and of named files. Raises StorageError."""
    beside = checkpoints_of(journal)
    files = [str(beside)] if beside.exists() else []
    try:
        return [line for name in files + named for line in _read(name).splitlines()]
    except OSError as fault:
        raise StorageError(f"the checkpoints {fault.filename} cannot be read: {fault.strerror}") from fault


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()


def _text(found: Verified) -> str:
    if not found.whole:
        said = f"{found.journal} is NOT whole: {found.what}"
        return f"{said}\nkeep a copy of the file as it is, and find out who changed it"
    rows = f"every row from {found.rows_from} to {found.rows_to}"
    said = f"{found.journal} is whole: {rows} is as it was written"
    return f"{said}\nhash of the last: {found.hash}\n{_signed_text(found)}"


def _signed_text(found: Verified) -> str:
    if not found.checkpoints:
        return "no checkpoints: that the last rows are missing, or that all were written anew, would not be found"
    unsigned = (found.rows_to or 0) - (found.signed_to or 0)
    signed = f"{found.checkpoints} checkpoints agree; the newest {unsigned} rows are signed by none"
    vouched = "which is the key that was given" if found.key_given else "which nobody vouched for: give --key"
    return f"{signed}\nsigned with {found.key}, {vouched}"
