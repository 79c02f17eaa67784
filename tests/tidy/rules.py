"""The tidy rules: each takes one file and gives its offences as "path:line: what is wrong".

Knows the form the house wants. What ruff, mypy and import-linter already hold is left to them.
"""

import ast
import re
from collections.abc import Iterator

from tidy.source_tree import Source

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50

# The brackets keep these patterns from finding themselves.
_PLACEHOLDERS = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X]|HAC[K]|NotImplemente[d]Error)\b")
_OUTSIDE = re.compile(
    r"(?<![\w.])/(?:work|root)(?=/)|\b(?:pypi|pythonhosted|npmjs|crates|goproxy)\.(?:org|io|com|dev)\b"
)
_NOT_EVERYWHERE = {
    "fcntl",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "resource",
    "syslog",
    "posix",
    "msvcrt",
    "dbus_fast",
}
_MAY_ASSUME_A_SYSTEM = ("src/gattkeeper/links/", "src/gattkeeper/daemon/", "src/gattkeeper/client/")
_MAKES_MUTABLE = {"list", "dict", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter"}
_MUTATES = {"append", "extend", "insert", "add", "update", "pop", "popitem", "clear", "remove", "setdefault"}


def file_length(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"{source.path}:{lines}: {lines} lines, {FILE_LINES_MAX} is the limit"


def function_length(source: Source) -> Iterator[str]:
    """The docstring does not count."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = _span(node)
        if ast.get_docstring(node) is not None:
            lines -= _span(node.body[0])
        if lines > FUNCTION_LINES_MAX:
            yield f"{source.path}:{node.lineno}: {node.name} has {lines} lines, {FUNCTION_LINES_MAX} is the limit"


def opening_docstring(source: Source) -> Iterator[str]:
    """An `__init__.py` with nothing in it has nothing to say."""
    if source.tree.body and ast.get_docstring(source.tree) is None:
        yield f"{source.path}:1: opens without saying what it knows and what it does not"


def placeholders(source: Source) -> Iterator[str]:
    yield from _matches(source, _PLACEHOLDERS, "is a placeholder")


def outside_references(source: Source) -> Iterator[str]:
    """The project stands alone: no folder of one machine, no host that only serves packages."""
    yield from _matches(source, _OUTSIDE, "points outside of the project")


def one_system_only(source: Source) -> Iterator[str]:
    """Outside of links, daemon and client a module can be imported on every system that Python runs on.

    What only some have is imported where it is used, or where `sys.platform` has been looked at.
    """
    if source.path.startswith(_MAY_ASSUME_A_SYSTEM):
        return
    for node in source.tree.body:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.partition(".")[0] in _NOT_EVERYWHERE:
                yield f"{source.path}:{node.lineno}: not every system has {name}: import it where it is used"


def mutable_module_state(source: Source) -> Iterator[str]:
    """A table is fine when its name says constant and nothing changes it."""
    tables = set[str]()
    for name, value, line in _module_assignments(source.tree):
        if not _is_mutable(value) or name == "__all__":
            continue
        tables.add(name)
        if not name.isupper():
            yield f"{source.path}:{line}: {name} is mutable and belongs to the module: pass it, or make it a constant"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Global):
            yield f"{source.path}:{node.lineno}: global {', '.join(node.names)}"
        elif (name := _changed_name(node)) in tables:
            yield f"{source.path}:{_line(node)}: {name} belongs to the module and is changed here"


def _span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))


def _matches(source: Source, pattern: re.Pattern[str], what: str) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if found := pattern.search(line):
            yield f"{source.path}:{number}: {found[0]!r} {what}"


def _module_assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr, int]]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
                yield target.id, node.value, node.lineno


def _is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        made = value.func.value if isinstance(value.func, ast.Subscript) else value.func
        return getattr(made, "id", getattr(made, "attr", "")) in _MAKES_MUTABLE
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def _changed_name(node: ast.AST) -> str:
    """The name a node changes in place: NAME[...] = x, del NAME[...], NAME.append(...)."""
    held: ast.expr | None = None
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        held = node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MUTATES:
        held = node.func.value
    return held.id if isinstance(held, ast.Name) else ""
