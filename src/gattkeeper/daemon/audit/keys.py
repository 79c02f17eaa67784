"""`gattkeeper audit key` and `gattkeeper audit verifier`: what somebody else needs to check the journal.

Knows what is printed; nothing of it is secret.
"""

import inspect
import sys
from pathlib import Path

from gattkeeper.storage import standalone
from gattkeeper.storage.checkpointing import key_of
from gattkeeper.storage.signing import public_key


def tell_key(journal: Path) -> int:
    """Print the public key, alone on its line; the exit code. Raises StorageError where there is none yet."""
    sys.stdout.write(public_key(key_of(journal)) + "\n")
    return 0


def tell_verifier() -> int:
    """Print the program; the exit code."""
    sys.stdout.write(inspect.getsource(standalone))
    return 0
