"""Transforms of any size, and the size that is derived from the images of a dataset."""

import pytest

from lemur_core import Entry
from lemur_core.campaign.plan import plan
from lemur_core.campaign.run import campaign
from lemur_core.cli.jsonl import JsonLines
from lemur_core.cli.lines import Lines, Quiet
from lemur_core.composition import compose
from lemur_core.errors import MisfitError, PluginError, StoreError, UnknownNameError
from lemur_core.events import Noted
from lemur_core.image_size import usual_size
from lemur_core.kinds.transform import by_size
from lemur_core.pattern import Pattern
from lemur_core.settings import Settings

TASKS = ("img-classification",)
BLOBS = "img-classification_blobs_hits_Linear"
SIZES = """
from lemur_core.errors import MissingDataError

def read(folder, **options):
    if not (folder / "sizes").exists():
        raise MissingDataError("there is none")
    sizes = [*map(int, (folder / "sizes").read_text().split())]
    return zip(sizes[::2], sizes[1::2])
"""


@pytest.fixture
def scaled(toys, tmp_path, monkeypatch):
    """Transforms in sizes 8 to 256, and a dataset whose image sizes are in a file."""
    (tmp_path / "toy_sizes.py").write_text(SIZES)
    monkeypatch.syspath_prepend(str(tmp_path))
    target = "lemur_toy.data:fit_{}"
    entries = [
        Entry(f"fit_{size}{end}", target.format(size), TASKS, size=size, sizes=(8, 256), **facts)
        for size in (32, 64, 128, 224)
        for end, facts in (("", {"demo": True}), ("_flip", {"random": True}))
    ]
    registry = toys.with_entries("more", "transform", entries)
    net = Entry("Large", toys.get("net", "Linear").target, TASKS, min_size=75)
    registry = registry.with_entries("nets", "net", [net])
    data = Entry("varied", "lemur_toy.data:blobs", TASKS, image_sizes="toy_sizes:read")
    return registry.with_entries("own", "loader", [data])


def test_an_entry_exists_at_other_sizes(scaled):
    entry = scaled.get("transform", "fit_48_flip")
    assert (entry.name, entry.target, entry.size) == ("fit_48_flip", "lemur_toy.data:fit_48", 48)
    assert entry.random
    assert not scaled.get("transform", "more/fit_48").demo
    assert "fit_48" not in scaled.names("transform")


@pytest.mark.parametrize("size", [7, 257, 99999])
def test_a_size_out_of_range_is_reported(scaled, size):
    with pytest.raises(MisfitError) as caught:
        scaled.get("transform", f"fit_{size}")
    assert str(caught.value) == f"transform 'fit_{size}': size {size}; expected 8 to 256 px"


@pytest.mark.parametrize("name", ["fit_", "fit_048", "fit_1.5", "toy/fit_48", f"fit_{'9' * 5000}"])
def test_other_names_are_unknown(scaled, name):
    with pytest.raises(UnknownNameError):
        scaled.get("transform", name)


def test_a_near_name_is_suggested(scaled):
    with pytest.raises(UnknownNameError, match=r"unknown transform 'fti_48'. Did you mean 'fit_"):
        scaled.get("transform", "fti_48")


def test_sizes_need_a_name_and_a_target_with_the_size():
    for name, target in (("fit", "toys:fit_32"), ("fit_32", "toys:fit"), ("fit_132", "toys:a_132")):
        with pytest.raises(PluginError, match="has sizes; expected a name and a target with its"):
            Entry(name, target, size=32, sizes=(8, 64))


def test_a_module_provides_transforms_of_any_size():
    get = by_size({"fit_N": dict, "fit_N_2x": list})
    assert (get("fit_48").func, get("fit_48").keywords) == (dict, {"size": 48})
    assert get("fit_48_2x").func is list
    for name in ("fit_N", "fit_", "fit_48_3x", "__path__"):
        with pytest.raises(AttributeError):
            get(name)


def test_a_named_size_is_searched(scaled):
    [pipeline] = compose(scaled, [Pattern.parse(BLOBS)], ["fit_48", "more/fit_32", "plain"])
    assert {name: entry.size for name, entry in pipeline.transforms.items()} == {
        "plain": None,
        "fit_32": 32,
        "fit_48": 48,
    }


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(48, 48)] * 3, 48),
        ([(20, 20)], 32),
        ([(3000, 3000)], 224),
        ([(178, 218)] * 2, 192),
        ([(40, 60), (70, 90)], 64),
        ([(480, 640)], 224),
        ([], None),
    ],
)
def test_usual_size_suits_images_and_nets(sizes, expected):
    assert usual_size(sizes) == expected


@pytest.mark.parametrize(
    ("text", "net", "transforms", "line"),
    [
        ("48 48 48 48", "Linear", ["fit_48"], "images of 48 px: transforms of 48 px or more"),
        ("48 48 48 48", "Large", ["fit_128"], "images of 48 px: transforms of 48 px or more"),
        (
            "40 60 70 90",
            "Linear",
            ["fit_64"],
            "images of 40 to 90 px, median 65: transforms of 64 px or more",
        ),
        (None, "Linear", ["fit_224"], ""),
    ],
)
def test_the_size_comes_from_the_images(scaled, tmp_path, text, net, transforms, line):
    if text:
        (tmp_path / "sizes").write_text(text)
    given = {"dataset": "varied", "net": net, "data": str(tmp_path)}
    planned = plan(Settings.of(given), scaled)
    [pipeline] = planned.pipelines
    assert list(pipeline.transforms) == transforms
    expected = [f"dataset 'varied': {line} are searched"] if line else []
    assert planned.image_sizes == expected


def test_images_are_not_read_if_transforms_are_named(scaled, tmp_path):
    (tmp_path / "sizes").write_text("these are not numbers")
    given = {"dataset": "varied", "net": "Linear", "data": str(tmp_path), "transform": "fit_64"}
    planned = plan(Settings.of(given), scaled)
    assert list(planned.pipelines[0].transforms) == ["fit_64"]
    assert planned.image_sizes == []


def test_the_size_is_said_before_the_campaign_starts(scaled, tmp_path, capsys):
    (tmp_path / "sizes").write_text("48 48")
    seen = []
    given = {"dataset": "varied", "net": "Linear", "data": str(tmp_path), "db": str(tmp_path)}
    with pytest.raises(StoreError, match="is a directory"):
        campaign(Settings.of(given), scaled, seen.append)
    line = "dataset 'varied': images of 48 px: transforms of 48 px or more are searched"
    assert seen == [Noted(line)]
    for show in (Lines(), Quiet(), JsonLines()):
        show(seen[0])
    out, err = capsys.readouterr()
    assert (out, err) == (f'{line}\n{{"event": "Noted", "message": "{line}"}}\n', "")


def test_image_sizes_name_a_function_of_a_module():
    with pytest.raises(PluginError) as caught:
        Entry("varied", "toys:load", image_sizes="no function")
    assert str(caught.value) == (
        "entry 'varied': image_sizes 'no function' is not 'package.module:function'"
    )


def test_images_whose_sizes_cannot_be_read_get_the_usual_transforms(scaled, tmp_path):
    (tmp_path / "sizes").write_text("no numbers")
    planned = plan(Settings.of({"dataset": "varied", "net": "Linear", "data": tmp_path}), scaled)
    assert (list(planned.pipelines[0].transforms), planned.image_sizes) == (["fit_224"], [])
