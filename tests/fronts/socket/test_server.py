"""Who may come in and how many, over real sockets. What they say is tested elsewhere."""

import asyncio
import os
import stat
import tempfile
from pathlib import Path

import pytest

from fronts.keeper_bench import bench
from gattkeeper.errors import SettingsError
from gattkeeper.fronts.socket import server
from gattkeeper.fronts.socket.server import SocketFront

pytestmark = pytest.mark.asyncio


async def test_folder_and_socket_are_the_owners_alone(tmp_path):
    async with bench(tmp_path) as b:
        assert stat.S_IMODE(b.path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(b.path.stat().st_mode) == 0o600


async def test_the_socket_goes_away_with_the_front(tmp_path):
    async with bench(tmp_path) as b:
        pass
    assert not b.path.exists()


async def test_two_daemons_cannot_share_a_path(tmp_path):
    async with bench(tmp_path) as b:
        with pytest.raises(SettingsError, match="answers at .* already"):
            await SocketFront(b.keeper, b.path, timeline=b.timeline).start()
        async with b.client() as client:
            assert "status" in await client.ask({"verb": "status"})


async def test_the_peer_is_recorded_as_the_kernel_names_it(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        answer = await client.ask({"verb": "read", "device": "lounge", "characteristic": "2a19"})
        origin = b.keeper.handle(answer["accepted"]).command.origin
        assert (origin.front, origin.uid, origin.pid) == ("socket", os.getuid(), os.getpid())
        assert origin.principal


async def test_a_crowd_is_refused_but_a_stop_gets_through(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 1)
    monkeypatch.setattr(server, "STOP_CONNECTIONS_MAX", 1)
    async with bench(tmp_path) as b, b.client() as first:
        await first.ask({"verb": "status"})
        async with b.client() as second:
            answer = await second.ask({"id": 1, "verb": "status"})
            assert answer["error"]["code"] == "too_many_connections"
            assert await second.gone()
        async with b.client() as third:
            answer = await third.ask({"id": 1, "verb": "stop", "scope": "lounge"})
            assert len(answer["accepted"]) == 1
            assert await third.gone()


async def test_reserved_places_are_bounded_too(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 0)
    monkeypatch.setattr(server, "STOP_CONNECTIONS_MAX", 1)
    async with bench(tmp_path) as b, b.client(), b.client() as second:
        assert (await second.hear())["error"]["code"] == "too_many_connections"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_is_told_that_it_is_not_served_and_that_is_on_record(tmp_path, monkeypatch):
    with tempfile.TemporaryDirectory() as shared:  # pytest's folders are closed to others, again and again
        Path(shared).chmod(0o755)
        path = Path(shared) / "run" / "keeper.sock"
        async with bench(tmp_path) as b:
            noted = []
            monkeypatch.setattr(b.keeper, "note", noted.append)
            front = SocketFront(b.keeper, path, timeline=b.timeline, allowed_uids=(12345,))
            await front.start()
            program = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r}); print(s.recv(9999).decode())"
            child = await asyncio.create_subprocess_exec(
                "/usr/bin/env", "python3", "-I", "-c", program, stdout=-1, stderr=-1, user=65534, group=65534
            )
            output, complaint = await child.communicate()
            await front.close()
    assert b'"not_allowed"' in output, complaint
    (denied,) = noted
    assert (denied.origin.uid, denied.origin.front, denied.times) == (65534, "socket", 1)


async def test_closing_ends_waits_and_leaves_commands_alone(tmp_path):
    async with bench(tmp_path) as b, b.client() as client:
        b.link.let_answer.clear()
        command_id = (
            await client.ask(
                {"verb": "write", "device": "lounge", "characteristic": "fe51", "payload": "01", "wait": True}
            )
        )["accepted"]
        await b.front.close()
        assert await client.gone()
        b.link.let_answer.set()
        assert (await b.keeper.handle(command_id).wait()).succeeded
