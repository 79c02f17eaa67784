"""Files that cannot be read are explained, and each key is found on its line."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gattkeeper.devices.toml_file import FILE_BYTES_MAX, Problem, parse_toml, read_toml
from gattkeeper.errors import SettingsError

TEXT = """\
# a comment with key = 1
top = 1

[devices.lounge]   # trailing
address = "F0"
profile . name = "x"
[devices."a.b = c"]
"quoted = key" = 1
inline = { deep = 1, deeper = { x = 2 } }
list = [
    1,
    2,
]
[[many]]
item = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("devices",), 4),
        (("devices", "lounge"), 4),
        (("devices", "lounge", "address"), 5),
        (("devices", "lounge", "profile", "name"), 6),
        (("devices", "a.b = c"), 7),
        (("devices", "a.b = c", "quoted = key"), 8),
        (("devices", "a.b = c", "inline", "deeper", "x"), 9),  # a key in braces: the line of the key outside
        (("devices", "a.b = c", "list"), 10),
        (("many", "item"), 15),
        (("devices", "lounge", "missing"), 4),
        (("missing",), 1),
        ((), 1),
    ],
)
def test_a_key_is_found_on_its_line(path, line):
    assert parse_toml("x.toml", TEXT).line_of(path) == line


def test_problems_are_told_by_line_and_once():
    file = parse_toml("x.toml", TEXT)
    late, early = Problem(at=("many",), text="late"), Problem(at=("top",), text="early")
    assert file.report([late, early, late]) == ["x.toml:2: early", "x.toml:14: late"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = 1\nb == 2\n", r"^x.toml:2: not TOML: Invalid value$"),
        (b"a = 1\na = 2\n", r"^x.toml:[23]: not TOML: Cannot overwrite a value"),
        (b"a = [1,\n2\n", r"^x.toml:3: not TOML: Unclosed array"),
        (b"a = 1\nb = '\xff'\n", r"^x.toml:2: not UTF-8"),
        (b"a = " + b"1" * 5000, r"^x.toml:1: not TOML: "),
        (b"a = " + b"[" * 100_000, r"^x.toml.*nested too deeply|^x.toml:1: not TOML"),
        (b"\x00", r"^x.toml:1: not TOML"),
        (b"#" * (FILE_BYTES_MAX + 1), r"x.toml: larger than 1024 KiB"),
    ],
    ids=["value", "twice", "unclosed", "encoding", "digits", "deep", "zero", "large"],
)
def test_a_file_that_is_no_toml_is_explained(tmp_path, content, message):
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        read_toml(path)


def test_a_missing_file_and_a_folder_are_explained(tmp_path):
    with pytest.raises(SettingsError, match="missing.toml: there is no such file$"):
        read_toml(tmp_path / "missing.toml")
    with pytest.raises(SettingsError, match="this is a folder, and a file is expected$"):
        read_toml(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_of_somebody_else_is_explained(tmp_path):
    path = tmp_path / "x.toml"
    path.touch(mode=0o000)
    with pytest.raises(SettingsError, match="give it read permission"):
        read_toml(path)


def test_another_failure_is_told_in_the_words_of_the_system(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(SettingsError, match="cannot be read: Too many levels of symbolic links"):
        read_toml(loop)


def test_a_mark_in_front_and_windows_line_ends_do_not_matter(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    file = read_toml(path)
    assert file.table == {"a": 1, "b": 2}
    assert file.line_of(("b",)) == 2


@given(st.text(alphabet="ab.=[]{}\"'# \n1,", max_size=60))
def test_any_text_is_parsed_or_refused(text):
    try:
        file = parse_toml("x.toml", text)
    except SettingsError as error:
        assert str(error).startswith("x.toml:")
    else:
        assert all(line <= text.count("\n") + 1 for line in file.lines.values())
