"""The command line's fast path: hand the arguments to the daemon, print what comes back.

Knows framed text lines and exit codes. Does not parse the command line, which the daemon does, and
imports only what every Python process has loaded anyway: each further import is felt at every call.
"""

import _socket
import os

from gattkeeper.client.socket_path import default_socket_path

DAEMON_VERBS = frozenset(
    (
        "act",
        "read",
        "write",
        "subscribe",
        "pair",
        "unpair",
        "stop",
        "resume",
        "cancel",
        "resolve",
        "outcome",
        "status",
        "devices",
        "timeline",
        "scan",
        "audit accept",
    )
)
"""The verbs that the daemon answers."""

_CHANGING = frozenset(("act", "write", "pair", "unpair", "stop", "resume", "cancel", "resolve", "audit accept"))

EXIT_REFUSED = 3
EXIT_UNKNOWN = 4
EXIT_NO_DAEMON = 69
EXIT_TRY_LATER = 75
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

_COLUMNS_ELSEWHERE = 100  # where there is no terminal to ask
_RECEIVE_BYTES = 65536
_TYPED_BYTES = 4096  # the longest line that a terminal gives


def split_socket(argv: list[str]) -> tuple[list[str], str]:
    """The arguments without `--socket PATH`, and the path: the one given, else the usual one."""
    rest: list[str] = []
    path = ""
    words = iter(argv)
    for word in words:
        if word == "--":
            return [*rest, word, *words], path or default_socket_path()
        if word == "--socket":
            path = next(words, "")
        elif word.startswith("--socket="):
            path = word[9:]
        else:
            rest.append(word)
    return rest, path or default_socket_path()


def is_for_daemon(argv: list[str]) -> bool:
    """Whether the daemon answers this command line (`--socket` is not part of it any more)."""
    if _verb(argv) not in DAEMON_VERBS:
        return False
    options = argv[: argv.index("--")] if "--" in argv else argv
    return "-h" not in options and "--help" not in options


def _verb(argv: list[str]) -> str:
    """`audit` is the local program's, but for one verb of its own."""
    return " ".join(argv[: 2 if argv[:1] == ["audit"] else 1])


def dial(path: str) -> "_socket.socket | None":
    """A connection to the daemon; None when nobody answers."""
    _open_standard_files()
    if not hasattr(_socket, "AF_UNIX"):
        return None  # Windows: no daemon runs there
    connected = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connected.connect(path)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        connected.close()
        return None
    return connected


def talk(daemon: "_socket.socket", argv: list[str]) -> int:
    """Send the command line, print the answer, return the exit code."""
    conversation = _Conversation(argv)
    try:
        return conversation.run(daemon)
    except KeyboardInterrupt:
        return conversation.interrupted()
    except BrokenPipeError:
        return EXIT_BROKEN_PIPE
    finally:
        daemon.close()


