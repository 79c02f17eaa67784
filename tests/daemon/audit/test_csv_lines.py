"""CSV comes back as it was, and no cell of it is a formula."""

import csv
import io

import pytest
from found import found, resolution
from hypothesis import given
from hypothesis import strategies as st

from gattkeeper.daemon.audit.csv_lines import FORMULA_BEGINS, HEADING, csv_lines
from gattkeeper.daemon.audit.views import view_of
from gattkeeper.model.outcome import Verdict
from gattkeeper.storage.query import Found


def read_back(*found_ones: Found) -> list[dict[str, str]]:
    text = b"".join(csv_lines(found_ones)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_each_command_is_a_line_with_every_column() -> None:
    first, second = read_back(found(Verdict.UNKNOWN, resolution=resolution()), found(None, seq=8))
    assert tuple(first) == HEADING
    assert (first["seq"], first["verdict"], first["stack_code"], first["resolved"]) == (
        "7",
        "unknown",
        "14",
        "applied",
    )
    assert (first["waiting_us"], first["scan_us"], first["latency_us"]) == ("24000", "", "30000")
    assert (second["verdict"], second["latency_us"], second["stop"]) == ("open", "", "")


def test_lines_end_as_rfc_4180_says() -> None:
    assert all(line.endswith(b"\r\n") for line in csv_lines([found()]))


@pytest.mark.parametrize("begin", [*FORMULA_BEGINS, "  =", " \t@"])
def test_what_looks_like_a_formula_gets_an_apostrophe(begin: str) -> None:
    text = f"{begin}cmd|' /C calc'!A0"
    (row,) = read_back(found(device=text))
    assert row["device"] == f"'{text}"


@given(text=st.text(st.characters(codec="utf-8")))
def test_any_text_comes_back_and_begins_no_formula(text: str) -> None:
    one = found(device="-" + text, label=text, principal=text)
    (row,) = read_back(one)
    view = view_of(one)
    for name in ("device", "label", "principal"):
        assert row[name].removeprefix("'") == getattr(view, name).removeprefix("'")
        assert not row[name].lstrip().startswith(FORMULA_BEGINS)
