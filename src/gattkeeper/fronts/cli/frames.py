"""The lines that a daemon sends to the thin client.

Knows the framing: the first character says what a line is, the rest is UTF-8 text.
"""

import msgspec

from gattkeeper.fronts.answers import Answer

OUT = "o"
ERR = "e"
PROGRESS = "p"
ACCEPTED = "i"
QUESTION = "q"
EXIT = "x"


def out(text: str) -> bytes:
    """Lines for stdout."""
    return _frames(OUT, text)


def out_json(answer: Answer) -> bytes:
    """One line of JSON for stdout."""
    return OUT.encode() + msgspec.json.encode(answer) + b"\n"


def err(text: str) -> bytes:
    """Lines for stderr."""
    return _frames(ERR, text)


def progress(text: str) -> bytes:
    """What is going on, for a terminal; the next line overwrites it."""
    return _frames(PROGRESS, text.replace("\n", " "))


def accepted(command_id: str) -> bytes:
    """The id of the command this call waits for: said when somebody interrupts the wait."""
    return _frames(ACCEPTED, command_id)


def question(number: int, text: str) -> bytes:
    """A question; what is typed comes back as a line of JSON, [number, text]."""
    return _frames(QUESTION, f"{number} {text}")


def exit_code(code: int) -> bytes:
    """The last line: how the program ends."""
    return _frames(EXIT, str(code))


def _frames(kind: str, text: str) -> bytes:
    encoded = (f"{kind}{line}\n".encode(errors="backslashreplace") for line in text.split("\n"))
    return b"".join(encoded)
