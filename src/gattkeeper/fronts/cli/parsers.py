"""Every verb of the command line with its options, for the daemon and for the local program alike.

Knows spelling. What a verb does stands in `daemon_verbs` and, for the local ones, in `daemon`.
"""

import argparse
import functools
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

from gattkeeper.errors import InvalidCommandError
from gattkeeper.fronts.cli.audit_parser import add_audit
from gattkeeper.fronts.cli.programs_parser import add_lock, add_run
from gattkeeper.fronts.commands import characteristic_from_text, payload_from_hex, seconds
from gattkeeper.model.command import Priority

LAST_MAX = 1000
"""Most commands a timeline shows."""

PAIR_DEADLINE_S = 60.0
"""Bound on a pairing from the command line: a connection, and a person who has to find the passkey."""

_SOCKET_HELP = "the daemon's socket (default: $GATTKEEPER_SOCKET, then the runtime folder of the user)"


class CommandLineError(Exception):
    """The command line is wrong; the message says how."""


class HelpRequested(Exception):  # noqa: N818 - it is no error to ask for help
    """Somebody asked for help; the message is the help."""


class Parser(argparse.ArgumentParser):
    """A parser that never prints and never exits: a daemon uses it too. Options are spelled in full."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where help is."""
        raise CommandLineError(f"{message} (see `{self.prog} --help`)")

    def print_help(self, file: object = None) -> None:
        """Hand the help over instead of printing it."""
        del file
        raise HelpRequested(self.format_help())


