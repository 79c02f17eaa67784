"""The settings file: read and checked.

Knows how the file becomes `Settings`, and that every problem is told at once, each with its line. What
may be set stands in `settings_model`.
"""

from pathlib import Path

from msgspec.structs import replace

from gattkeeper.daemon.settings_checks import security_problems, settings_problems
from gattkeeper.daemon.settings_explain import explain
from gattkeeper.daemon.settings_model import Settings, keeps_payloads, security_of
from gattkeeper.daemon.settings_paths import find_settings
from gattkeeper.devices.arguments import shown
from gattkeeper.devices.book import Entry, ProfileBook
from gattkeeper.devices.profile_checks import profile_problems
from gattkeeper.devices.profile_file import PROFILE_PARSERS, load_profile, shipped_profile, shipped_profiles
from gattkeeper.devices.tables import Parsers, near_miss, read_struct
from gattkeeper.devices.toml_file import Problem, TomlFile, read_toml
from gattkeeper.errors import SettingsError
from gattkeeper.model.identity import DeviceAddress, parse_address
from gattkeeper.model.profile import Profile
from gattkeeper.runtime.ports import DeviceRules

__all__ = ["Settings", "book_of", "explain", "find_settings", "load_settings"]


def load_settings(path: Path) -> Settings:
    """The settings in a file, with the profiles that its devices name.

    Raises SettingsError whose message has a line for each problem: "settings.toml:12: …". Values of
    keys that are not known are never repeated: one of them may be a secret.
    """
    file = read_toml(path)
    problems: list[Problem] = []
    settings = read_struct(file.table, Settings, _parsers(path.absolute().parent), problems) or Settings()
    for name, profile in settings.profiles.items():
        at = ("profiles", name)
        if not any(problem.at[:2] == at for problem in problems):
            problems.extend(profile_problems(profile, at))
    adapters = _names(file, "adapters") if "adapters" in file.table else set(settings.adapters)
    places = {problem.at for problem in problems}
    problems.extend(found for found in settings_problems(settings, adapters) if found.at not in places)
    loaded, elsewhere = _load_profiles(settings, _names(file, "profiles"), path.parent, problems)
    messages = [*file.report(problems), *elsewhere]
    if messages:
        raise SettingsError("\n".join(messages))
    whole = replace(settings, profiles={**settings.profiles, **loaded})
    unprovable = file.report(list(security_problems(whole)))
    if unprovable:
        raise SettingsError("\n".join(unprovable))
    return whole


def book_of(settings: Settings) -> ProfileBook:
    """The devices of the settings, with their actions."""
    return ProfileBook(
        (
            Entry(
                name=name,
                rules=DeviceRules(
                    address=device.address,
                    adapter=next(iter(device.adapters), ""),
                    others=device.adapters[1:],
                    safety=device.safety,
                    linger_us=round(device.linger * 1_000_000),
                    security=security_of(device, settings.profiles.get(device.profile)),
                    journal_payloads=keeps_payloads(device, settings.journal),
                ),
                profile=settings.profiles[device.profile] if device.profile else None,
                groups=device.groups,
            )
            for name, device in settings.devices.items()
        ),
        journal_payloads=settings.journal.payloads,
    )


def _names(file: TomlFile, key: str) -> set[str]:
    table = file.table.get(key, {})
    return set(table) if isinstance(table, dict) else set()


def _load_profiles(
    settings: Settings, declared: set[str], folder: Path, problems: list[Problem]
) -> tuple[dict[str, Profile], list[str]]:
    """Profiles named by devices that are not in the file itself, and what is wrong in files of their own."""
    loaded: dict[str, Profile] = {}
    elsewhere: list[str] = []
    shipped = shipped_profiles()
    for device, profile in ((name, settings.devices[name].profile) for name in settings.devices):
        if not profile or profile in declared or profile in loaded:
            continue
        if profile.endswith(".toml"):
            try:
                loaded[profile] = load_profile(folder / profile)
            except SettingsError as error:
                elsewhere.extend(line for line in str(error).split("\n") if line not in elsewhere)
        elif profile in shipped:
            loaded[profile] = shipped_profile(profile)
        else:
            known = sorted({*declared, *shipped})
            meant = near_miss(profile, known)
            hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)};"
            text = f"no profile is called {shown(profile)}; {hint} a file is named with its ending, .toml"
            problems.append(Problem(at=("devices", device, "profile"), text=text))
    return loaded, elsewhere


def _parsers(folder: Path) -> Parsers:
    def path(value: object) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            message = f"a path in quotes is expected, not {shown(value)}"
            raise ValueError(message)
        try:
            return folder / Path(value).expanduser()
        except RuntimeError:
            message = f"{shown(value)}: there is no such home folder"
            raise ValueError(message) from None

    return {**PROFILE_PARSERS, DeviceAddress: _address, Path: path}


def _address(value: object) -> DeviceAddress:
    if not isinstance(value, str):
        message = f"an address in quotes is expected, as in F0:00:00:00:00:01, not {shown(value)}"
        raise ValueError(message)  # noqa: TRY004 - one kind of exception from every parser
    return parse_address(value)
