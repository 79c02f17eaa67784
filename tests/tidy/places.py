"""Where things are: every module has its tests, and somebody uses it.

Knows names and imports. What a test module proves is not its business.
"""

import ast
from collections.abc import Iterable, Iterator

from tidy.source_tree import Source

UNTESTED = {
    "gattkeeper.bleak.doors": "Protocols only: the tests of clients and scanners run through either filling",
    "gattkeeper.runtime.ports": "Protocols only: the link contract and the tests of each part hold them",
}
"""module: why it has no test module of its own."""

ENTRY_POINTS = (
    "gattkeeper",
    "gattkeeper.__main__",
    "gattkeeper.privileged.__main__",
    "gattkeeper.bleak.site.sitecustomize",
)


def untested(sources: Iterable[Source], tests: Iterable[str]) -> Iterator[str]:
    """Modules without tests/<room>/test_<name>.py; test_<room>_<name>.py is the same where a name repeats.

    An `__init__.py` counts when it holds more than a docstring.
    """
    there = set(tests)
    for source in sources:
        if source.module in UNTESTED or not _has_code(source.tree):
            continue
        wanted = _test_paths(source)
        if not there & set(wanted):
            yield f"{source.path}:1: has no test module {wanted[0]}"


def unused(sources: Iterable[Source]) -> Iterator[str]:
    """Modules that no other module imports and no lazy table names; packages follow their modules."""
    known = list(sources)
    used = {name for source in known for name in _named_in(source) if name != source.module}
    for source in known:
        is_package = source.path.endswith("/__init__.py")
        if not is_package and source.module not in used and source.module not in ENTRY_POINTS:
            yield f"{source.path}:1: nothing imports {source.module}"


def empty_packages(sources: Iterable[Source]) -> Iterator[str]:
    known = list(sources)
    for source in known:
        package = source.path.removesuffix("__init__.py")
        alone = all(other is source or not other.path.startswith(package) for other in known)
        if package != source.path and alone and not _has_code(source.tree):
            yield f"{source.path}:1: a package with nothing in it"


def same_names(paths: Iterable[str]) -> Iterator[str]:
    """Test modules of one name in two folders: pytest imports one of them only, and fails where it meets the other."""
    first: dict[str, str] = {}
    for path in paths:
        name = path.rpartition("/")[2]
        if name.startswith("test_") and first.setdefault(name, path) != path:
            yield f"{path}:1: {first[name]} has the same name"


def _has_code(tree: ast.Module) -> bool:
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in tree.body)


def _test_paths(source: Source) -> list[str]:
    """Where a module's tests may be, the best place first; those of a package may be beside its folder."""
    *_, room, name = ["tests", *source.module.split(".")]
    inside = source.path.replace("src/gattkeeper", "tests", 1).rpartition("/")[0]
    if source.path.endswith("/__init__.py"):
        return [f"{inside}/test_{name}.py", f"{inside.rpartition('/')[0]}/test_{name}.py"]
    return [f"{inside}/test_{name}.py", f"{inside}/test_{room}_{name}.py"]


def _named_in(source: Source) -> Iterator[str]:
    package = source.module if source.path.endswith("/__init__.py") else source.module.rpartition(".")[0]
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                start = ".".join(package.split(".")[: len(package.split(".")) - level + 1]) if level else ""
                whole = ".".join(part for part in (start, module) if part)
                yield whole
                yield from (f"{whole}.{alias.name}" for alias in names)
            case ast.Constant(value=str(text)):  # the table of a package whose names are resolved lazily
                yield text
                yield f"{package}.{text.lstrip('.')}"
