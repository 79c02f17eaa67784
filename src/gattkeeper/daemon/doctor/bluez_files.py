"""BlueZ as its files and programs show it: the version, and the settings of main.conf that matter here.

Knows which of them change what a central can do. Whether the service runs is D-Bus's to say.
"""

import configparser
import re

from gattkeeper.daemon.doctor.findings import Finding, note, ok, problem, warning
from gattkeeper.daemon.doctor.machine import Machine, UnreadableError
from gattkeeper.links.bluez_version import PROGRAMS

AREA = "bluez"
CONF = "etc/bluetooth/main.conf"

VERSION_MIN = (5, 55)  # what Bleak 3.1 demands
VERSION_OF_MTU = (5, 62)  # from here on characteristics tell their MTU
TEMPORARY_S = 30  # TemporaryTimeout's default

_VERSION = re.compile(r"(\d+)\.(\d+)")


def look_at_version(machine: Machine) -> list[Finding]:
    """What `bluetoothctl --version` says, or bluetoothd itself where that is not installed."""
    for program in PROGRAMS:
        try:
            where = str(machine.root / program[1:]) if program.startswith("/") else program
            return [version_finding(machine.run(where, "--version"))]
        except UnreadableError as error:
            if not error.missing:
                return [note(AREA, f"the version is not known: {error}")]
    cure = "install BlueZ (apt install bluez), unless gattkeeper drives its adapter itself"
    return [warning(AREA, "BlueZ is not installed: there is neither bluetoothctl nor bluetoothd", cure)]


def look_at_settings(machine: Machine) -> list[Finding]:
    """What main.conf changes."""
    try:
        text = machine.text(CONF)
    except UnreadableError as error:
        defaults = "there is no /etc/bluetooth/main.conf: BlueZ's defaults hold"
        return [ok(AREA, defaults) if error.missing else note(AREA, f"its settings were not looked at: {error}")]
    return settings_findings(text)


def version_finding(said: str) -> Finding:
    """What a version means for a central."""
    found = _VERSION.search(said)
    if found is None:
        return note(AREA, f"the version is not known: BlueZ says {said.strip()!r}")
    version = int(found[1]), int(found[2])
    if version < VERSION_MIN:
        return problem(
            AREA, f"BlueZ {found[0]} is too old: 5.55 is the oldest that Bleak works with", "update BlueZ"
        )
    if version < VERSION_OF_MTU:
        what = f"BlueZ {found[0]} does not tell the MTU: long writes go in the smallest parts"
        return note(AREA, what, "update BlueZ to 5.62 or later if that is too slow")
    return ok(AREA, f"BlueZ {found[0]}")


def settings_findings(text: str) -> list[Finding]:
    """What each setting of main.conf that is not as it should be means; one ok when all are."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    try:
        parser.read_string(text)
    except configparser.Error as error:
        said = str(error).splitlines()[0]
        return [warning(AREA, f"/etc/bluetooth/main.conf cannot be read as settings: {said}", "correct that line")]
    settings = {(section, name): value for section in parser.sections() for name, value in parser.items(section)}
    found = [*_about_mode(settings), *_about_times(settings)]
    return found or [ok(AREA, "main.conf holds nothing that is in the way")]


def _about_mode(settings: dict[tuple[str, str], str]) -> list[Finding]:
    found: list[Finding] = []
    if settings.get(("General", "controllermode")) == "bredr":
        cure = "set ControllerMode = dual (or le) in /etc/bluetooth/main.conf, then restart bluetooth"
        found.append(problem(AREA, "ControllerMode = bredr switches Bluetooth Low Energy off", cure))
    if settings.get(("General", "reverseservicediscovery")) == "false":
        cure = "set it to true in /etc/bluetooth/main.conf, then restart bluetooth"
        found.append(problem(AREA, "ReverseServiceDiscovery = false switches BlueZ's GATT client off", cure))
    if settings.get(("Policy", "autoenable")) == "false":
        cure = "set AutoEnable = true under [Policy] in /etc/bluetooth/main.conf"
        found.append(warning(AREA, "AutoEnable = false leaves adapters off after a boot or a replug", cure))
    return found


def _about_times(settings: dict[tuple[str, str], str]) -> list[Finding]:
    found: list[Finding] = []
    kept = settings.get(("General", "temporarytimeout"), "")
    if kept.isdecimal() and 0 < int(kept) < TEMPORARY_S:
        what = f"TemporaryTimeout = {kept} lets BlueZ forget a device {kept} s after it was heard"
        found.append(
            warning(AREA, what, f"leave it at {TEMPORARY_S}: connects may take longer than that to begin")
        )
    if settings.get(("GATT", "cache")) == "always":
        what = "Cache = always keeps the services of devices that are not paired: stale after a firmware update"
        found.append(note(AREA, what, "after an update of a device: bluetoothctl remove ADDRESS"))
    own = [name for section, name in settings if section == "LE" and "connectioninterval" in name]
    if own:
        what = "main.conf sets the connection interval: it is what every operation's time is made of"
        found.append(
            note(AREA, what, "unset MinConnectionInterval and MaxConnectionInterval if operations are slow")
        )
    return found
