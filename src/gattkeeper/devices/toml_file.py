"""A TOML file, with the line on which each key stands.

Knows files and lines; what the keys mean is its reader's business. The standard parser gives no line
for a key, so the text is scanned once more: keys inside a table in braces, or a list that spans lines,
have the line of the key outside; a line inside a multi-line string that looks like a key may be taken
for one. A wrong guess costs a wrong number in a message, nothing else.
"""

import errno
import re
import tomllib
from pathlib import Path

from msgspec import Struct

from gattkeeper.errors import SettingsError

FILE_BYTES_MAX = 1024 * 1024
"""Largest file that is read, in bytes."""

_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


class Problem(Struct, frozen=True, kw_only=True):
    """Something that is wrong at a key."""

    at: tuple[str, ...]
    text: str


class TomlFile(Struct, frozen=True, kw_only=True):
    """A file as parsed. `lines` has the line of each key that starts one, by its path of keys."""

    name: str
    table: dict[str, object]
    lines: dict[tuple[str, ...], int]

    def report(self, problems: list[Problem]) -> list[str]:
        """The problems as "settings.toml:12: text", by line, each once."""
        placed = sorted((self.line_of(problem.at), problem.text) for problem in set(problems))
        return [f"{self.name}:{line}: {text}" for line, text in placed]

    def line_of(self, at: tuple[str, ...]) -> int:
        """The line of a key, or of the nearest key around it; 1 for the file itself."""
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)


def read_toml(path: Path) -> TomlFile:
    """Read and parse a file.

    Raises SettingsError: missing, unreadable, too big, not UTF-8, or not TOML.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(f"{path}: {_reason(error)}") from error
    if len(raw) > FILE_BYTES_MAX:
        raise SettingsError(f"{path}: larger than {FILE_BYTES_MAX // 1024} KiB: this is no settings file")
    try:
        text = raw.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path.name}:{line}: not UTF-8; save the file with that encoding") from error
    return parse_toml(path.name, text)


def parse_toml(name: str, text: str) -> TomlFile:
    """Parse a text; `name` is what messages call it. Raises SettingsError when it is not TOML."""
    try:
        table = tomllib.loads(text)
    except RecursionError as error:
        raise SettingsError(f"{name}: nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError, and a whole number of thousands of digits
        place = _AT_LINE.search(str(error))
        line = place[1] if place else str(text.count("\n") + 1)
        raise SettingsError(f"{name}:{line}: not TOML: {_AT_LINE.sub('', str(error))}") from error
    return TomlFile(name=name, table=table, lines=_key_lines(text))


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.ENOENT:
            return "there is no such file"
        case errno.EISDIR:
            return "this is a folder, and a file is expected"
        case errno.EACCES:
            return "may not be read by this user; give it read permission"
        case _:
            return f"cannot be read: {error.strerror}"


def _key_lines(text: str) -> dict[tuple[str, ...], int]:
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.strip()
        if content.startswith("["):
            path = _path_in(content)
            table = path or table
        else:
            path = _path_of_key(content)
            path = (*table, *path) if path else ()
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], number)
    return lines


def _path_of_key(content: str) -> tuple[str, ...]:
    """The dotted key in front of an equals sign; a quoted key may itself have one."""
    end = content.find("=")
    while end > 0 and not content.startswith("#"):
        path = _path_in(f"{content[:end]} = 0")
        if path:
            return path
        end = content.find("=", end + 1)
    return ()


def _path_in(line: str) -> tuple[str, ...]:
    """The keys that lead to the only value of a line of TOML; nothing when it is not whole."""
    try:
        value: object = tomllib.loads(line)
    except (ValueError, RecursionError):
        return ()
    path: list[str] = []
    while isinstance(value, dict | list) and value:
        if isinstance(value, dict):
            key, value = next(iter(value.items()))
            path.append(key)
        else:
            value = value[0]
    return tuple(path)
