"""What may be asked of the privileged program, and how that is said: one JSON object on a line each way.

Knows verbs and their arguments. Whatever is not exactly one of them is refused before anything is touched.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

SOCKET = Path("/run/gattkeeper-privileged/socket")

LINE_MAX = 1024
"""Bytes of a request or an answer."""

VERBS = ("reset_adapter", "reset_usb", "cut_link")
"""Off and on through the kernel; a reset of the adapter's USB device; the link to a device ended at once."""

KINDS = {"public": 1, "random": 2}
"""Address kinds of Bluetooth LE, by the number that the kernel's management interface has for them."""

_ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")


class RefusedError(Exception):
    """It was not done; the text says why, and what to do."""


class Request(NamedTuple):
    """One thing to do. `adapter` and `device` are addresses; the last two are empty but for `cut_link`."""

    verb: str
    adapter: str
    device: str = ""
    kind: str = ""


def encode_request(request: Request) -> bytes:
    """The request as a line."""
    return json.dumps({name: value for name, value in request._asdict().items() if value}).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """The request in a line. Raises RefusedError."""
    try:
        asked = json.loads(line)
    except ValueError:
        raise RefusedError("a request is one JSON object on a line") from None
    names = ("verb", "adapter", "device", "kind")
    if not isinstance(asked, dict) or not all(name in names and isinstance(asked[name], str) for name in asked):
        raise RefusedError(f"a request has {', '.join(names)}, and each is a string")
    request = Request(**{"verb": "", "adapter": "", **asked})
    if request.verb not in VERBS:
        raise RefusedError(f"no such verb: there are {', '.join(VERBS)}")
    if not _ADDRESS.fullmatch(request.adapter):
        raise RefusedError("adapter is an address such as F4:4E:FC:00:00:01")
    cuts = request.verb == "cut_link"
    if cuts and not (_ADDRESS.fullmatch(request.device) and request.kind in KINDS):
        raise RefusedError("cut_link needs a device's address, and its kind: public or random")
    if not cuts and (request.device or request.kind):
        raise RefusedError(f"{request.verb} takes no device")
    return request


def encode_answer(refusal: str) -> bytes:
    """The answer as a line; with an empty refusal it was done."""
    answer = {"done": False, "text": refusal[: LINE_MAX // 4]} if refusal else {"done": True}
    return json.dumps(answer).encode() + b"\n"


def decode_answer(line: bytes) -> None:
    """Nothing, when it was done. Raises RefusedError."""
    try:
        answer = json.loads(line)
        done, text = answer["done"], str(answer.get("text", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RefusedError("the privileged program gave no answer: see its log (journalctl)") from None
    if done is not True:
        raise RefusedError(text)
