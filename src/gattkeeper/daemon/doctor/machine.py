"""The machine the doctor looks at: its files below a root, its programs, each within a time.

Knows why something cannot be read, in a sentence for people. What it means is the other files' business.
"""

import os
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

PROGRAM_S = 5.0
"""How long a program may take, in seconds; those asked here answer in milliseconds."""

TEXT_BYTES_MAX = 4_000_000
"""Most of a file or of a program's answer that is looked at: more than a whole kernel log."""

_SYSTEM_PROGRAMS = "/usr/sbin:/sbin"  # where distributions keep some; not in every user's PATH


class UnreadableError(Exception):
    """Something could not be looked at; the message says why. `missing`: it is not there at all."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


class Machine(Struct, frozen=True, kw_only=True):
    """Files below `root`; programs along `programs`, a PATH, or along the user's own when it is empty."""

    root: Path = Path("/")
    programs: str = ""

    def text(self, path: str) -> str:
        """What stands in a file. Raises UnreadableError."""
        try:
            with (self.root / path).open("rb") as file:
                return file.read(TEXT_BYTES_MAX).decode(errors="replace")
        except OSError as error:
            raise _unreadable(f"/{path}", error) from None

    def names(self, path: str) -> list[str]:
        """What is in a folder, sorted; nothing where there is no such folder. Raises UnreadableError."""
        try:
            return sorted(entry.name for entry in (self.root / path).iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(f"/{path}", error) from None

    def run(self, *words: str) -> str:
        """What a program prints. Raises UnreadableError: it is not there, refuses, or takes too long."""
        program = shutil.which(words[0], path=self.programs or f"{os.environ.get('PATH', '')}:{_SYSTEM_PROGRAMS}")
        if program is None:
            raise UnreadableError(f"the program {words[0]} is not here", missing=True)
        spoken = f"`{' '.join(words)}`"
        try:
            done = subprocess.run(  # noqa: S603 - fixed words, no shell
                [program, *words[1:]],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=PROGRAM_S,
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            raise UnreadableError(f"{spoken} does not end within {PROGRAM_S:g} s") from None
        except OSError as error:
            raise UnreadableError(f"{spoken} cannot be run: {error.strerror}") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or [f"it exits {done.returncode}"]
            raise UnreadableError(f"{spoken} fails: {said[-1]}")
        return done.stdout[-TEXT_BYTES_MAX:].decode(errors="replace")


def _unreadable(path: str, error: OSError) -> UnreadableError:
    if isinstance(error, FileNotFoundError):
        return UnreadableError(f"there is no {path}", missing=True)
    if isinstance(error, PermissionError):
        return UnreadableError(f"not allowed to read {path}: run as root")
    return UnreadableError(f"{path} cannot be read: {error.strerror or error}")
