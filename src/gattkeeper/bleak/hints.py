"""What a program may say about its calls beyond what Bleak has words for: how urgent they are, and whether a write
may be repeated.

Knows the innermost `hint` that a call is made in, and the environment that `gattkeeper run` sets.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from msgspec import Struct
from msgspec.structs import replace

from gattkeeper.model.command import Priority

PRIORITY_VARIABLE = "GATTKEEPER_PRIORITY"
"""Environment variable: the priority of a whole program, as `gattkeeper run --priority` sets it."""


class Hints(Struct, frozen=True, kw_only=True):
    """What holds for a call."""

    priority: Priority = Priority.NORMAL
    idempotent: bool = False  # a write may be repeated after an attempt that ended unclear


_HINTS: ContextVar[Hints | None] = ContextVar("gattkeeper_bleak_hints", default=None)


@contextmanager
def hint(*, priority: Priority | str | None = None, idempotent: bool | None = None) -> Iterator[None]:
    """What is said here holds for the calls in this block, and in tasks that are made in it.

    `priority` is urgent, interactive, normal or background. `idempotent=True` is the licence to repeat a write
    after an attempt that ended unclear. Raises ValueError for another priority.
    """
    said = hints()
    if priority is not None:
        said = replace(said, priority=priority_named(priority))
    if idempotent is not None:
        said = replace(said, idempotent=idempotent)
    token = _HINTS.set(said)
    try:
        yield
    finally:
        _HINTS.reset(token)


def hints() -> Hints:
    """What holds for a call that is made now. Raises ValueError when the environment names no priority."""
    return _HINTS.get() or Hints(priority=program_priority())


def priority_named(priority: Priority | str) -> Priority:
    """A priority by its name. Raises ValueError, with the names there are."""
    try:
        return priority if isinstance(priority, Priority) else Priority[priority.upper()]
    except KeyError:
        names = ", ".join(each.name.lower() for each in Priority)
        message = f"there is no priority {priority!r}: it is one of {names}"
        raise ValueError(message) from None


def program_priority() -> Priority:
    """That of the whole program. Raises ValueError when the environment names one that there is not."""
    return priority_named(os.environ.get(PRIORITY_VARIABLE) or Priority.NORMAL)
