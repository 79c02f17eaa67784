"""Each tidy rule finds what it is for, and leaves alone what only looks like it."""

import pytest

from tidy import places, rules, words
from tidy.source_tree import Source


def source(text: str, path: str = "src/gattkeeper/core/sample.py") -> Source:
    return Source(path, text)


def test_a_file_may_have_400_lines_and_no_more() -> None:
    assert not list(rules.file_length(source("x = 1\n" * 400)))
    assert list(rules.file_length(source("x = 1\n" * 401))) == [
        "src/gattkeeper/core/sample.py:401: 401 lines, 400 is the limit"
    ]


def test_a_function_may_have_50_lines_without_its_docstring() -> None:
    body = "    x = 1\n" * 49
    assert not list(rules.function_length(source(f"def f():\n{body}")))
    assert not list(rules.function_length(source(f'def f():\n    """One.\n\n    Two.\n    """\n{body}')))
    assert len(list(rules.function_length(source(f"async def f():\n{body}    x = 2\n")))) == 1


def test_a_file_opens_with_a_docstring() -> None:
    assert not list(rules.opening_docstring(source('"""Knows samples."""\nx = 1\n')))
    assert not list(rules.opening_docstring(source("")))
    assert list(rules.opening_docstring(source("x = 1\n")))


# In two parts, or the rules would find their own samples.
@pytest.mark.parametrize(("start", "end"), [("TO", "DO"), ("FIX", "ME"), ("raise NotImplemented", "Error")])
def test_placeholders_are_found(start: str, end: str) -> None:
    assert list(rules.placeholders(source(f"x = 1\n# {start}{end}\n")))


@pytest.mark.parametrize(
    ("start", "end"), [("/wo", "rk/a.md"), ("/ro", "ot/.cache"), ("https://py", "pi.org/simple")]
)
def test_references_to_one_machine_are_found(start: str, end: str) -> None:
    assert list(rules.outside_references(source(f"see {start}{end}\n")))


@pytest.mark.parametrize(
    "place", ["docs/work/a.md", "https://example.org/work/", "/run/gattkeeper", "/workshop/x"]
)
def test_other_paths_are_left_alone(place: str) -> None:
    assert not list(rules.outside_references(source(f"see {place}\n")))


@pytest.mark.parametrize("text", ["import fcntl", "from dbus_fast.aio import MessageBus", "import os, pwd"])
def test_modules_that_not_every_system_has_are_found(text: str) -> None:
    assert len(list(rules.one_system_only(source(text)))) == 1
    for room in ("links", "daemon", "client"):
        assert not list(rules.one_system_only(source(text, f"src/gattkeeper/{room}/sample.py")))


@pytest.mark.parametrize(
    "text", ["import os", "def f():\n    import pwd", 'if sys.platform == "win32":\n    import msvcrt']
)
def test_modules_that_are_imported_with_care_are_left_alone(text: str) -> None:
    assert not list(rules.one_system_only(source(text)))


@pytest.mark.parametrize(
    "text",
    [
        "seen = []",
        "seen: dict[str, int] = {}",
        "seen = defaultdict(list)",
        "seen = collections.deque[int]()",
        "seen = {x for x in range(3)}",
        "TABLE = {}\ndef f():\n    TABLE['a'] = 1",
        "TABLE = {}\ndef f():\n    del TABLE['a']",
        "TABLE = []\ndef f():\n    TABLE.append(1)",
        "def f():\n    global x\n    x = 1",
    ],
)
def test_state_of_a_module_is_found(text: str) -> None:
    assert len(list(rules.mutable_module_state(source(text)))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "TABLE = {1: 2}\nx = TABLE[1]",
        "__all__ = ['f']",
        "x = (1, 2)\ny = frozenset({1})",
        "def f():\n    seen = []\n    seen.append(1)",
    ],
)
def test_constants_and_local_state_are_left_alone(text: str) -> None:
    assert not list(rules.mutable_module_state(source(text)))


@pytest.mark.parametrize(
    "text",
    [
        "class BlePeripheral: ...",
        "def enqueue_all(): ...",
        "def f(char): ...",
        "ops = 1",
        "self.backend_name = 1",
        "for job in (): ...",
        "BACKENDS = ()",
    ],
)
def test_names_with_a_better_word_are_found(text: str) -> None:
    assert len(list(words.foreign_words(source(text)))) == 1


@pytest.mark.parametrize("text", ["client.backend.start()", "f(char=1)", "stop = options = 1", "x = 'peripheral'"])
def test_names_of_others_and_longer_words_are_left_alone(text: str) -> None:
    assert not list(words.foreign_words(source(text)))


def test_an_allowed_word_is_allowed_in_its_place_only() -> None:
    text = "def on_connected(peer): ..."
    assert not list(words.foreign_words(source(text, "src/gattkeeper/links/bumble_link.py")))
    assert list(words.foreign_words(source(text, "src/gattkeeper/core/scheduler.py")))


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("src/gattkeeper/errors.py", "tests/test_errors.py"),
        ("src/gattkeeper/__init__.py", "tests/test_gattkeeper.py"),
        ("src/gattkeeper/core/slots.py", "tests/core/test_slots.py"),
        ("src/gattkeeper/fronts/cli/status.py", "tests/fronts/cli/test_cli_status.py"),
        ("src/gattkeeper/world/__init__.py", "tests/world/test_world.py"),
        ("src/gattkeeper/world/__init__.py", "tests/test_world.py"),
    ],
)
def test_a_module_needs_its_test_module(path: str, test: str) -> None:
    module = source('"""A."""\nx = 1\n', path)
    assert not list(places.untested([module], [test]))
    assert len(list(places.untested([module], ["tests/core/test_other.py"]))) == 1


def test_a_docstring_alone_needs_no_tests() -> None:
    assert not list(places.untested([source('"""A room."""\n', "src/gattkeeper/core/__init__.py")], []))


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ("src/gattkeeper/runtime/pump.py", "from gattkeeper.core.sample import x"),
        ("src/gattkeeper/runtime/pump.py", "from gattkeeper.core import sample"),
        ("src/gattkeeper/runtime/pump.py", "import gattkeeper.core.sample"),
        ("src/gattkeeper/core/other.py", "from . import sample"),
        ("src/gattkeeper/runtime/pump.py", "from ..core.sample import x"),
        ("src/gattkeeper/core/__init__.py", "LAZY = {'x': '.sample'}"),
    ],
)
def test_a_module_is_used_by_an_import_or_a_lazy_table(user: str, text: str) -> None:
    offences = list(places.unused([source("x = 1"), source(text, user)]))
    assert not [offence for offence in offences if "core.sample" in offence]


def test_a_module_that_only_imports_itself_is_unused() -> None:
    assert list(places.unused([source("from gattkeeper.core.sample import x")])) == [
        "src/gattkeeper/core/sample.py:1: nothing imports gattkeeper.core.sample"
    ]


def test_a_package_without_modules_is_empty() -> None:
    package = source('"""A room."""\n', "src/gattkeeper/core/__init__.py")
    assert list(places.empty_packages([package]))
    assert not list(places.empty_packages([package, source("x = 1")]))


def test_two_test_modules_of_one_name_are_told() -> None:
    assert list(places.same_names(["tests/core/test_a.py", "tests/links/test_a.py"]))
    assert not list(places.same_names(["tests/core/test_a.py", "tests/links/test_b.py", "tests/core/conftest.py"]))
