"""The loader of Oxford-IIIT Pet."""

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import OxfordIIITPet

from lemur_core.errors import CorruptSampleError, MissingDataError
from lemur_core.kinds.loader import IGNORED
from lemur_scenes.loaders import pet

from .official import PETS, write_pets

TASK = "img-segmentation"


@pytest.fixture
def place(tmp_path):
    return write_pets(tmp_path)


def test_images_are_those_of_torchvision_and_the_border_is_ignored(tmp_path, place):
    bundle = pet.load(tmp_path, TASK)
    assert bundle.out_shape == (2,)
    for samples, split in ((bundle.train, "trainval"), (bundle.test, "test")):
        reference = OxfordIIITPet(tmp_path, split, "segmentation")
        assert len(samples) == len(reference) == 4
        for index in range(4):
            image, mask = samples[index]
            photograph, trimap = map(np.array, reference[index])
            assert np.array_equal(image.permute(1, 2, 0), photograph)
            assert np.array_equal(mask == 1, trimap == 1)
            assert np.array_equal(mask == 0, trimap == 2)
            assert np.array_equal(mask == IGNORED, trimap == 3)


def test_other_values_are_refused(tmp_path, place):
    file = place / "annotations" / "trimaps" / "Maine_Coon_0.png"
    Image.new("L", (40, 30), 4).save(file)
    with pytest.raises(CorruptSampleError) as caught:
        pet.load(tmp_path, TASK).train[0]
    assert (caught.value.file, caught.value.reason) == (str(file), "its value 4 is no class")


def test_a_trimap_of_another_size_is_refused(tmp_path, place):
    file = place / "annotations" / "trimaps" / "Maine_Coon_0.png"
    Image.new("L", (39, 30), 1).save(file)
    with pytest.raises(CorruptSampleError, match="it is 39x30 pixels, its image 40x30"):
        pet.load(tmp_path, TASK).train[0]


@pytest.mark.parametrize("line", ["Maine_Coon_0 1 1\n", "Maine_Coon_0 a b c\n", "\n"])
def test_an_invalid_list_is_an_error_of_one_line(tmp_path, place, line):
    file = place / "annotations" / "trainval.txt"
    file.write_text(line)
    with pytest.raises(MissingDataError) as caught:
        pet.load(tmp_path, TASK)
    assert str(caught.value).startswith(f"dataset 'oxford-iiit-pet': {file} is damaged: ")
    assert "\n" not in str(caught.value)


def test_missing_files_are_all_named(tmp_path):
    with pytest.raises(MissingDataError) as caught:
        pet.load(tmp_path, TASK)
    assert str(caught.value) == (
        f"dataset 'oxford-iiit-pet': {tmp_path / PETS} lacks images, annotations/trimaps, "
        "annotations/trainval.txt, annotations/test.txt; get it with --download, "
        "or say with --data where it is"
    )


def test_a_photograph_that_is_missing_is_named(tmp_path, place):
    file = place / "images" / "Maine_Coon_10.jpg"
    file.unlink()
    with pytest.raises(MissingDataError) as caught:
        pet.load(tmp_path, TASK).test[0]
    assert str(caught.value) == f"{file} cannot be read: No such file or directory"


def test_existing_files_are_not_downloaded_again(tmp_path, place, monkeypatch):
    fetched = []
    monkeypatch.setattr(pet, "fetch_archive", lambda url, to, **how: fetched.append((url, to, how)))
    pet.load.download(tmp_path, print)
    assert fetched == []
    pet.load.download(tmp_path / "elsewhere", print)
    assert fetched == [
        (url, tmp_path / "elsewhere" / PETS, {"md5": md5, "progress": print})
        for url, md5 in OxfordIIITPet._RESOURCES
    ]
