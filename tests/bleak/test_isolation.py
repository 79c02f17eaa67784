"""Which commands start a Python that cannot be reached."""

from pathlib import Path

import pytest

from gattkeeper.bleak.isolation import isolating, python_words, shebang, unreachable


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("python -I x.py", "-I"),
        ("/usr/bin/python3.11 -Es x.py", "-E"),
        ("python3 -u -S x.py", "-S"),
        ("python3 -W error -I x.py", "-I"),
        ("python3 -Werror -uI x.py", "-I"),
        ("env -i A=1 python3 -I x.py", "-I"),
        ("python x.py -I", ""),
        ("python -c pass -I", ""),
        ("python -m I -S", ""),
        ("python -WI x.py", ""),
        ("python -X I x.py", ""),
        ("python --check-hash-based-pycs never -I", ""),
        ("python - -I", ""),
        ("python -u", ""),
        ("sh -c python -I", ""),
        ("python", ""),
        ("python-tool -E", ""),
    ],
)
def test_options_before_the_program_count(line: str, option: str) -> None:
    assert unreachable(line.split()) == option


def test_the_shebang_of_a_script_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "tool"
    script.write_text("#!/usr/bin/python3 -Es\n")
    script.chmod(0o755)
    assert unreachable([str(script)]) == "-E"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert unreachable(["tool"]) == "-E"
    script.write_text("#!/usr/bin/env -S python3 -I\n")
    assert unreachable(["tool"]) == "-I"
    script.write_text("#!/bin/sh\n")
    assert unreachable(["tool"]) == ""


def test_what_is_no_script_has_no_shebang(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x7fELF\xff\xff")
    assert shebang(str(tmp_path / "binary")) == []
    assert shebang(str(tmp_path / "missing")) == shebang("no-such-program") == shebang("a\0b/c") == []


def test_words_behind_a_python() -> None:
    assert python_words(["pypy3", "x"]) == ["x"]
    assert python_words(["env"]) is None
    assert python_words([]) is None
    assert isolating([]) == ""
