"""write_whole: whole or not at all, and what was there before stays what it was."""

import os
import stat
import threading

import pytest

from microgrid.files import write_whole


@pytest.fixture
def mask():
    """An umask of 027."""
    before = os.umask(0o027)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_files_mode_follows_the_umask(tmp_path, mask):
    assert mode(write_whole(tmp_path / "a", "x")) == 0o640


@pytest.mark.parametrize("kept", [0o600, 0o444, 0o755])
def test_an_old_files_mode_is_kept(tmp_path, kept):
    path = write_whole(tmp_path / "a", "old")
    path.chmod(kept)
    write_whole(path, b"new")
    assert (path.read_text(), mode(path)) == ("new", kept)
    assert os.listdir(tmp_path) == ["a"]


def test_a_symbolic_link_stays_one_and_its_target_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "a", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_whole(link, "new")
    assert (link.is_symlink(), target.read_text(), os.listdir(tmp_path / "far")) == (
        True, "new", ["a"],
    )  # fmt: skip
    target.unlink()
    write_whole(link, "anew")  # a link to nothing makes what it points to
    assert (link.is_symlink(), target.read_text()) == (True, "anew")


def test_a_fifo_is_written_into(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    seen = []
    reader = threading.Thread(target=lambda: seen.append(path.read_bytes()), daemon=True)
    reader.start()
    write_whole(path, "through the pipe")
    reader.join(timeout=600.0)
    assert seen == [b"through the pipe"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_device_is_written_into():
    terminal, slave = os.openpty()
    path = os.ttyname(slave)
    write_whole(path, "to the terminal")
    assert os.read(terminal, 100) == b"to the terminal"
    assert stat.S_ISCHR(os.stat(path).st_mode)
    os.close(slave)
    os.close(terminal)


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_in_a_save_arrives_and_leaves_nothing_behind(tmp_path, monkeypatch, when):
    path, replace = write_whole(tmp_path / "a", "old"), os.replace

    def interrupted(source, target):
        if when == "after":
            replace(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "new")
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_text() == {"before": "old", "after": "new"}[when]


def test_a_folder_and_a_missing_folder_are_named(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"^cannot write '.*': Is a directory$"):
        write_whole(tmp_path, "x")
    with pytest.raises(FileNotFoundError, match=r"^cannot write into '.*none': No such file"):
        write_whole(tmp_path / "none" / "a", "x")


def test_a_name_as_long_as_the_system_allows(tmp_path):
    assert write_whole(tmp_path / ("x" * 255), "long").read_text() == "long"


def test_a_lone_surrogate_is_written_as_its_escape(tmp_path):
    assert write_whole(tmp_path / "a", "h\ud800").read_text() == "h\\ud800"
