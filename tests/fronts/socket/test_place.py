"""Folders, stale sockets and peers, on a real file system."""

import os
import socket
import stat
from pathlib import Path

import pytest

from gattkeeper.errors import SettingsError
from gattkeeper.fronts.socket import place


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "keeper.sock"


def test_a_socket_that_nobody_answers_on_is_replaced(path):
    place.listen(path, shared=False).close()
    before = place.identity_of(path)
    place.listen(path, shared=False).close()
    assert stat.S_ISSOCK(path.lstat().st_mode)
    assert place.identity_of(path) != before or path.exists()


def test_a_file_that_is_no_socket_stays(path):
    path.parent.mkdir(mode=0o700)
    path.write_text("precious")
    with pytest.raises(SettingsError, match="is no socket: move it away"):
        place.listen(path, shared=False)
    assert path.read_text() == "precious"


def test_a_socket_that_somebody_answers_on_stays(path):
    with place.listen(path, shared=False), pytest.raises(SettingsError, match="answers at"):
        place.listen(path, shared=False)


def test_a_socket_of_another_kind_is_in_use(path):
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        with pytest.raises(SettingsError, match="in use, or cannot be tried"):
            place.listen(path, shared=False)


def test_a_folder_that_others_may_write_into_is_refused(path):
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(SettingsError, match="others may write into"):
        place.listen(path, shared=False)


def test_a_link_in_place_of_the_folder_is_refused(path, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="is not a folder"):
        place.listen(path, shared=False)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot make the folder"):
        place.listen(tmp_path / "file" / "run" / "keeper.sock", shared=False)


def test_a_path_that_is_too_long_for_a_socket_is_told(tmp_path):
    with pytest.raises(SettingsError, match="is too long for a socket: it may have 107 bytes"):
        place.listen(tmp_path / ("x" * 120), shared=False)


def test_a_socket_that_cannot_be_made_is_told():
    ours = Path(f"/proc/{os.getpid()}")  # our own folder, and no file can be made in it
    if not ours.exists():
        pytest.skip("there is no /proc here")
    with pytest.raises(SettingsError, match="cannot make the socket"):
        place.listen(ours / "keeper.sock", shared=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_refused(path):
    path.parent.mkdir(mode=0o700)
    os.chown(path.parent, 65534, 65534)
    with pytest.raises(SettingsError, match="belongs to another user"):
        place.listen(path, shared=False)


def test_a_shared_socket_is_open_to_all(path):
    place.listen(path, shared=True).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755


def test_a_folder_that_the_allowed_users_cannot_get_into_is_told(path):
    path.parent.mkdir(mode=0o700)
    with pytest.raises(SettingsError, match="cannot get into .*: do `chmod 711 "):
        place.listen(path, shared=True)
    path.parent.chmod(0o711)
    place.listen(path, shared=True).close()


def test_only_our_own_socket_is_taken_away(path):
    place.listen(path, shared=False).close()
    place.remove(path, (0, 0))
    assert path.exists()
    place.remove(path, place.identity_of(path))
    assert not path.exists()
    place.remove(path, (0, 0))


def test_the_peer_is_told_by_the_kernel():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = place.peer_of(ours)
    assert (peer.uid, peer.pid) == (os.getuid(), os.getpid())


def test_a_user_without_a_name_is_told_by_number():
    assert place.Peer(uid=4_000_000, pid=1).origin().principal == "4000000"
