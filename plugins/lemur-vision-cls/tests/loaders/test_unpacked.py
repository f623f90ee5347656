"""Datasets that are published as class folders below other folders."""

import shutil

import pytest

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders import concrete, insects, natural, powerline

from .writing import write_concrete, write_insects, write_natural, write_powerline

TASK = "img-classification"


def test_the_folders_of_archives_may_be_left_out(tmp_path):
    written = write_concrete(tmp_path)["all"]
    inner = written[0][0].parents[1]
    for place in inner.iterdir():
        place.rename(tmp_path / "concrete" / place.name)
    inner.rmdir()
    bundle = concrete.load(tmp_path, TASK)
    assert len(bundle.train) + len(bundle.test) == len(written)
    assert bundle.class_names == ("Negative", "Positive")


def test_class_numbers_of_power_lines_say_whether_there_is_one(tmp_path):
    write_powerline(tmp_path)
    bundle = powerline.load(tmp_path, TASK)
    assert bundle.class_names == ("no power line", "power line")
    for part in (bundle.train, bundle.test):
        for index in range(len(part)):
            assert part.file(index).name.startswith(("TY_", "TV_")[int(part.targets[index])])


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (concrete.load, "concrete"),
        (natural.load, "natural"),
        (insects.load, "insects"),
        (powerline.load, "powerline"),
    ],
)
def test_a_missing_dataset_says_where_to_get_it(load, name, tmp_path):
    with pytest.raises(MissingDataError, match=f"dataset '{name}': .*{name}.* get it from https"):
        load(tmp_path, TASK)


def test_other_class_folders_are_errors(tmp_path):
    written = write_natural(tmp_path)["train"]
    shutil.rmtree(written[0][0].parent)
    with pytest.raises(MissingDataError, match="seg_train lacks the class folders buildings; get"):
        natural.load(tmp_path, TASK)
    [species] = write_insects(tmp_path).values()
    shutil.rmtree(species[0][0].parent)
    with pytest.raises(MissingDataError, match="insects has 290 class folders; expected 291"):
        insects.load(tmp_path, TASK)
    for file, target in write_powerline(tmp_path)["all"]:
        if target and "IR" in file.name:
            file.unlink()
    with pytest.raises(MissingDataError, match=r"Infrared \(IR\) has no image TV_\*; get it from"):
        powerline.load(tmp_path, TASK)
