"""The limits of the core."""

from gattkeeper.core.limits import Limits


def test_each_has_a_default_that_a_recording_can_carry() -> None:
    values = [getattr(Limits(), name) for name in Limits.__struct_fields__]
    assert all(isinstance(value, int) and value >= 0 for value in values)


def test_lengths_of_time_say_their_unit() -> None:
    counts = ("_max", "_min", "shed", "depth", "_db")
    named = [name for name in Limits.__struct_fields__ if "_us" not in name]
    assert all(name.endswith(counts) for name in named), named
