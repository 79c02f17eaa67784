"""A file for somebody else: there whole, or not at all, and never in another one's place unawares.

Knows folders and names. What is written is the caller's.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gattkeeper.errors import ConflictError, StorageError
from gattkeeper.runtime.private_file import open_private


@contextlib.contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """A file to write, of mode 0600, that gets its name at the end when nothing was raised.

    Raises ConflictError when there is one of this name, unless `force`; StorageError when it cannot be written.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    _refuse_existing(path, force=force)
    try:
        with _removed_at_the_end(new):
            with os.fdopen(open_private(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _refuse_existing(path, force=force)  # another one may have come meanwhile
            new.replace(path)
    except OSError as fault:
        raise StorageError(f"{path} cannot be written: {fault.strerror or fault}") from fault


def _refuse_existing(path: Path, *, force: bool) -> None:
    if os.path.isdir(path):  # noqa: PTH112 - a path that cannot be is no folder
        raise StorageError(f"{path} is a folder: name a file in it")
    if not force and os.path.lexists(path):
        raise ConflictError(f"{path} is there already: name another file, or say --force to replace it")


@contextlib.contextmanager
def _removed_at_the_end(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
