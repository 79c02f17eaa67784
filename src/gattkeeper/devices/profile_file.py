"""Profiles from TOML: the one form, whether shipped, beside the settings or inside them.

Knows where shipped profiles are and how the text of a key becomes its value. What makes a profile
sound stands in `profile_checks`.
"""

from pathlib import Path

from gattkeeper.devices.arguments import shown
from gattkeeper.devices.codec import parse_template
from gattkeeper.devices.profile_checks import profile_problems
from gattkeeper.devices.tables import Parsers, read_struct
from gattkeeper.devices.toml_file import Problem, TomlFile, parse_toml, read_toml
from gattkeeper.errors import SettingsError
from gattkeeper.model.command import Priority
from gattkeeper.model.gatt import CharacteristicRef, characteristic_ref
from gattkeeper.model.profile import Profile, Template

_SHIPPED = Path(__file__).parent / "profiles"
"""Not by `importlib.resources`, which takes 0.6 MB and 6 ms."""

_SUFFIX = ".toml"


def shipped_profiles() -> tuple[str, ...]:
    """The names of the profiles that come with gattkeeper."""
    return tuple(sorted(file.stem for file in _SHIPPED.iterdir() if file.suffix == _SUFFIX))


def shipped_profile(name: str) -> Profile:
    """A profile that comes with gattkeeper, by one of the names above."""
    file = _SHIPPED / f"{name}{_SUFFIX}"
    return _profile_of(parse_toml(file.name, file.read_text(encoding="utf-8")))


def load_profile(path: Path) -> Profile:
    """A profile from a file of its own.

    Raises SettingsError that lists every problem with its line.
    """
    return _profile_of(read_toml(path))


def _profile_of(file: TomlFile) -> Profile:
    problems: list[Problem] = []
    profile = read_profile(file.table, problems)
    if problems or profile is None:
        raise SettingsError("\n".join(file.report(problems)))
    return profile


def read_profile(table: object, problems: list[Problem], at: tuple[str, ...] = ()) -> Profile | None:
    """The profile in a table; what is wrong is added to `problems`. `at` is the path of keys to it."""
    known = len(problems)
    profile = read_struct(table, Profile, PROFILE_PARSERS, problems, at)
    if profile is not None and len(problems) == known:
        problems.extend(profile_problems(profile, at))
    return profile


def _characteristic(value: object) -> CharacteristicRef:
    """A UUID, or service/UUID where the same characteristic is in several services."""
    if not isinstance(value, str):
        message = f'a UUID in quotes is expected, as in "2a19" or "180f/2a19", not {shown(value)}'
        raise ValueError(message)  # noqa: TRY004 - one kind of exception from every parser
    service, slash, uuid = value.rpartition("/")
    return characteristic_ref((service, uuid) if slash else uuid)


def _template(value: object) -> Template:
    if not isinstance(value, str):
        message = f'hex bytes in quotes are expected, as in "01 {{u8}}", not {shown(value)}'
        raise ValueError(message)  # noqa: TRY004 - as above
    return parse_template(value)


def _priority(value: object) -> Priority:
    names = {priority.name.lower(): priority for priority in Priority if priority is not Priority.URGENT}
    if not isinstance(value, str) or value not in names:
        message = f"one of {', '.join(names)} is expected, not {shown(value)}"
        raise ValueError(message)
    return names[value]


PROFILE_PARSERS: Parsers = {CharacteristicRef: _characteristic, Template: _template, Priority: _priority}
"""How the special values of a profile are written in TOML. URGENT is the emergency stop's alone."""
