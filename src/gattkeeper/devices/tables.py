"""Tables of a TOML file to structs, strictly: every problem is collected, not only the first.

Knows types and how to speak of them. A value that a struct keeps in a form of its own (an address, a
template) is made by the parser given for its type.
"""

import math
import types
import typing
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct, inspect

from gattkeeper.devices.arguments import shown
from gattkeeper.devices.toml_file import Problem

Path = tuple[str, ...]
Parsers = Mapping[object, Callable[[object], object]]
"""By type: makes a value of it, or raises ValueError with a sentence."""

T = typing.TypeVar("T", bound=Struct)

MESSAGE_LENGTH_MAX = 200
"""Characters that are kept of what a parser says: it may repeat its input."""

_FAILED = object()


def read_struct(
    value: object, shape: type[T], parsers: Parsers, problems: list[Problem], at: Path = ()
) -> T | None:
    """Make a `shape` of a table, adding to `problems` what is wrong; `at` is the path of keys to the table.

    What could be read is returned even then, so that it can be checked further: a value that is wrong is
    left at its default, and a table that lacks a value without default is left out (None for the whole).
    """
    result = _Reader(parsers, problems).struct(value, shape, at)
    return result if isinstance(result, shape) else None


class _Reader:
    """One run: where problems go, and who makes special values."""

    def __init__(self, parsers: Parsers, problems: list[Problem]) -> None:
        self._parsers = parsers
        self._problems = problems

    def struct(self, value: object, shape: type[Struct], at: Path) -> object:
        if not isinstance(value, dict):
            return self._fail(at, f"{_last(at)} takes a table of keys, not {shown(value)}")
        tag_field = shape.__struct_config__.tag_field
        fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
        known = [*fields, *([tag_field] if tag_field else [])]
        for key in value:
            if key not in known:
                self._fail((*at, key), f"unknown key {shown(key)}{_hint(key, known)}")
        found = {}
        for key, field in fields.items():
            if key in value:
                result = self.value(value[key], field.type, (*at, key))
                if result is not _FAILED:
                    found[field.name] = result
            elif field.required:
                self._fail(at, f"{key} is missing{f' in {_last(at)}' if at else ''}")
        complete = all(field.name in found for field in fields.values() if field.required)
        return shape(**found) if complete else _FAILED

    def value(self, value: object, wanted: object, at: Path) -> object:
        options = [option for option in _options(wanted) if option is not type(None)]
        for option in options:
            if option in self._parsers:
                return self._parse(value, option, at)
        structs = [option for option in options if isinstance(option, type) and issubclass(option, Struct)]
        if structs:
            return self._one_of(value, structs, at)
        if typing.get_origin(wanted) is dict:
            return self._dict(value, typing.get_args(wanted)[1], at)
        if isinstance(value, float) and not math.isfinite(value):
            return self._fail(at, f"{_last(at)} takes {phrase(wanted)}, not {shown(value)}")
        try:
            return msgspec.convert(value, wanted)
        except msgspec.ValidationError:
            return self._fail(at, f"{_last(at)} takes {phrase(wanted)}, not {shown(value)}")

    def _parse(self, value: object, wanted: object, at: Path) -> object:
        try:
            return self._parsers[wanted](value)
        except ValueError as error:
            return self._fail(at, f"{_last(at)}: {str(error)[:MESSAGE_LENGTH_MAX]}")

    def _one_of(self, value: object, structs: list[type[Struct]], at: Path) -> object:
        """The struct whose tag the table carries, or the only one there is."""
        tag_field = structs[0].__struct_config__.tag_field
        if not tag_field or not isinstance(value, dict):
            return self.struct(value, structs[0], at)
        by_tag = {str(struct.__struct_config__.tag): struct for struct in structs}
        tag = value.get(tag_field)
        if isinstance(tag, str) and tag in by_tag:
            return self.struct(value, by_tag[tag], at)
        what = f"{tag_field} takes one of {', '.join(by_tag)}"
        return self._fail((*at, tag_field), f"{what}, not {shown(tag)}")

    def _dict(self, value: object, wanted: object, at: Path) -> object:
        if not isinstance(value, dict):
            return self._fail(at, f"{_last(at)} takes a table of keys, not {shown(value)}")
        items = ((key, self.value(item, wanted, (*at, key))) for key, item in value.items())
        return {key: item for key, item in items if item is not _FAILED}

    def _fail(self, at: Path, text: str) -> object:
        self._problems.append(Problem(at=at, text=text))
        return _FAILED


def phrase(wanted: object) -> str:
    """What a plain type takes, in words."""
    return _say(inspect.type_info(wanted))


def _say(info: inspect.Type) -> str:
    match info:
        case inspect.IntType():
            words = f"a whole number{_range(info)}"
        case inspect.FloatType():
            words = f"a number{_range(info)}"
        case inspect.EnumType(cls=cls):
            words = f"one of {', '.join(str(member.value) for member in cls)}"
        case inspect.LiteralType(values=values):
            words = f"one of {', '.join(str(value) for value in values)}"
        case inspect.VarTupleType(item_type=item):
            words = f"a list of {_say(item)}"
        case inspect.DictType(value_type=item):
            words = f"a table that gives each word {_say(item)}"
        case inspect.UnionType(types=options):
            words = " or ".join(_say(option) for option in options if not isinstance(option, inspect.NoneType))
        case _:
            words = "true or false" if isinstance(info, inspect.BoolType) else "text in quotes"
    return words


def _range(info: inspect.IntType | inspect.FloatType) -> str:
    if info.le is not None and info.gt is not None:
        return f" of more than {info.gt:.10g} and at most {info.le:.10g}"
    if info.le is not None and info.ge is not None:
        return f" from {info.ge:.10g} to {info.le:.10g}"
    return ""


def near_miss(word: str, known: typing.Iterable[str]) -> str:
    """The known word that was probably meant, or an empty string. Only the first 64 characters are looked at."""
    import difflib  # noqa: PLC0415 - only after a mistake

    close = difflib.get_close_matches(word[:64], list(known), n=1)
    return close[0] if close else ""


def _hint(key: str, known: list[str]) -> str:
    meant = near_miss(key, known)
    return f"; did you mean {meant}?" if meant else f"; there are {', '.join(known)}"


def _last(at: Path) -> str:
    return at[-1] if at else "the file"


def _options(wanted: object) -> tuple[object, ...]:
    """The members of a union; of anything else, itself."""
    if typing.get_origin(wanted) in (typing.Union, types.UnionType):
        return typing.get_args(wanted)
    return (wanted,)
