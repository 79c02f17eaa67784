"""What makes a profile sound, beyond the types of its keys.

Knows what fits together: names, arguments, templates and ranges. Nothing here reads files.
"""

import re
from collections.abc import Iterator
from typing import assert_never

from gattkeeper.devices import codec
from gattkeeper.devices.toml_file import Problem
from gattkeeper.model.gatt import ATTRIBUTE_LENGTH_MAX
from gattkeeper.model.profile import (
    Action,
    Argument,
    Choice,
    Integer,
    Number,
    PartKind,
    Profile,
    Raw,
    ReadAction,
    ReadBackRule,
    StopRule,
    Template,
    WriteAction,
)

STOP = "stop"
"""The word for the emergency stop; no action may have it."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_DECODE_ONLY = (PartKind.TEXT, PartKind.ANY)


def profile_problems(profile: Profile, at: tuple[str, ...]) -> Iterator[Problem]:
    """Everything that is wrong with a profile; `at` is the path of keys to it."""
    yield from _name_problems(profile, (*at, "actions"))
    for name, action in profile.actions.items():
        for key, text in _action_problems(action):
            yield Problem(at=(*at, "actions", name, key), text=f"{name}: {text}")
    if profile.stop is not None:
        for text in _stop_problems(profile.stop):
            yield Problem(at=(*at, STOP, "payload"), text=f"{STOP}: {text}")


def _name_problems(profile: Profile, at: tuple[str, ...]) -> Iterator[Problem]:
    if not profile.actions and profile.stop is None:
        yield Problem(at=at, text="a profile needs at least one action, or a stop")
    owners = {name: name for name in profile.actions}
    for name, action in profile.actions.items():
        for word in (name, *action.aliases):
            place = (*at, name) if word == name else (*at, name, "aliases")
            if word == STOP:
                yield Problem(at=place, text=f'{STOP} is no name for an action: write a table "{STOP}" instead')
            elif not _NAME.fullmatch(word):
                what = "lower-case letters, digits and underscores, a letter first, 64 at most"
                yield Problem(at=place, text=f"{word[:64]!r} is no name for an action: {what}")
            if owners.setdefault(word, name) != name:
                yield Problem(at=(*at, name, "aliases"), text=f"{word} already names an action")


def _action_problems(action: Action) -> Iterator[tuple[str, str]]:
    """Pairs of key and text."""
    if action.scale == 0:
        yield "scale", "scale must not be 0"
    elif isinstance(action, ReadAction):
        yield from (("decode", text) for text in _decode_problems(action))
    else:
        yield from _write_problems(action)


def _decode_problems(action: ReadAction) -> Iterator[str]:
    if action.decode is not None and len(codec.values_of(action.decode)) != 1:
        yield f"{action.decode.text!r} needs exactly one place for the value, such as {{u8}}"
    elif action.decode is not None and codec.has_token(action.decode):
        yield "{token} has its place where a value is written, not where one is decoded"


def _write_problems(action: WriteAction) -> Iterator[tuple[str, str]]:
    if isinstance(action.argument, Integer | Number) and action.argument.min > action.argument.max:
        yield "argument", "min is more than max"
        return
    if isinstance(action.argument, Choice):
        for word in action.argument.values:
            if not _WORD.fullmatch(word):
                rule = "a letter first, then letters, digits, dashes and underscores"
                yield "argument", f"{word[:64]!r} is no word to choose: {rule}"
    if action.setpoint == "":
        yield "setpoint", "a setpoint's name has at least one letter; true stands for the action's own name"
    for text in _payload_problems(action.payload, action):
        yield "payload", text
    if not codec.values_of(action.payload) and action.argument is not None:
        yield "payload", f"{action.payload.text!r} has no place for the argument, such as {{u8}}"
    if action.read_back is not None:
        for text in _read_back_problems(action.read_back, action):
            yield "read_back", text


def _read_back_problems(rule: ReadBackRule, action: WriteAction) -> Iterator[str]:
    yield from _payload_problems(rule.equals, action)
    if codec.has_token(rule.equals) and not codec.has_token(action.payload):
        yield "{token} is read back, but the payload does not carry it"


def _payload_problems(template: Template, action: WriteAction) -> Iterator[str]:
    """What keeps a template from being filled with the argument, over its whole range."""
    kinds = [part.kind for part in template.parts]
    for kind in _DECODE_ONLY:
        if kind in kinds:
            yield f"{{{kind.value}}} has its place where a value is decoded, not where one is written"
            return
    places = codec.values_of(template)
    if places and action.argument is None:
        yield f"{template.text!r} has a place for a value, but the action takes no argument"
        return
    if any((place is PartKind.BYTES) != isinstance(action.argument, Raw) for place in places):
        yield f"{template.text!r} does not fit the argument: {{bytes}} carries bytes, all others carry numbers"
        return
    try:
        lengths = [len(codec.encode(template, value, token=1)) for value in _extremes(action)]
    except (ValueError, OverflowError) as error:
        yield f"{template.text!r} cannot carry every allowed argument: {error}"
        return
    if max(lengths) > ATTRIBUTE_LENGTH_MAX:
        yield f"{max(lengths)} bytes are longer than any attribute: {ATTRIBUTE_LENGTH_MAX} is the limit"


def _extremes(action: WriteAction) -> list[int | bytes | None]:
    """The arguments, as they go into the payload, between which all others are."""
    argument: Argument | None = action.argument
    match argument:
        case None:
            return [None]
        case Raw():
            return [bytes(argument.length_max)]
        case Choice():
            return list(argument.values.values())
        case Integer() | Number():
            return [codec.to_raw(value, action.scale, action.offset) for value in (argument.min, argument.max)]
        case _:
            assert_never(argument)


def _stop_problems(stop: StopRule) -> Iterator[str]:
    try:
        codec.encode(stop.payload, None)
    except ValueError:
        yield f"{stop.payload.text!r} must be plain bytes: a stop takes no argument"
