"""What each operation may do to a device, and its name."""

from typing import get_args

import pytest
from hypothesis import given

from gattkeeper.model.operation import Operation, changes_state, is_idempotent, kind_of
from model.anything import anything, through_json

NAMES = {
    "read",
    "write",
    "read_descriptor",
    "write_descriptor",
    "subscribe",
    "unsubscribe",
    "request_mtu",
    "read_rssi",
    "discover_services",
    "pair",
    "connect",
    "disconnect",
}


@given(anything(Operation))
def test_every_operation_comes_back_from_json(operation: Operation) -> None:
    assert through_json(operation, Operation) == operation


@given(anything(Operation))
def test_only_writes_change_state_and_only_they_and_pairing_must_not_be_repeated(operation: Operation) -> None:
    kind = kind_of(operation)
    assert changes_state(operation) == (kind in {"write", "write_descriptor"})
    assert is_idempotent(operation) == (kind not in {"write", "write_descriptor", "pair"})


def test_the_names_are_those_of_the_journal() -> None:
    assert {kind.__struct_config__.tag for kind in get_args(Operation)} == NAMES


def test_operations_are_what_they_were_made() -> None:
    for kind in get_args(Operation):
        assert kind.__struct_config__.frozen
        with pytest.raises(TypeError):
            kind("2a19")  # keyword only: two strings are easily swapped