def _checked(kind: Callable[[str], object], name: str) -> Callable[[str], object]:
    """A converter for argparse that keeps our sentence when the text is wrong."""

    def convert(text: str) -> object:
        try:
            return kind(text)
        except (InvalidCommandError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    convert.__name__ = name
    return convert


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InvalidCommandError(f"{text!a} is no number of seconds") from None
    return seconds("this", value)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= LAST_MAX * 1000:
        raise InvalidCommandError(f"{text!a} is no number from 1 to {LAST_MAX * 1000}")
    return int(text)


def _last(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= LAST_MAX:
        raise InvalidCommandError(f"{text!a} is no number from 1 to {LAST_MAX}")
    return int(text)


def _priority(text: str) -> Priority:
    try:
        return Priority[text.upper()]
    except KeyError:
        names = ", ".join(priority.name.lower() for priority in Priority)
        raise InvalidCommandError(f"{text!a} is no priority: {names}") from None


SECONDS = _checked(_seconds, "seconds")
COUNT = _checked(_count, "count")
LAST = _checked(_last, "last")
PRIORITY = _checked(_priority, "priority")
CHARACTERISTIC = _checked(characteristic_from_text, "characteristic")
PAYLOAD = _checked(payload_from_hex, "payload")


@functools.cache
def build_parser() -> Parser:
    """The whole command line. Built once: that takes longer than all the rest of a short call."""
    parser = Parser(
        prog="gattkeeper",
        description="One keeper in front of the Bluetooth adapter: commands for BLE devices, one at a time, "
        "with the truth about each.",
        epilog="Exit codes: 0 delivered or sent, 1 not delivered, 2 usage, 3 refused, 4 unknown (do not repeat "
        "blindly), 5 superseded or cancelled, 6 gave up waiting (the command goes on), 69 no daemon, "
        "75 try later.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--socket", metavar="PATH", help=_SOCKET_HELP)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    _add_commanding(verbs)
    _add_steering(verbs)
    _add_watching(verbs)
    _add_local(verbs)
    return parser


_Verbs: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - argparse gives it no other name


def _daemon_verb(verbs: _Verbs, name: str, help_text: str) -> Parser:
    parser: Parser = verbs.add_parser(name, help=help_text, description=help_text)
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout")
    parser.add_argument("--socket", metavar="PATH", help=_SOCKET_HELP)
    return parser


def _add_waiting(parser: Parser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--wait", type=SECONDS, metavar="S", help="wait so many seconds at most (default: until the outcome)"
    )
    group.add_argument("--no-wait", action="store_true", help="return as soon as the command is accepted")


def _add_options(parser: Parser) -> None:
    _add_waiting(parser)
    _add_bounds(parser)


def _add_bounds(parser: Parser, deadline: str = "30") -> None:
    parser.add_argument("--priority", type=PRIORITY, metavar="P", help="urgent, interactive, normal or background")
    parser.add_argument("--timeout", type=SECONDS, metavar="S", help="bound of one attempt")
    parser.add_argument("--deadline", type=SECONDS, metavar="S", help=f"bound of everything (default: {deadline})")
    parser.add_argument("--key", default="", metavar="KEY", help="idempotency key: same key, same command")


def _add_commanding(verbs: _Verbs) -> None:
    act = _daemon_verb(verbs, "act", "carry out an action of a device's profile; on a group, or all, together")
    act.add_argument("device", metavar="DEVICE")
    act.add_argument("action", metavar="ACTION")
    act.add_argument("argument", metavar="ARG", nargs="?")
    act.add_argument(
        "--gather", type=SECONDS, metavar="S", help="those of a group that are ready wait so long for the others"
    )
    _add_options(act)
    read = _daemon_verb(verbs, "read", "read a characteristic")
    read.add_argument("device", metavar="DEVICE")
    read.add_argument("characteristic", metavar="CHARACTERISTIC", type=CHARACTERISTIC)
    _add_options(read)
    write = _daemon_verb(verbs, "write", "write a characteristic")
    write.add_argument("device", metavar="DEVICE")
    write.add_argument("characteristic", metavar="CHARACTERISTIC", type=CHARACTERISTIC)
    write.add_argument("payload", metavar="HEX", type=PAYLOAD)
    write.add_argument("--without-response", action="store_true", help="do not ask the device to acknowledge")
    write.add_argument("--idempotent", action="store_true", help="may be repeated after an unclear attempt")
    write.add_argument(
        "--answer", type=CHARACTERISTIC, metavar="CHARACTERISTIC", help="wait for its notification, and print it"
    )
    write.add_argument(
        "--starts-with", type=PAYLOAD, default=b"", metavar="HEX", help="no other notification is the answer"
    )
    write.add_argument("--answer-timeout", type=SECONDS, metavar="S", help="for so long (default: 5)")
    _add_options(write)
    pair = _daemon_verb(
        verbs, "pair", "pair with a device; whoever sits at the terminal is asked for its passkey, or shown one"
    )
    pair.add_argument("device", metavar="DEVICE")
    _add_bounds(pair, deadline="60")
    pair.set_defaults(deadline=PAIR_DEADLINE_S)
    unpair = _daemon_verb(verbs, "unpair", "forget our half of the bond with a device")
    unpair.add_argument("device", metavar="DEVICE")
    _add_options(unpair)
    subscribe = _daemon_verb(verbs, "subscribe", "print a characteristic's notifications")
    subscribe.add_argument("device", metavar="DEVICE")
    subscribe.add_argument("characteristic", metavar="CHARACTERISTIC", type=CHARACTERISTIC)
    subscribe.add_argument("--count", type=COUNT, metavar="N", help="end after so many")
    subscribe.add_argument("--for", dest="duration", type=SECONDS, metavar="S", help="end after so many seconds")


def _add_steering(verbs: _Verbs) -> None:
    stop = _daemon_verb(verbs, "stop", "emergency stop of a device, a group, or all")
    stop.add_argument("scope", metavar="SCOPE", nargs="?", default="all")
    stop.add_argument("--latch", action="store_true", help="refuse commands until `resume`")
    _add_waiting(stop)
    resume = _daemon_verb(verbs, "resume", "end a latched stop")
    resume.add_argument("scope", metavar="SCOPE", nargs="?", default="all")
    cancel = _daemon_verb(verbs, "cancel", "take a command back")
    cancel.add_argument("id", metavar="ID")
    resolve = _daemon_verb(verbs, "resolve", "record what was found out about an unknown outcome")
    resolve.add_argument("id", metavar="ID")
    decision = resolve.add_mutually_exclusive_group(required=True)
    decision.add_argument("--applied", action="store_true", help="the device has carried it out")
    decision.add_argument("--not-applied", action="store_true", help="the device has not carried it out")
    resolve.add_argument("--why", required=True, metavar="TEXT", help="how that was found out")
    resolve.add_argument("--who", default="", metavar="NAME", help="who decides (default: the user)")


def _add_watching(verbs: _Verbs) -> None:
    outcome = _daemon_verb(verbs, "outcome", "how a command ended")
    outcome.add_argument("id", metavar="ID")
    outcome.add_argument("--wait", type=SECONDS, metavar="S", help="wait so many seconds for it")
    _daemon_verb(verbs, "status", "adapters, devices and queues")
    _daemon_verb(verbs, "devices", "the devices of the settings and their actions")
    timeline = _daemon_verb(verbs, "timeline", "who did what when: lanes over time, or one command's phases")
    timeline.add_argument("id", metavar="ID", nargs="?")
    timeline.add_argument("--last", type=LAST, default=10, metavar="N", help="so many commands (default: 10)")
    scan = _daemon_verb(verbs, "scan", "devices that advertise")
    scan.add_argument("--for", dest="duration", type=SECONDS, default=5.0, metavar="S", help="default: 5 seconds")
    scan.add_argument("--adapter", default="", metavar="NAME", help="which one listens (default: the first)")


def _add_local(verbs: _Verbs) -> None:
    serve = verbs.add_parser("serve", help="run the daemon", description="Run the daemon.")
    serve.add_argument("--config", metavar="FILE", help="the settings file")
    serve.add_argument("--socket", metavar="PATH", help=_SOCKET_HELP)
    serve.add_argument("--log", action="store_true", help="a log line for each phase of each command")
    demo = verbs.add_parser(
        "demo", help="the whole story on a virtual radio", description="The whole story on a virtual radio."
    )
    demo.add_argument("--serve", action="store_true", help="keep the daemon running afterwards")
    replay = verbs.add_parser(
        "replay",
        help="a recording, decided again step by step",
        description="Decide every event of a recording (see the setting `recording`) again. "
        "Exit code 1: something is decided differently now.",
    )
    replay.add_argument("file", metavar="FILE")
    replay.add_argument("--quiet", action="store_true", help="only the sum at the end")
    doctor = verbs.add_parser(
        "doctor",
        help="what is wrong with Bluetooth here, and what to do",
        description="Look at BlueZ, D-Bus, adapters, the kernel's log and the keeper's files; change nothing. "
        "Exit code 1: there is a problem.",
    )
    doctor.add_argument("--json", action="store_true", help="one line of JSON on stdout")
    doctor.add_argument("--config", metavar="FILE", help="the settings file")
    audit = verbs.add_parser("audit", help="what the journal proves", description="What the journal proves.")
    add_audit(audit, Parser, _SOCKET_HELP)
    add_lock(verbs.add_parser, SECONDS)
    add_run(verbs.add_parser, PRIORITY, _SOCKET_HELP)
    config = verbs.add_parser("config", help="settings", description="Settings.")
    config_verbs = config.add_subparsers(dest="config_verb", metavar="VERB", required=True, parser_class=Parser)
    check = config_verbs.add_parser("check", help="explain every error of the settings, with its line")
    check.add_argument("config", metavar="FILE", nargs="?")
    completion = verbs.add_parser(
        "completion", help="completion for a shell", description="Completion for a shell."
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
