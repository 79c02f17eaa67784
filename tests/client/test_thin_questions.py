"""The thin client's questions at a real terminal: typed lines go to the daemon that asked. The daemon is a fake."""

import asyncio
import contextlib
import os
import pty
import socket

import pytest

from client.test_thin import rest_of, start

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def asked(folder, *argv):
    """The program at a terminal, and the daemon's end of its connection after the request."""
    path = folder / "keeper.sock"
    outer, inner = pty.openpty()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.setblocking(False)
        program = await start(path, *argv, stdin=inner, stderr=inner)
        os.close(inner)
        connected, _ = await asyncio.get_running_loop().sock_accept(listening)
    reader, writer = await asyncio.open_connection(sock=connected)
    async with asyncio.timeout(20):
        request = await reader.readline()
        yield program, outer, reader, writer, request
        writer.close()
        await writer.wait_closed()
        await program.wait()


async def until_shown(terminal, text):
    shown = b""
    while text not in shown:
        shown += await asyncio.to_thread(os.read, terminal, 4096)
    return shown.decode()


async def test_a_typed_line_answers_the_question(tmp_path):
    async with asked(tmp_path, "pair", "lock") as (program, terminal, reader, writer, request):
        assert b'"asks":true' in request
        writer.write("q1 Was zeigt das Schloß?\n".encode())
        await until_shown(terminal, "Was zeigt das Schloß? ".encode())
        os.write(terminal, 'say "ä"\n'.encode())
        assert await reader.readline() == '[1,"say \\"ä\\""]\n'.encode()
        writer.write(b"q2 again?\n")
        await until_shown(terminal, b"again? ")
        os.write(terminal, b"\x04")  # end of input
        assert await reader.readline() == b"[2,null]\n"
        writer.write(b"x0\n")
        await program.wait()
        assert program.returncode == 0
        rest_of(terminal)


async def test_a_question_that_is_over_is_left_for_what_comes_next(tmp_path):
    async with asked(tmp_path, "pair", "lock") as (program, terminal, _, writer, _):
        writer.write(b"q1 well?\n")
        await until_shown(terminal, b"well? ")
        writer.write(b"etoo late\nx1\n")
        await program.wait()
        assert rest_of(terminal).splitlines() == ["", "too late"]
        assert program.returncode == 1


async def test_a_daemon_that_dies_while_somebody_types_is_told(tmp_path):
    async with asked(tmp_path, "pair", "lock") as (program, terminal, _, writer, _):
        writer.write(b"q1 well?\n")
        await until_shown(terminal, b"well? ")
        writer.close()
        await program.wait()
        assert "the daemon went away" in rest_of(terminal)
        assert program.returncode == 4


async def test_other_verbs_never_offer_to_answer(tmp_path):
    async with asked(tmp_path, "status") as (_, terminal, _, writer, request):
        assert b'"asks":false' in request
        writer.write(b"x0\n")
        await asyncio.to_thread(rest_of, terminal)
