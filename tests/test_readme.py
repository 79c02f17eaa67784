"""What the README shows is what the program takes."""

import ast
import re
from pathlib import Path

from gattkeeper.daemon.settings import load_settings
from gattkeeper.fronts.cli.parsers import build_parser

TEXT = (Path(__file__).parents[1] / "README.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)


def test_the_settings_are_valid_with_either_adapter(tmp_path):
    whole, direct = blocks("toml")
    for number, text in enumerate(
        (whole, re.sub(r"\[adapters\.onboard\].*?\n\n", direct + "\n", whole, flags=re.DOTALL))
    ):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        assert list(load_settings(path).devices) == ["lamp"]


def test_the_example_in_python_is_python():
    (example,) = blocks("python")
    body = example.split("import gattkeeper\n")[1]
    ast.parse("async def main():\n" + "".join(f"    {line}\n" for line in body.splitlines()))


def test_the_verbs_that_are_named_are_there():
    named = set(re.findall(r"`gattkeeper ([a-z]+)", TEXT))
    known = set(next(action for action in build_parser()._actions if action.dest == "verb").choices)
    assert named
    assert named <= known
