"""The glossary as a rule: names that we make use our words.

Knows the words that have a better one here. Names of other people's interfaces are allowed where we
must spell them: an argument of a method we override keeps its name.
"""

import ast
import re
from collections.abc import Iterator

from tidy.source_tree import Source

INSTEAD = {
    "peripheral": "device",
    "peer": "device",
    "dongle": "adapter",
    "backend": "link",
    "permit": "slot",
    "char": "characteristic",
    "attr": "attribute",
    "op": "operation",
    "job": "command",
    "enqueue": "submit",
    "dequeue": "dispatch",
    "ttl": "deadline",
    "expiry": "deadline",
    "kill": "preempt, cancel or supersede",
    "abort": "preempt, cancel or supersede",
}

ALLOWED = {
    ("src/gattkeeper/links/", "peer"): "Bumble's name for the far side of its client",
    ("src/gattkeeper/links/", "backend"): "Bleak's name for its own platform code",
    ("src/gattkeeper/bleak/", "char"): "Bleak's name for what we override",
    ("bench/measured/bleak_on_bumble.py", "char"): "the same",
    ("src/gattkeeper/world/", "peer"): "Bumble's name for the far side, in methods we override",
    ("src/gattkeeper/world/", "peripheral"): "Bumble's name for the answering side, in methods we override",
    ("src/gattkeeper/fronts/", "peer"): "the other end of a socket, as in SO_PEERCRED",
    ("src/gattkeeper/client/", "peer"): "the other end of a socket, as in SO_PEERCRED",
    ("src/gattkeeper/fronts/", "abort"): "what asyncio calls cutting a socket off",
    ("tests/", "kill"): "tests do kill processes",
    ("tests/", "peer"): "Bumble's name for the far side of its client",
}
"""(where, word): why it must be spelled there."""

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def foreign_words(source: Source) -> Iterator[str]:
    for name, line in _names_made(source.tree):
        for part in _PART.findall(name):
            word = part.lower()
            word = word if word in INSTEAD else word.removesuffix("s")
            if word in INSTEAD and not _allowed(source.path, word):
                yield f"{source.path}:{line}: {name}: say {INSTEAD[word]} instead of {word}"


def _allowed(path: str, word: str) -> bool:
    return any(word == allowed and path.startswith(place) for place, allowed in ALLOWED)


def _names_made(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every name the file gives to something; names it only uses belong to others."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name):
                yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
