"""`gattkeeper lock`, joined: which lock, and the command under it.

Loads nothing slow: it stands before every command of somebody's flow.
"""

import sys

from gattkeeper.daemon.lock_place import LockPlaceError, lock_place
from gattkeeper.fronts.cli.lock_verb import LockCall, quick_call, run_under_lock

EXIT_USAGE = 2


def run_quickly(words: list[str]) -> int | None:
    """The exit code of `gattkeeper lock` with these words; None when they need the whole parser."""
    call = quick_call(words)
    return None if call is None else run_lock(call)


def run_lock(call: LockCall) -> int:
    """The exit code; 2 when there is no telling which lock."""
    if sys.platform == "win32":
        sys.stderr.write("gattkeeper: `lock` needs FIFOs and process groups, which Windows has not\n")
        return EXIT_USAGE
    try:
        place = lock_place(call.adapter)
    except LockPlaceError as error:
        sys.stderr.write(f"gattkeeper: {error}\n")
        return EXIT_USAGE
    return run_under_lock(call, adapter=place.adapter, folder=place.folder, name=place.name)
