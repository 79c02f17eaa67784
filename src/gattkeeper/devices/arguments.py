"""Arguments of actions: what people and programs hand in becomes a value, or a sentence that teaches.

Knows what an action takes. How the value gets into a payload stands in `codec`.
"""

import math
import re
from typing import assert_never

from msgspec import Struct

from gattkeeper.model.profile import Argument, Choice, Integer, Number, Raw

_SHOWN_MAX = 40
"""Characters of somebody else's input that an error repeats."""

_DECIMAL = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


class Meant(Struct, frozen=True, kw_only=True):
    """An argument as understood: its value, and how it is spelled in the command's label."""

    value: float | bytes | None  # an int for whole numbers and choices
    text: str


def takes(argument: Argument | None) -> str:
    """What may be given, in words."""
    match argument:
        case None:
            return "no argument"
        case Integer():
            return f"a whole number from {argument.min} to {argument.max}"
        case Number():
            return f"a number from {argument.min:g} to {argument.max:g}"
        case Choice():
            return f"one of {', '.join(argument.values)}"
        case Raw():
            return f"1 to {argument.length_max} bytes as hex digits, as in 0aff"
        case _:
            assert_never(argument)


def understand(argument: Argument | None, given: str | float | None) -> Meant:
    """What is meant by what was given.

    Raises ValueError: "takes a whole number from 0 to 100, not 101".
    """
    meant = _meant(argument, given)
    if meant is None:
        message = f"takes {takes(argument)}, not {shown(given)}"
        raise ValueError(message)
    return meant


def shown(given: object) -> str:
    """Somebody's input, short enough to be repeated."""
    if given is None or isinstance(given, bool):
        return {None: "nothing", True: "true", False: "false"}[given]
    if isinstance(given, int) and given.bit_length() > 64:
        return "a number that large"
    text = repr(given)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _meant(argument: Argument | None, given: str | float | None) -> Meant | None:
    match argument:
        case None:
            return Meant(value=None, text="") if given is None else None
        case Choice():
            word = given.strip() if isinstance(given, str) else None
            return Meant(value=argument.values[word], text=word) if word in argument.values else None
        case Raw():
            return _bytes(given, argument.length_max)
        case Integer() | Number():
            number = _number(given)
            if number is None or not argument.min <= number <= argument.max:
                return None
            if isinstance(argument, Number):
                return Meant(value=number, text=f"{number:.10g}")
            return Meant(value=int(number), text=str(int(number))) if number == int(number) else None
        case _:
            assert_never(argument)


def _number(given: str | float | None) -> float | None:
    """A finite number, or None. A bool is none: nobody opens a blind to True percent."""
    if isinstance(given, str):
        text = given.strip()
        return float(text) if _DECIMAL.fullmatch(text) else None
    if given is None or isinstance(given, bool):
        return None
    return given if isinstance(given, int) or math.isfinite(given) else None


def _bytes(given: str | float | None, length_max: int) -> Meant | None:
    try:
        payload = bytes.fromhex(given) if isinstance(given, str) else b""
    except ValueError:
        return None
    return Meant(value=payload, text=payload.hex()) if 0 < len(payload) <= length_max else None
