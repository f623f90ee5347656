"""Folders are emptied whatever they contain."""

import os

from lemur_check.folders import empty


def test_deep_folders_and_those_without_permissions_are_removed(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    before = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    # The path is longer than the system allows, and deeper than the recursion limit.
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


def test_the_targets_of_links_are_kept(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    scratch = tmp_path / "scratch"
    (scratch / "inner").mkdir(parents=True)
    for link in (scratch / "link", scratch / "inner" / "link"):
        link.symlink_to(tmp_path / "kept")
    os.mkfifo(scratch / "inner" / "pipe")
    assert empty(scratch)
    assert (tmp_path / "kept" / "file").exists()


def test_a_folder_that_cannot_be_emptied_is_reported(tmp_path):
    assert not empty(tmp_path / "nowhere")
