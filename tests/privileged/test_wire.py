"""Requests are exactly what they may be, or refused; answers come through."""

import pytest

from gattkeeper.privileged.wire import (
    RefusedError,
    Request,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)

ADAPTER = "F4:4E:FC:00:00:01"
DEVICE = "F0:00:00:00:00:01"


@pytest.mark.parametrize(
    "request_",
    [
        Request("reset_adapter", ADAPTER),
        Request("reset_usb", ADAPTER),
        Request("cut_link", ADAPTER, DEVICE, "random"),
    ],
)
def test_a_request_comes_through(request_: Request) -> None:
    assert decode_request(encode_request(request_)) == request_


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"reset", "one JSON object"),
        (b"[]", "a request has verb"),
        (b"\xff", "one JSON object"),
        (b'{"verb": 7}', "each is a string"),
        (b'{"verb": "reset_usb", "adapter": "F4:4E:FC:00:00:01", "path": "/"}', "a request has"),
        (b'{"verb": "format", "adapter": "F4:4E:FC:00:00:01"}', "no such verb"),
        (b'{"verb": "reset_usb", "adapter": "../hci0"}', "adapter is an address"),
        (b'{"verb": "reset_usb"}', "adapter is an address"),
        (b'{"verb": "cut_link", "adapter": "F4:4E:FC:00:00:01"}', "public or random"),
        (b'{"verb": "reset_usb", "adapter": "F4:4E:FC:00:00:01", "kind": "public"}', "takes no device"),
    ],
)
def test_anything_else_is_refused_with_a_reason(line: bytes, text: str) -> None:
    with pytest.raises(RefusedError, match=text):
        decode_request(line)


def test_an_answer_says_that_it_was_done_or_why_not() -> None:
    decode_answer(encode_answer(""))
    with pytest.raises(RefusedError, match="the controller is busy"):
        decode_answer(encode_answer("the controller is busy"))


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b"null", b"\xff"])
def test_a_bad_answer_is_none(line: bytes) -> None:
    with pytest.raises(RefusedError, match="gave no answer"):
        decode_answer(line)
