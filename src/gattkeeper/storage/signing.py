"""The keys that sign checkpoints: made by chance, kept in a private file, replaced and erased when asked.

Knows that file. What is signed stands in `checkpoints`, how in `ed25519`.

Erasing means: the file is replaced, and the old one's blocks are overwritten. On flash memory, and on file systems
that copy on writing, the old bytes may stay in cells that a laboratory can read, until they are used again.
"""

import contextlib
import os
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.errors import StorageError
from gattkeeper.runtime.private_file import open_private
from gattkeeper.storage import ed25519
from gattkeeper.storage.checkpoints import Checkpoint, Hex32, signed_bytes
from gattkeeper.storage.journal_file import sync_folder


class _Kept(Struct, frozen=True, kw_only=True):
    """What the file holds, as JSON."""

    first: Hex32  # the public key that vouches for all that follow
    private: tuple[Hex32, ...]  # the key in use; and after it the next one, while it is being replaced


class Signer:
    """Owns a key file. Belongs to one thread at a time."""

    def __init__(self, path: Path, kept: _Kept, *, evolving: bool) -> None:
        self._path = path
        self._kept = kept
        self._evolving = evolving

    @classmethod
    def open(cls, path: Path, *, evolving: bool, named: str = "") -> Self:
        """Read the key file, or make it with a new key. Raises StorageError.

        `evolving`: each checkpoint is signed with a key of its own, which is erased afterwards. `named` is the
        `next_key` of the newest checkpoint: what was begun before a crash is ended, or taken back.
        """
        kept = _read(path)
        try:
            if kept is None:
                private = ed25519.new_private().hex()
                kept = _Kept(first=_public(private), private=(private,))
                _write(path, kept)
            signer = cls(path, kept, evolving=evolving)
            if len(kept.private) > 1:
                is_next = _public(kept.private[1]) == named
                signer._keep(kept.private[1 if is_next else 0])
        except OSError as fault:
            raise StorageError(f"the key {path} cannot be written: {fault.strerror}") from fault
        return signer

    def sign(self, checkpoint: Checkpoint) -> Checkpoint:
        """Fill in key, next key and signature. Raises OSError. `signed` is to follow once it is durable."""
        private, next_key = self._kept.private[0], ""
        if self._evolving:
            following = ed25519.new_private().hex()
            self._keep(private, following)
            next_key = _public(following)
        unsigned = replace(checkpoint, key=_public(private), next_key=next_key)
        signature = ed25519.sign(bytes.fromhex(private), signed_bytes(unsigned))
        return replace(unsigned, signature=signature.hex())

    def signed(self) -> None:
        """The line is durable: from here on only the next key signs, and the old one is erased. Raises OSError."""
        if len(self._kept.private) > 1:
            self._keep(*self._kept.private[1:])

    def _keep(self, *private: str) -> None:
        self._kept = _Kept(first=self._kept.first, private=private)
        _write(self._path, self._kept)


def public_key(path: Path) -> str:
    """The public key that vouches for every checkpoint of a journal. Raises StorageError where there is none."""
    kept = _read(path)
    if kept is None:
        raise StorageError(f"there is no key {path} yet: the daemon makes it when it first starts")
    return kept.first


def _public(private: str) -> str:
    return ed25519.public_of(bytes.fromhex(private)).hex()


def _read(path: Path) -> _Kept | None:
    """None where there is no file. What is wrong is said without what stands in the file."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read()
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise StorageError(f"the key {path} cannot be read: {fault.strerror}") from fault
    if os.name == "posix" and mode & 0o077:
        raise StorageError(
            f"the key {path} may be read by others (mode {mode & 0o777:o}): take it away, and a new one is made"
        )
    try:
        kept = msgspec.json.decode(content, type=_Kept)
    except msgspec.MsgspecError:
        kept = None
    if kept is None or not kept.private:
        raise StorageError(f"the key {path} is damaged: restore it, or move it away and a new one is made")
    return kept


def _write(path: Path, kept: _Kept) -> None:
    """Replace the file, durably, and overwrite what it was."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)  # of a process that died here
    _fill(open_private(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL), msgspec.json.encode(kept))
    old = None
    with contextlib.suppress(FileNotFoundError):
        old = open_private(path, os.O_WRONLY)
    new.replace(path)
    sync_folder(path.parent)
    if old is not None:
        _fill(old, bytes(os.fstat(old).st_size))


def _fill(descriptor: int, content: bytes) -> None:
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
