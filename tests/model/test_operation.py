"""What each operation may do to a device, and its name."""

from typing import get_args

import pytest
from hypothesis import given

from gattkeeper.model.gatt import CharacteristicRef
from gattkeeper.model.operation import (
    CONNECTION_PRIORITIES,
    Composite,
    LongWrite,
    Operation,
    Pair,
    Read,
    RequestConnectionParameters,
    Sequence,
    Subscribe,
    Write,
    WriteThenWait,
    changes_state,
    has_effect,
    is_idempotent,
    kind_of,
    names_handle,
    parts_of,
    problem_with_parameters,
)
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
    "unpair",
    "read_phy",
    "set_phy",
    "request_connection_parameters",
    "connect",
    "disconnect",
}


@given(anything(Operation))
def test_every_operation_comes_back_from_json(operation: Operation) -> None:
    assert through_json(operation, Operation) == operation


@given(anything(Operation))
def test_only_writes_change_state_and_only_they_and_pairing_must_not_be_repeated(operation: Operation) -> None:
    kind = kind_of(operation)
    link_wide = {"pair", "unpair", "set_phy", "request_connection_parameters"}
    assert has_effect(operation) == (kind in {"write", "write_descriptor"} | link_wide)
    assert changes_state(operation) == (kind in {"write", "write_descriptor"})
    assert is_idempotent(operation) == (kind not in {"write", "write_descriptor", "pair"})


def test_the_names_are_those_of_the_journal() -> None:
    assert {kind.__struct_config__.tag for kind in get_args(Operation)} == NAMES


@given(anything(Composite))
def test_a_composite_comes_back_from_json_and_counts_as_a_write(composite: Composite) -> None:
    assert through_json(composite, Operation | Composite) == composite
    assert kind_of(composite) in {"long_write", "sequence", "write_then_wait"}
    assert changes_state(composite)
    assert has_effect(composite)
    assert not is_idempotent(composite)


def test_the_parts_of_a_sequence_are_its_steps_and_its_undo() -> None:
    read = Read(target=CharacteristicRef(handle=3))
    undo = Write(target=CharacteristicRef(handle=3), payload=b"x")
    assert parts_of(read) == (read,)
    assert parts_of(LongWrite(target=undo.target, payload=b"x")) == (undo,)
    assert parts_of(Sequence(steps=(read, read))) == (read, read)
    assert parts_of(Sequence(steps=(read,), undo=undo)) == (read, undo)


def test_a_write_that_waits_takes_a_subscription_first() -> None:
    write = Write(target=CharacteristicRef(handle=3), payload=b"x")
    answer = CharacteristicRef(handle=5)
    assert parts_of(WriteThenWait(write=write, answer=answer)) == (Subscribe(target=answer), write)


def test_operations_are_what_they_were_made() -> None:
    for kind in get_args(Operation):
        assert kind.__struct_config__.frozen
        with pytest.raises(TypeError):
            kind("2a19")  # keyword only: two strings are easily swapped


def test_the_priorities_are_those_of_android_in_its_own_units() -> None:
    units = {
        name: (each.interval_min_us / 1250, each.interval_max_us / 1250, each.latency)
        for name, each in CONNECTION_PRIORITIES.items()
    }
    assert units == {"high": (9, 12, 0), "balanced": (24, 40, 0), "low_power": (80, 100, 2)}
    assert {each.supervision_timeout_us for each in CONNECTION_PRIORITIES.values()} == {5_000_000}
    assert {problem_with_parameters(each) for each in CONNECTION_PRIORITIES.values()} == {""}


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ((7_500, 7_500, 0, 100_000), ""),
        ((7_500, 4_000_000, 0, 32_000_000), ""),
        ((7_500, 10_000, 499, 10_010_000), ""),
        ((7_500, 10_000, 499, 10_000_000), "longer than 10000 ms"),
        ((6_250, 7_500, 0, 100_000), "not 6.25 ms to 7.5 ms"),
        ((30_000, 15_000, 0, 5_000_000), "the least first"),
        ((7_500, 4_001_250, 0, 32_000_000), "7.5 ms to 4 s"),
        ((8_000, 10_000, 0, 5_000_000), "a multiple of 1.25 ms"),
        ((7_500, 8_000, 0, 5_000_000), "a multiple of 1.25 ms"),
        ((7_500, 7_500, -1, 5_000_000), "from 0 to 499 connection events"),
        ((7_500, 7_500, 500, 32_000_000), "from 0 to 499 connection events"),
        ((7_500, 7_500, 0, 90_000), "from 100 to 32000 ms"),
        ((7_500, 7_500, 0, 32_010_000), "from 100 to 32000 ms"),
        ((7_500, 7_500, 0, 105_000), "a multiple of 10 ms, not 105 ms"),
    ],
)
def test_connection_parameters_keep_the_limits_of_the_specification(figures: tuple[int, ...], said: str) -> None:
    shortest, longest, latency, timeout = figures
    problem = problem_with_parameters(
        RequestConnectionParameters(
            interval_min_us=shortest, interval_max_us=longest, latency=latency, supervision_timeout_us=timeout
        )
    )
    assert said in problem
    assert bool(said) == bool(problem)


def test_handles_are_found_in_every_part() -> None:
    by_uuid = Write(target=CharacteristicRef(uuid="00002a19-0000-1000-8000-00805f9b34fb"), payload=b"x")
    by_handle = Write(target=CharacteristicRef(handle=3), payload=b"x")
    named = (
        by_handle,
        LongWrite(target=by_handle.target, payload=b"x"),
        Sequence(steps=(by_uuid, by_handle)),
        Sequence(steps=(by_uuid,), undo=by_handle),
    )
    assert all(names_handle(operation) for operation in named)
    not_named = (
        by_uuid,
        Pair(),
        Sequence(steps=(by_uuid,), undo=by_uuid),
        LongWrite(target=by_uuid.target, payload=b""),
    )
    assert not any(names_handle(operation) for operation in not_named)
