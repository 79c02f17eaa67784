"""The privileged program's client says what went wrong, and never anything but LinkError."""

import asyncio
from pathlib import Path

import pytest

from gattkeeper.errors import LinkError
from gattkeeper.links.privileged_client import PrivilegedClient
from gattkeeper.privileged.wire import Request, encode_answer

pytestmark = pytest.mark.asyncio

RESET = Request("reset_adapter", "F4:4E:FC:00:00:01")


async def ask(path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        await PrivilegedClient(path).ask(RESET)
    finally:
        server.close()


async def test_it_is_there_when_its_socket_is(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    assert not PrivilegedClient(path).there
    server = await asyncio.start_unix_server(lambda _reader, _writer: None, path)
    assert PrivilegedClient(path).there
    server.close()


async def test_what_was_done_is_no_news(tmp_path: Path) -> None:
    await ask(tmp_path / "socket", encode_answer(""))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (encode_answer("the controller is busy"), "reset_adapter: the controller is busy"),
        (b"", "reset_adapter: the privileged program gave no answer: see its log (journalctl)"),
        (b"x" * 5_000, "exceed the limit"),
    ],
)
async def test_what_was_not_done_is_said(tmp_path: Path, answer: bytes, text: str) -> None:
    with pytest.raises(LinkError) as caught:
        await ask(tmp_path / "socket", answer)
    assert text in caught.value.fault.text


async def test_nobody_at_the_socket_is_a_link_error(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="reset_adapter"):
        await PrivilegedClient(tmp_path / "socket").ask(RESET)
