"""What the tools that draw a whole page share: drawing it, checking it, and which tests there are.

Knows files. What stands on a page is each tool's own.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


def draw_page(tool: str, page: Path, drawn: Callable[[], str], arguments: list[str]) -> int:
    """Write the page, or those that are named; with --check compare only. 0 when all is well."""
    check = "--check" in arguments
    pages = [Path(argument) for argument in arguments if argument != "--check"] or [page]
    wanted = drawn()
    for path in pages:
        if not check:
            path.write_text(wanted, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != wanted:
            sys.stderr.write(f"{path} is out of date: run tools/{tool}\n")
            return 1
    return 0


def test_modules() -> Iterator[tuple[str, ast.Module]]:
    """Every file of the tests folder, by its path in the project."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def tests_of(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module that is a test, or a check of the link contract."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(("test_", "check_")):
            yield node
