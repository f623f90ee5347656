"""The cache of parsed annotations and selected images."""

import os

import numpy as np
import pytest
import torch

from lemur_scenes.coco import image_filter, reading
from lemur_scenes.coco.scenes import coco_scenes

from .coco_files import CocoSet, polygon, varied


@pytest.fixture(autouse=True)
def users_cache(tmp_path, monkeypatch):
    """Use a separate cache folder of the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "lemur" / "coco"


@pytest.fixture
def dataset(tmp_path):
    return varied(tmp_path / "set")


@pytest.fixture
def computed(monkeypatch):
    """Record the names of the computing functions in the order of their calls."""
    calls = []

    def record(module, name):
        original = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *arguments: calls.append(name) or original(*arguments)
        )

    record(reading, "parse")
    record(image_filter, "_select_images")
    return calls


def read(dataset, **options):
    return coco_scenes("toy", "img-segmentation", dataset.images, dataset.file, **options)


def same(scenes, others):
    return len(scenes) == len(others) and all(
        torch.equal(scenes[index][1], others[index][1]) for index in range(len(scenes))
    )


def test_the_second_start_parses_nothing_and_decodes_no_mask(dataset, computed):
    first = read(dataset, min_pixels=50)
    assert computed == ["parse", "_select_images"]
    second = read(dataset, min_pixels=50)
    assert computed == ["parse", "_select_images"]
    assert same(first, second)
    names = sorted(file.name for file in (dataset.folder / ".lemur").iterdir())
    assert names[1] == "instances.npz"
    assert len(names) == 2


def test_images_are_selected_again_for_other_categories_pixels_and_tasks(dataset, computed):
    selections = {"min_pixels": 300}, {"min_pixels": 600}, {"categories": ["person"]}, {}
    lengths = [len(read(dataset, **options)) for options in selections]
    assert computed == ["parse"] + 4 * ["_select_images"]
    assert [len(read(dataset, **options)) for options in selections] == lengths
    assert computed == ["parse"] + 4 * ["_select_images"]
    coco_scenes("toy", "obj-detection", dataset.images, dataset.file)
    assert computed == ["parse"] + 5 * ["_select_images"]


def test_a_changed_json_file_is_parsed_again(dataset, computed):
    before = read(dataset)
    dataset.add(dataset.image(20, 20), [polygon(0, 0, 10, 10)], 1)
    dataset.save()
    assert len(read(dataset)) == len(before) + 1
    assert computed == ["parse", "_select_images"] * 2


def test_a_json_file_that_was_rewritten_with_the_same_size_is_parsed_again(dataset, computed):
    read(dataset)
    status = dataset.file.stat()
    dataset.file.write_bytes(dataset.file.read_bytes().replace(b"person", b"parson"))
    os.utime(dataset.file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert dataset.file.stat().st_size == status.st_size
    assert read(dataset).class_names[1] == "parson"


def test_a_damaged_cache_file_is_replaced(tmp_path, computed):
    dataset = CocoSet(tmp_path / "small")
    dataset.add(dataset.image(9, 9), [polygon(1, 1, 8, 8)], 1)
    dataset.save()
    [(_, mask)] = read(dataset)
    files = sorted((dataset.folder / ".lemur").iterdir())
    for file, maker in zip(files, ("_select_images", "parse"), strict=True):
        whole = file.read_bytes()
        damaged = [b"", b"no zip", whole[: len(whole) // 2], whole[:-1]]
        for index in range(0, len(whole), 101):
            damaged.append(whole[:index] + bytes([whole[index] ^ 0x55]) + whole[index + 1 :])
        replaced = 0
        for content in damaged:
            computed.clear()
            file.write_bytes(content)
            [(_, again)] = read(dataset)
            assert torch.equal(mask, again)
            # Damage to a date in a zip file is not noticed.
            replaced += computed == [maker]
            computed.clear()
            read(dataset)
            assert computed == []
        assert replaced > len(damaged) / 2


def test_a_cache_file_with_other_arrays_is_not_used(dataset, computed):
    read(dataset)
    key = np.load(dataset.folder / ".lemur" / "instances.npz")["key"]
    np.savez(dataset.folder / ".lemur" / "instances.npz", key=key, images=np.arange(3))
    computed.clear()
    for _ in range(2):
        assert len(read(dataset)) == 10
        assert computed == ["parse"]


def test_the_users_cache_is_used_if_the_folder_is_not_writable(dataset, computed, users_cache):
    # A file in place of the folder prevents its creation, even for root.
    (dataset.folder / ".lemur").write_text("")
    assert same(read(dataset), read(dataset))
    assert computed == ["parse", "_select_images"]
    assert len(list(users_cache.glob("*/*.npz"))) == 2


def test_without_a_writable_cache_arrays_are_computed_each_time(dataset, computed, users_cache):
    (dataset.folder / ".lemur").write_text("")
    users_cache.parent.parent.write_text("")
    assert same(read(dataset), read(dataset))
    assert computed == ["parse", "_select_images"] * 2


def test_no_temporary_files_remain(dataset):
    read(dataset)
    assert all(file.suffix == ".npz" for file in (dataset.folder / ".lemur").iterdir())
    assert {file.name for file in dataset.folder.iterdir()} == {
        ".lemur",
        "images",
        "instances.json",
    }
