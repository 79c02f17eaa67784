"""Which versions of Bleak are supported: the seams that the drop-in fits into are those of these.

Knows version numbers only, and imports nothing: also a program's own Python asks it, before anything else.
"""

SUPPORTED = ">=3.1,<4"
"""The same range as the dependency of this package."""

_FIRST, _BEFORE = (3, 1), (4,)


def problem_with_bleak(version: str) -> str:
    """What is wrong with an installed Bleak, and what to do, in a sentence; empty when nothing is."""
    numbers: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    if _FIRST <= tuple(numbers) < _BEFORE:
        return ""
    return f"Bleak {version or 'of no known version'} is not supported: install one that is {SUPPORTED}"
