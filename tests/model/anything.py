"""Any value of a type, for hypothesis: follows a Struct's own fields, so that new ones are covered too."""

import types
from typing import Any, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

_LEAVES: dict[object, st.SearchStrategy[Any]] = {
    int: st.integers(min_value=-(2**63), max_value=2**63 - 1),  # what JSON numbers may be here
    str: st.text(max_size=20),
    bytes: st.binary(max_size=20),
    bool: st.booleans(),
    types.NoneType: st.none(),
}


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a Struct, a union, a tuple or a set of one kind, an enum or a plain type."""
    if kind in _LEAVES:
        return _LEAVES[kind]
    if get_origin(kind) in (Union, types.UnionType):
        return st.one_of([anything(part) for part in get_args(kind)])
    if get_origin(kind) is tuple:
        return st.lists(anything(get_args(kind)[0]), max_size=2).map(tuple)
    if get_origin(kind) is frozenset:
        return st.frozensets(anything(get_args(kind)[0]), max_size=2)
    if issubclass(kind, msgspec.Struct):
        fields = msgspec.structs.fields(kind)
        return st.builds(kind, **{field.name: anything(field.type) for field in fields})
    return st.sampled_from(kind)


def through_json(value: Any, kind: Any) -> Any:
    """What comes back when a value is written down and read as this kind."""
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)
