"""Every event and what followed from it, in a file; and the file through the core again.

Knows the format: a line about the core, then a line per event. The core is pure, so the same events give
the same decisions: what a keeper did can be looked at afterwards, step by step, without any radio.

    ["gattkeeper recording", 1, {limits}, journalled]
    [now_us, {event}, digest of the effects]
"""

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from gattkeeper.core.effects import Effect
from gattkeeper.core.events import Event
from gattkeeper.core.limits import Limits
from gattkeeper.core.scheduler import Scheduler
from gattkeeper.errors import UsageError
from gattkeeper.runtime.private_file import open_private

TITLE = "gattkeeper recording"
FORMAT = 1

_HEAD: msgspec.json.Decoder[tuple[str, int, Limits, bool]] = msgspec.json.Decoder(tuple[str, int, Limits, bool])
_LINE: msgspec.json.Decoder[tuple[int, Event, int]] = msgspec.json.Decoder(tuple[int, Event, int])


class Recorder:
    """Writes a recording. Payloads are in it: the file is made for its owner alone.

    A line is one write to a file opened for appending, so a recording ends where its process ended.
    Raises OSError when the file cannot be made; a later failure to write ends the recording, not the keeper.
    """

    def __init__(self, path: Path, limits: Limits, *, journalled: bool) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        self._descriptor: int | None = open_private(path, flags)
        self._write([TITLE, FORMAT, limits, journalled])

    def note(self, event: Event, now_us: int, effects: list[Effect]) -> None:
        """One event, its moment, and what followed."""
        self._write([now_us, event, digest(effects)])

    def close(self) -> None:
        """End the recording."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, line: list[object]) -> None:
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, msgspec.json.encode(line) + b"\n")
        except OSError:
            self.close()


class Step(Struct, frozen=True, kw_only=True):
    """One event of a recording, decided again."""

    line: int
    now_us: int
    event: Event
    effects: list[Effect]
    same: bool  # the same effects as when it was recorded


def digest(effects: list[Effect]) -> int:
    """A number that differs when the effects do."""
    return zlib.crc32(msgspec.json.encode([(type(effect).__name__, effect) for effect in effects]))


def replay(path: Path) -> Iterator[Step]:
    """Decide every event of a recording again, in order. A line that was cut at the end is left out.

    Raises UsageError when the file cannot be read or is no recording of this format.
    """
    try:
        head, *lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    scheduler = _scheduler(path, head)
    for number, line in enumerate(lines[:-1], start=2):
        try:
            now_us, event, recorded = _LINE.decode(line)
        except msgspec.MsgspecError as error:
            raise UsageError(f"{path}:{number}: not an event: {error}") from None
        effects = scheduler.handle(event, now_us)
        yield Step(line=number, now_us=now_us, event=event, effects=effects, same=digest(effects) == recorded)


def _scheduler(path: Path, head: bytes) -> Scheduler:
    try:
        title, number, limits, journalled = _HEAD.decode(head)
    except msgspec.MsgspecError:
        raise UsageError(f"{path} is no recording of gattkeeper") from None
    if (title, number) != (TITLE, FORMAT):
        raise UsageError(f"{path} is a recording of another format: {title} {number}, not {TITLE} {FORMAT}")
    return Scheduler(limits, journalled=journalled)
