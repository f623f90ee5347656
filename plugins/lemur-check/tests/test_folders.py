"""Folders are emptied, whatever is in them."""

import os

from lemur_check.folders import empty


def test_deep_folders_and_those_without_permissions_are_removed(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    before = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    # Longer than a path can be, and deeper than functions can call each other.
    for _ in range(1100):
        os.mkdir("a" * 100)
        os.chdir("a" * 100)
    os.fchdir(before)
    os.close(before)
    (folder / "b" / "c").mkdir(parents=True)
    (folder / "b" / "c" / "file").touch()
    for place in ("b/c/file", "b/c", "b", "."):
        (folder / place).chmod(0)
    assert empty(folder)
    assert list(folder.iterdir()) == []


def test_what_links_lead_to_is_kept(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    scratch = tmp_path / "scratch"
    (scratch / "inner").mkdir(parents=True)
    for link in (scratch / "link", scratch / "inner" / "link"):
        link.symlink_to(tmp_path / "kept")
    os.mkfifo(scratch / "inner" / "pipe")
    assert empty(scratch)
    assert (tmp_path / "kept" / "file").exists()


def test_it_is_told_when_a_folder_cannot_be_emptied(tmp_path):
    assert not empty(tmp_path / "nowhere")
