"""Ed25519 signatures (RFC 8032), made and checked by the package `cryptography`.

The only module that names it. It is loaded at the first call, so that nobody who signs nothing waits for it.
Keys are 32 bytes, signatures 64.
"""

import secrets
from typing import TYPE_CHECKING

from gattkeeper.errors import StorageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRIVATE_LENGTH = 32


def check_usable() -> None:
    """Raises StorageError where the package is not installed, as everything here does."""
    try:
        import cryptography  # noqa: F401, PLC0415 - slow to load
    except ImportError as fault:
        raise StorageError(
            "signed checkpoints need the package cryptography: install it (pip install cryptography); a keeper"
            ' goes without them where [journal] has checkpoint_keys = "none"'
        ) from fault


def new_private() -> bytes:
    """A private key, made by chance: any 32 bytes are one."""
    return secrets.token_bytes(PRIVATE_LENGTH)


def public_of(private: bytes) -> bytes:
    """The public key that belongs to it."""
    return _loaded(private).public_key().public_bytes_raw()


def sign(private: bytes, content: bytes) -> bytes:
    """The signature of `content`; the same each time."""
    return _loaded(private).sign(content)


def is_signature(signature: bytes, content: bytes, public: bytes) -> bool:
    """Whether `signature` is one of `content`. Bytes that are no key or no signature at all are not."""
    check_usable()
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - slow to load
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - slow to load

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _loaded(private: bytes) -> "Ed25519PrivateKey":
    check_usable()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - slow to load

    return Ed25519PrivateKey.from_private_bytes(private)
