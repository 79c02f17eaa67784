"""Whether a command starts a Python that PYTHONPATH does not reach.

Knows Python's options and shebang lines. A Python that a shell script starts further down is not seen.
"""

import os

_WITH_VALUE = "WX"
_LAST = "cm"
"""Options before a value, and those that end all options (`python --help`)."""

_SHEBANG_BYTES = 256  # of which Linux reads so many: BINPRM_BUF_SIZE


def unreachable(command: list[str]) -> str:
    """The option that keeps this command's Python from us, as "-I"; empty when there is none."""
    words = python_words(command)
    if words is None:
        words = python_words(shebang(command[0]))
    return isolating(words or [])


def python_words(command: list[str]) -> list[str] | None:
    """The words behind the name of a Python; None when the command is something else."""
    for at, word in enumerate(command):
        name = os.path.basename(word)  # noqa: PTH119 - pathlib is slow to load
        if name.rstrip("0123456789.") in ("python", "pypy"):
            return command[at + 1 :]
        if os.path.basename(command[0]) != "env":  # noqa: PTH119 - as above
            return None
    return None


def shebang(program: str) -> list[str]:
    """What a script names as its interpreter, in words."""
    found = program if "/" in program else next(filter(os.path.isfile, _candidates(program)), "")
    try:
        with open(found, "rb") as file:  # noqa: PTH123 - pathlib is slow to load
            line = file.readline(_SHEBANG_BYTES)
    except (OSError, ValueError):  # nothing that can be read: whoever starts it says so
        return []
    return line[2:].decode(errors="replace").split() if line.startswith(b"#!") else []


def isolating(words: list[str]) -> str:
    """The first of Python's options -I, -E and -S among those before the program."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word in ("-", "--"):
            return ""
        if word.startswith("--"):
            continue
        for at, letter in enumerate(word[1:], start=1):
            if letter in "IES":
                return f"-{letter}"
            if letter in _LAST:
                return ""
            if letter in _WITH_VALUE:
                if at == len(word) - 1:
                    next(rest, None)
                break
    return ""


def _candidates(program: str) -> list[str]:
    return [f"{folder}/{program}" for folder in os.get_exec_path()]
