"""How an adapter is to be used."""

from gattkeeper.model.adapter import Serialization


def test_the_words_of_the_settings() -> None:
    assert [one.value for one in Serialization] == ["device", "adapter", "auto"]
