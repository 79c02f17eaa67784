"""Signatures as RFC 8032 has them, in both readings: the package's and that of the program without gattkeeper."""

import sys

import pytest

from gattkeeper.errors import StorageError
from gattkeeper.storage import ed25519, standalone

RFC_8032 = [  # section 7.1: secret key, public key, message, signature
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

BOTH = pytest.mark.parametrize("is_signature", [ed25519.is_signature, standalone.is_signature])


@pytest.mark.parametrize(("private", "public", "content", "signature"), RFC_8032)
def test_the_vectors_of_the_standard_come_out(private: str, public: str, content: str, signature: str) -> None:
    assert ed25519.public_of(bytes.fromhex(private)).hex() == public
    assert ed25519.sign(bytes.fromhex(private), bytes.fromhex(content)).hex() == signature


@BOTH
@pytest.mark.parametrize(("private", "public", "content", "signature"), RFC_8032)
def test_a_right_signature_is_known(is_signature, private: str, public: str, content: str, signature: str) -> None:
    assert is_signature(bytes.fromhex(signature), bytes.fromhex(content), bytes.fromhex(public))


@BOTH
def test_any_flipped_byte_makes_it_wrong(is_signature) -> None:
    private = ed25519.new_private()
    public, content = ed25519.public_of(private), b"far"
    whole = ed25519.sign(private, content) + public + content
    for place in range(len(whole)):
        spoilt = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        assert not is_signature(spoilt[:64], spoilt[96:], spoilt[64:96]), place


@BOTH
def test_what_is_no_key_or_no_signature_is_none(is_signature) -> None:
    private = ed25519.new_private()
    public, signature = ed25519.public_of(private), ed25519.sign(private, b"")
    assert is_signature(signature, b"", public)
    assert not is_signature(b"", b"", public)
    assert not is_signature(signature, b"", b"")
    assert not is_signature(signature, b"", b"\xff" * 32)
    order = 2**252 + 27742317777372353535851937790883648493  # RFC 8032, 5.1.7: S is below it
    s = int.from_bytes(signature[32:], "little") + order
    assert not is_signature(signature[:32] + s.to_bytes(32, "little"), b"", public)


def test_without_the_package_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(StorageError, match="pip install cryptography"):
        ed25519.sign(bytes(32), b"")
