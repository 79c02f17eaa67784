"""The key file: private, made once, replaced with each checkpoint where that is asked, never lost half-way."""

import os
from pathlib import Path

import pytest

from gattkeeper.errors import StorageError
from gattkeeper.storage import signing
from gattkeeper.storage.checkpoints import Checkpoint, Signed, line_of, signed_in
from gattkeeper.storage.signing import Signer, public_key


def checkpoint(seq: int = 1) -> Checkpoint:
    return Checkpoint(
        install_id="a", segment=1, seq=seq, hash="cd" * 32, utc_us=1, mono_us=1, boot_id="", clock_synced=None
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db.key"


def test_a_key_is_made_once_and_private(path: Path) -> None:
    Signer.open(path, evolving=False)
    first = public_key(path)
    Signer.open(path, evolving=False)
    assert public_key(path) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_public_key_is_not_the_private_one(path: Path) -> None:
    Signer.open(path, evolving=False)
    assert path.read_text().count(public_key(path)) == 1
    assert public_key(path) == signing._public(signing._read(path).private[0])  # type: ignore[union-attr]


def test_a_fixed_key_signs_everything(path: Path) -> None:
    signer = Signer.open(path, evolving=False)
    before = path.read_bytes()
    found = [signer.sign(checkpoint(1)), signer.sign(checkpoint(2))]
    signer.signed()
    assert {one.key for one in found} == {public_key(path)}
    assert isinstance(signed_in(map(line_of, found), key=public_key(path)), Signed)
    assert path.read_bytes() == before


def test_an_evolving_key_signs_once_and_is_gone(path: Path) -> None:
    signer = Signer.open(path, evolving=True)
    private = signing._read(path).private[0]  # type: ignore[union-attr]
    found = []
    for seq in (1, 2, 3):
        found.append(signer.sign(checkpoint(seq)))
        signer.signed()
    assert len({one.key for one in found}) == 3
    assert isinstance(signed_in(map(line_of, found), key=public_key(path)), Signed)
    assert private not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_bytes_of_the_old_file_are_overwritten(path: Path) -> None:
    signer = Signer.open(path, evolving=True)
    with path.open("rb") as old:
        signer.sign(checkpoint())
        content = old.read()
    assert content
    assert set(content) == {0}


@pytest.mark.parametrize("durable", [True, False])
def test_a_crash_while_a_key_is_replaced_leaves_one_that_goes_on(path: Path, durable: bool) -> None:
    first = Signer.open(path, evolving=True).sign(checkpoint(1))  # and the process is gone
    named = first.next_key if durable else ""
    second = Signer.open(path, evolving=True, named=named).sign(checkpoint(2))
    written = [first, second] if durable else [second]
    assert isinstance(signed_in(map(line_of, written), key=public_key(path)), Signed)


def test_who_changes_from_evolving_keys_to_a_fixed_one_is_understood(path: Path) -> None:
    evolving = Signer.open(path, evolving=True)
    first = evolving.sign(checkpoint(1))
    evolving.signed()
    fixed = Signer.open(path, evolving=False, named=first.next_key)
    found = [first, fixed.sign(checkpoint(2)), fixed.sign(checkpoint(3))]
    assert isinstance(signed_in(map(line_of, found), key=public_key(path)), Signed)


def test_a_key_that_others_may_read_is_refused(path: Path) -> None:
    Signer.open(path, evolving=False)
    path.chmod(0o640)
    with pytest.raises(StorageError, match="may be read by others"):
        public_key(path)


@pytest.mark.parametrize("content", [b"", b"secret words", b'{"first": "ab", "private": []}'])
def test_a_damaged_key_is_refused_and_not_shown(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(descriptor, content)
    os.close(descriptor)
    with pytest.raises(StorageError, match="is damaged") as caught:
        Signer.open(path, evolving=False)
    assert "secret" not in str(caught.value)


def test_a_key_that_is_not_there_or_cannot_be_made_is_said(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="when it first starts"):
        public_key(path)
    with pytest.raises(StorageError, match="cannot be written"):
        Signer.open(tmp_path / "none" / "journal.db.key", evolving=False)
    path.mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        public_key(path)
