"""`gattkeeper run`: an unmodified program, whose Bleak is served by the daemon, or by a keeper of its own.

Knows what a program has to find in its environment. Then it becomes the program: its process, its signals and its
exit code are the program's own. Loads nothing slow.
"""

import os
import signal
import sys

from gattkeeper.bleak.isolation import python_words, unreachable
from gattkeeper.client.socket_path import default_socket_path
from gattkeeper.client.thin import EXIT_NO_DAEMON, dial

EXIT_USAGE = 2
EXIT_CANNOT_RUN = 126
EXIT_NOT_FOUND = 127

PRIORITIES = ("urgent", "interactive", "normal", "background")
"""As `model.command.Priority`, which is slow to load."""


class RunCall:
    """What was asked for on the command line."""

    __slots__ = ("command", "in_process", "priority", "socket")

    def __init__(self, *, command: list[str], priority: str, socket: str, in_process: bool = False) -> None:
        self.command = command
        self.priority = priority  # empty: the usual one
        self.socket = socket  # empty: the usual one
        self.in_process = in_process  # it has a keeper of its own, and needs no daemon


def quick_call(words: list[str]) -> RunCall | None:
    """The call in the words after `run`; None when they need the whole parser: help, or a mistake."""
    known = {"--priority": "", "--socket": ""}
    in_process = False
    while words and words[0].startswith("-") and words[0] != "--":
        if words[0] == "--in-process":
            in_process, words = True, words[1:]
            continue
        option, equals, value = words[0].partition("=")
        if option not in known or (not equals and len(words) < 2):
            return None
        known[option] = value if equals else words[1]
        words = words[1:] if equals else words[2:]
    command = words[1:] if words[:1] == ["--"] else words
    priority = known["--priority"].lower()
    if not command or priority not in ("", *PRIORITIES) or (in_process and known["--socket"]):
        return None
    return RunCall(command=command, priority=priority, socket=known["--socket"], in_process=in_process)


def run_program(call: RunCall) -> int:
    """Becomes the program; the exit code only where that is not possible."""
    path = os.path.abspath(call.socket or default_socket_path())  # noqa: PTH100 - pathlib is slow to load
    daemon = None if call.in_process else dial(path)
    if daemon is not None:
        daemon.close()
    elif not call.in_process:
        text = (
            f"no gattkeeper daemon answers at {path}: start one with `gattkeeper serve`, name its socket,"
            " or do without: --in-process"
        )
        return _refused(text, EXIT_NO_DAEMON)
    option = unreachable(call.command)
    if option:
        text = f"Python's option {option} keeps the program from the queue: start it without"
        return _refused(text, EXIT_USAGE)
    environment = environment_for(call, path, os.environ.copy())
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and the program would inherit that
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(call.command[0], call.command, environment)  # noqa: S606 - that is the purpose
    except OSError as error:
        code = EXIT_NOT_FOUND if isinstance(error, FileNotFoundError) else EXIT_CANNOT_RUN
        return _refused(f"cannot run {call.command[0]}: {error.strerror}", code)


def environment_for(call: RunCall, socket: str, environment: dict[str, str]) -> dict[str, str]:
    """What the program finds: the seam before everything else on PYTHONPATH, its keeper, and who it is there."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - as above
    first = f"{package}/bleak/site"
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path and path != first]
    found = {
        "PYTHONPATH": os.pathsep.join([first, *paths]),
        "GATTKEEPER_ROOT": os.path.dirname(package),  # noqa: PTH120 - as above
        "GATTKEEPER_SOCKET": "" if call.in_process else socket,
        "GATTKEEPER_IN_PROCESS": "1" if call.in_process else "",
        "GATTKEEPER_CLIENT": program_name(call.command),
    }
    if call.priority:
        found["GATTKEEPER_PRIORITY"] = call.priority
    return {**environment, **found}


def program_name(command: list[str]) -> str:
    """What it is called in the journal: the script or the module of a Python, else the program."""
    words = python_words(command) or []
    while words and words[0].startswith("-") and words[0] != "-m":
        words = words[1:]
    word = words[1] if words[:1] == ["-m"] and len(words) > 1 else (words or command)[0]
    return os.path.basename(word)  # noqa: PTH119 - as above


def _refused(text: str, code: int) -> int:
    sys.stderr.write(f"gattkeeper: {text}\n")
    return code
