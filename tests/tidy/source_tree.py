"""The files of the project as the tidy rules see them. Knows folders; judges nothing."""

import ast
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "gattkeeper"

_PYTHON_FOLDERS = ("src", "tests", "bench", "scripts", "tools", "integrations")
_TEXT_SUFFIXES = (".py", ".md", ".toml", ".sql", ".yml", ".yaml", ".js", ".html", ".css", ".sh", "")
_MADE_BY_TOOLS = {
    ".git",
    ".venv",
    "__pycache__",
    "node_modules",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    "dist",
}


class Source:
    """One Python file: its text and its tree, read when asked for."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path  # from the root of the project, with forward slashes
        self.text = text

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.path)

    @property
    def module(self) -> str:
        """The dotted name of a module under src: gattkeeper.model.gatt."""
        dotted = self.path.removeprefix("src/").removesuffix(".py").replace("/", ".")
        return dotted.removesuffix(".__init__")


def read(path: Path) -> Source:
    return Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def python_files(*folders: str) -> list[Source]:
    """Every Python file of the project, or of these folders."""
    found = (path for folder in folders or _PYTHON_FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return [read(path) for path in sorted(found) if not _MADE_BY_TOOLS & set(path.parts)]


def text_files() -> list[Source]:
    """Every file that people read or write: code, settings, pages."""
    return [read(path) for path in sorted(_walk(ROOT)) if path.suffix in _TEXT_SUFFIXES]


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for entry in folder.iterdir():
        if entry.name in _MADE_BY_TOOLS or entry.name.startswith(".coverage") or entry.is_symlink():
            continue
        if entry.is_dir():
            found += _walk(entry)
        else:
            found.append(entry)
    return found
