"""The framing, byte for byte."""

from gattkeeper.fronts.cli import frames


def test_each_line_of_a_text_is_a_frame():
    assert frames.out("one\ntwo") == b"oone\notwo\n"
    assert frames.err("no") == b"eno\n"


def test_progress_is_one_line_whatever_is_in_it():
    assert frames.progress("a\nb") == b"pa b\n"


def test_ids_and_exit_codes():
    assert frames.accepted("c-1") + frames.exit_code(4) == b"ic-1\nx4\n"


def test_json_is_one_line():
    assert frames.out_json({"text": "a\nb"}) == b'o{"text":"a\\nb"}\n'


def test_text_that_is_no_utf_8_is_shown_escaped():
    assert frames.out("\udcff") == b"o\\udcff\n"
