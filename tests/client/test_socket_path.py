"""Where the socket is looked for, by the daemon and by those who call it."""

import os

import pytest

from gattkeeper.client.socket_path import default_socket_path
from gattkeeper.daemon.settings_model import KeeperSettings


@pytest.mark.parametrize(
    ("environ", "uid", "path"),
    [
        ({"GATTKEEPER_SOCKET": "/x.sock", "XDG_RUNTIME_DIR": "/run/user/7"}, 7, "/x.sock"),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, 7, "/run/user/7/gattkeeper/keeper.sock"),
        ({}, 0, "/run/gattkeeper/keeper.sock"),
        ({"RUNTIME_DIRECTORY": "/run/gattkeeper:/run/more"}, 7, "/run/gattkeeper/keeper.sock"),
        ({"XDG_RUNTIME_DIR": ""}, 7, "/tmp/gattkeeper-7/keeper.sock"),
    ],
)
def test_the_daemon_and_its_callers_meet_at_the_same_place(monkeypatch, environ, uid, path):
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    for name in ("GATTKEEPER_SOCKET", "XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert default_socket_path() == str(KeeperSettings().socket) == path
