"""Events: each comes back from JSON as what it was, so that a recorded history can be played again."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gattkeeper.core.events import Event
from model.anything import anything, through_json

JITTER = st.floats(0, 1)


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_every_event_comes_back_from_json_as_the_kind_it_was(kind: type) -> None:
    parts = {field.name: field.type for field in msgspec.structs.fields(kind)}
    values = {name: JITTER if name == "jitter" else anything(part) for name, part in parts.items()}

    @settings(max_examples=20)
    @given(st.builds(kind, **values))
    def comes_back(event: Event) -> None:
        assert through_json(event, Event) == event

    comes_back()
