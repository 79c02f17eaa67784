"""Effects: plain data that cannot be changed on its way to those who perform it."""

from typing import Any, get_args

import pytest

from gattkeeper.core.effects import Effect, Finish, Refusal
from gattkeeper.errors import LatchedError, QueueClosedError, QueueFullError, StoppedError


@pytest.mark.parametrize("kind", get_args(Effect), ids=lambda kind: kind.__name__)
def test_an_effect_is_frozen(kind: Any) -> None:
    assert kind.__struct_config__.frozen


def test_an_outcome_leaves_the_core_with_its_command_and_moment() -> None:
    assert Finish.__struct_fields__ == ("command", "outcome", "at_us")


def test_every_refusal_has_the_code_of_the_error_its_caller_sees() -> None:
    codes = {error.code for error in (QueueFullError, QueueClosedError, StoppedError, LatchedError)}
    assert {refusal.value for refusal in Refusal} == codes