class _Conversation:
    """One command line with its answer."""

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self._command_id = ""
        self._progress_shown = False
        self._question = ""  # the number of the one that is open

    def run(self, daemon: "_socket.socket") -> int:
        try:
            request = request_line(self._argv)
        except UnicodeEncodeError:
            _write(2, b"gattkeeper: the arguments are not UTF-8 text\n")
            return 2
        try:  # noqa: SIM105 - contextlib costs more than the rest of this file
            daemon.sendall(request)
        except OSError:
            pass  # it may have said why before it closed
        rest = b""
        while True:
            if self._question:
                self._answer(daemon)
            try:
                chunk = daemon.recv(_RECEIVE_BYTES)
            except OSError:
                chunk = b""
            if not chunk:
                return self._gone()
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                code = self._take(line)
                if code is not None:
                    return code

    def interrupted(self) -> int:
        """Ctrl-C ends the call and not the command."""
        self._clear_progress()
        if self._argv[0] == "pair":
            text = "gattkeeper: interrupted; the pairing is taken back\n"
        elif self._command_id:
            text = f"gattkeeper: interrupted; the command goes on as {self._command_id}\n"
            for command_id in self._command_id.split():
                text += f"  gattkeeper outcome {command_id} says how it ends\n"
        else:
            text = "gattkeeper: interrupted\n"
        _write(2, text.encode())
        return EXIT_INTERRUPTED

    def _take(self, line: bytes) -> "int | None":
        """Handle one line; the exit code when it was the last."""
        kind, text = line[:1], line[1:]
        if kind == b"p":
            _write(2, b"\r\x1b[K" + text)
            self._progress_shown = True
            return None
        if kind == b"i":
            self._command_id = text.decode()
            return None
        self._clear_progress()
        if self._question:  # it is over
            _write(2, b"\n")
            self._question = ""
        if kind == b"q":
            number, _, prompt = text.partition(b" ")
            self._question = number.decode()
            _write(2, prompt + b" ")
        elif kind == b"o":
            _write(1, text + b"\n")
        elif kind == b"e":
            _write(2, text + b"\n")
        elif kind == b"x":
            return int(text)
        else:
            return _sent_away(line)
        return None

    def _answer(self, daemon: "_socket.socket") -> None:
        """Send what is typed, unless the daemon has something to say first."""
        import select  # noqa: PLC0415 - only while somebody is asked

        ready, _, _ = select.select((0, daemon.fileno()), (), ())
        if daemon.fileno() in ready:
            return
        typed = os.read(0, _TYPED_BYTES)
        text = _json_string(typed.decode(errors="replace").rstrip("\n")) if typed else "null"
        question, self._question = self._question, ""
        try:  # noqa: SIM105 - as above
            daemon.sendall(f"[{question},{text}]\n".encode())
        except OSError:
            pass  # it is gone, which `recv` finds as well

    def _gone(self) -> int:
        """The daemon closed the connection in the middle of its answer."""
        self._clear_progress()
        if self._command_id:
            about = f"ask `gattkeeper outcome {self._command_id.split()[0]}` when it is back"
        else:
            about = "it may or may not have taken this on"
        message = f"the daemon went away before it had answered; {about}"
        _write(2, f"gattkeeper: {message}\n".encode())
        if "--json" in self._argv:
            about_id = f'"command_id":{_json_string(self._command_id)},' if self._command_id else ""
            error = f'{{"code":"daemon_gone","message":{_json_string(message)}}}'
            _write(1, f'{{{about_id}"error":{error}}}\n'.encode())
        return EXIT_UNKNOWN if _verb(self._argv) in _CHANGING else EXIT_NO_DAEMON

    def _clear_progress(self) -> None:
        if self._progress_shown:
            _write(2, b"\r\x1b[K")
            self._progress_shown = False


def request_line(argv: list[str]) -> bytes:
    """The request as a line of JSON. Raises UnicodeEncodeError for arguments that are no text."""
    words = ",".join(map(_json_string, argv))
    out_tty, err_tty = os.isatty(1), os.isatty(2)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    fields = (
        f'"argv":[{words}]',
        f'"tty":{_json_bool(err_tty)}',
        f'"color":{_json_bool(out_tty and not plain)}',
        f'"columns":{_columns()}',
        f'"asks":{_json_bool(argv[:1] == ["pair"] and err_tty and os.isatty(0))}',
    )
    return f'{{"verb":"cli",{",".join(fields)}}}\n'.encode()


def _json_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    if not escaped.isprintable():
        escaped = "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in escaped)
    return f'"{escaped}"'


def _json_bool(value: bool) -> str:  # noqa: FBT001 - it is the value
    return "true" if value else "false"


def _columns() -> int:
    for descriptor in (1, 2, 0):  # whose output is piped still sits at a terminal
        try:
            return os.get_terminal_size(descriptor).columns or 80
        except OSError:
            continue
    given = os.environ.get("COLUMNS", "")
    return int(given[:4]) if given.isascii() and given.isdigit() else _COLUMNS_ELSEWHERE


def _sent_away(line: bytes) -> int:
    """The daemon answered in JSON: it does not serve us, and says why."""
    import json  # noqa: PLC0415 - only on this rare path: it costs as much as all the rest

    try:
        error = json.loads(line)["error"]
        code, message = error["code"], error["message"]
    except (ValueError, LookupError, TypeError):
        code, message = "error", "something answers at the socket that is no gattkeeper daemon"
    _write(2, f"gattkeeper: {message}\n".encode())
    if code == "too_many_connections":
        return EXIT_TRY_LATER
    return 2 if code in ("bad_request", "line_too_long") else EXIT_REFUSED


def _write(descriptor: int, text: bytes) -> None:
    """All of it, past Python's buffers."""
    view = memoryview(text)
    while view:
        view = view[os.write(descriptor, view) :]


def _open_standard_files() -> None:
    """A closed stdout must not lend its number to the socket."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one


def run(argv: list[str]) -> "int | None":
    """The exit code of a command line for the daemon; None when it is not for it, or nobody answers."""
    rest, path = split_socket(argv)
    if not is_for_daemon(rest):
        return None
    daemon = dial(path)
    if daemon is None:
        return None
    return talk(daemon, rest)
