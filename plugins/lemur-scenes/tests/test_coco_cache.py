"""What is made of a JSON, kept for the next start."""

import os

import numpy as np
import pytest
import torch

from lemur_scenes.coco import image_filter, reading
from lemur_scenes.coco.scenes import coco_scenes

from .coco_files import CocoSet, polygon, varied


@pytest.fixture(autouse=True)
def users_cache(tmp_path, monkeypatch):
    """A cache of the user's that is this test's alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "lemur" / "coco"


@pytest.fixture
def one(tmp_path):
    return varied(tmp_path / "set")


@pytest.fixture
def made(monkeypatch):
    """What is made anew, in its order."""
    seen = []

    def counted(module, name):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: seen.append(name) or real(*given))

    counted(reading, "parse")
    counted(image_filter, "_select_images")
    return seen


def read(one, **options):
    return coco_scenes("toy", "img-segmentation", one.images, one.file, **options)


def same(scenes, others):
    return len(scenes) == len(others) and all(
        torch.equal(scenes[index][1], others[index][1]) for index in range(len(scenes))
    )


def test_the_second_start_parses_nothing_and_looks_at_no_mask(one, made):
    first = read(one, min_pixels=50)
    assert made == ["parse", "_select_images"]
    second = read(one, min_pixels=50)
    assert made == ["parse", "_select_images"]
    assert same(first, second)
    names = sorted(file.name for file in (one.folder / ".lemur").iterdir())
    assert names[1] == "instances.npz"
    assert len(names) == 2


def test_images_are_chosen_anew_for_other_categories_pixels_and_tasks(one, made):
    chosen = {"min_pixels": 300}, {"min_pixels": 600}, {"categories": ["person"]}, {}
    lengths = [len(read(one, **options)) for options in chosen]
    assert made == ["parse"] + 4 * ["_select_images"]
    assert [len(read(one, **options)) for options in chosen] == lengths
    assert made == ["parse"] + 4 * ["_select_images"]
    coco_scenes("toy", "obj-detection", one.images, one.file)
    assert made == ["parse"] + 5 * ["_select_images"]


def test_a_json_that_changed_is_read_anew(one, made):
    before = read(one)
    one.add(one.image(20, 20), [polygon(0, 0, 10, 10)], 1)
    one.save()
    assert len(read(one)) == len(before) + 1
    assert made == ["parse", "_select_images"] * 2


def test_one_that_was_written_anew_in_as_many_bytes_is_another(one, made):
    read(one)
    facts = one.file.stat()
    one.file.write_bytes(one.file.read_bytes().replace(b"person", b"parson"))
    os.utime(one.file, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert one.file.stat().st_size == facts.st_size
    assert read(one).class_names[1] == "parson"


def test_a_file_that_is_damaged_is_made_anew(tmp_path, made):
    one = CocoSet(tmp_path / "small")
    one.add(one.image(9, 9), [polygon(1, 1, 8, 8)], 1)
    one.save()
    [(_, mask)] = read(one)
    files = sorted((one.folder / ".lemur").iterdir())
    for file, maker in zip(files, ("_select_images", "parse"), strict=True):
        whole = file.read_bytes()
        damaged = [b"", b"no zip", whole[: len(whole) // 2], whole[:-1]]
        for place in range(0, len(whole), 101):
            damaged.append(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        remade = 0
        for content in damaged:
            made.clear()
            file.write_bytes(content)
            [(_, again)] = read(one)
            assert torch.equal(mask, again)
            # A date in a zip file can be any.
            remade += made == [maker]
            made.clear()
            read(one)
            assert made == []
        assert remade > len(damaged) / 2


def test_a_file_of_other_arrays_is_not_taken(one, made):
    read(one)
    key = np.load(one.folder / ".lemur" / "instances.npz")["key"]
    np.savez(one.folder / ".lemur" / "instances.npz", key=key, images=np.arange(3))
    made.clear()
    for _ in range(2):
        assert len(read(one)) == 10
        assert made == ["parse"]


def test_where_the_folder_cannot_be_written_it_is_kept_in_the_users_cache(one, made, users_cache):
    # No folder can be where a file is, whoever asks.
    (one.folder / ".lemur").write_text("")
    assert same(read(one), read(one))
    assert made == ["parse", "_select_images"]
    assert len(list(users_cache.glob("*/*.npz"))) == 2


def test_where_nothing_can_be_written_it_is_made_each_time(one, made, users_cache):
    (one.folder / ".lemur").write_text("")
    users_cache.parent.parent.write_text("")
    assert same(read(one), read(one))
    assert made == ["parse", "_select_images"] * 2


def test_nothing_is_left_but_what_is_kept(one):
    read(one)
    assert all(file.suffix == ".npz" for file in (one.folder / ".lemur").iterdir())
    assert {file.name for file in one.folder.iterdir()} == {".lemur", "images", "instances.json"}
