"""Files are whole or not at all; pipes, devices, links and descriptors are written through."""

import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from verifai.files import is_through, require_writable, write_atomically
from verifai.kernel.errors import InputError
from verifai.streams import own_output


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_files_have_the_usual_permissions(tmp_path: Path) -> None:
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.write_bytes(b"")
    write_atomically(ours, b"")
    assert ours.stat().st_mode == plain.stat().st_mode


def test_folders_and_missing_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        require_writable(tmp_path)
    with pytest.raises(InputError, match="cannot write"):
        require_writable(tmp_path / "missing" / "file")


def read_in_background(path: Path) -> tuple[Thread, list[bytes]]:
    found = list[bytes]()
    thread = Thread(target=lambda: found.append(path.read_bytes()), daemon=True)
    thread.start()
    return thread, found


def test_a_pipe_is_written_through_and_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    require_writable(path)
    thread, found = read_in_background(path)
    write_atomically(path, b"data")
    thread.join(60)
    assert found == [b"data"]
    assert stat.S_ISFIFO(path.lstat().st_mode)
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_a_pipe_behind_a_link_is_written_through(tmp_path: Path) -> None:
    path, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(path)
    link.symlink_to("pipe")
    thread, found = read_in_background(path)
    write_atomically(link, b"data")
    thread.join(60)
    assert found == [b"data"]
    assert link.is_symlink() and stat.S_ISFIFO(path.lstat().st_mode)


def test_a_device_is_opened_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain file that says it is a device: nothing is tried on a real one."""
    path, told = tmp_path / "device", Path.stat
    path.write_bytes(b"")
    number = path.lstat().st_ino

    def as_device(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = told(self, follow_symlinks=follow_symlinks)
        return os.stat_result((stat.S_IFCHR | 0o666, *found[1:]))

    monkeypatch.setattr(Path, "stat", as_device)
    assert is_through(path)
    require_writable(path)
    write_atomically(path, b"data")
    monkeypatch.undo()
    assert (path.read_bytes(), path.lstat().st_ino) == (b"data", number)


def test_a_link_stays_and_its_target_is_written_whole(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link, far = tmp_path / "folder" / "target", tmp_path / "link", tmp_path / "far"
    link.symlink_to("folder/target")
    far.symlink_to("link")
    require_writable(far)  # though there is nothing yet
    write_atomically(far, b"first")
    target.chmod(0o600)
    write_atomically(link, b"second")
    assert far.is_symlink() and link.is_symlink()
    assert target.read_bytes() == b"second"
    assert target.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in (tmp_path / "folder").iterdir()] == ["target"]


def test_descriptors_are_written_to(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        for name in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}"):
            require_writable(Path(name))
            write_atomically(Path(name), b"data ")
    assert (tmp_path / "file").read_bytes() == b"data data "
    with pytest.raises(InputError, match="cannot write"):
        require_writable(Path("/dev/fd/1000"))


def test_standard_output_by_name_is_where_commands_print(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    with own_output():
        print("before")
        write_atomically(Path("/dev/stdout"), b"data\n")
        print("after")
    assert capfdbinary.readouterr().out == b"before\ndata\nafter\n"


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(BrokenPipeError, match=f"/dev/fd/{write}"):
        write_atomically(Path(f"/dev/fd/{write}"), b"data")
    os.close(write)
    with pytest.raises(FileNotFoundError, match="gone/file"):
        write_atomically(tmp_path / "gone" / "file", b"data")
