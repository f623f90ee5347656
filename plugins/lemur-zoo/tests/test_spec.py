"""Specifications: the published zoos have the members of the paper, and files are checked."""

from collections import Counter
from dataclasses import replace

import pytest

from lemur_core.errors import SettingsError
from lemur_zoo.images import pipeline_of
from lemur_zoo.spec.population import members_of
from lemur_zoo.spec.published import PUBLISHED
from lemur_zoo.spec.read import find_spec, read_spec
from lemur_zoo.spec.spec import ZooSpec

from .conftest import run

OURS = ("eurosat-", "digits-")
PAPER = {name: spec for name, spec in PUBLISHED.items() if not name.startswith(OURS)}
# Members by zoo, from the published generators.
SEED = dict.fromkeys([
    *(f"{name}-seed" for name in (
        "mnist", "f-mnist", "svhn", "usps", "cifar-10-small", "cifar-10-medium", "stl-10-small",
        "stl-10-medium", "cifar-10-resnet-18", "cifar-100-resnet-18", "tiny-imagenet-resnet-18",
    )),
], 1_000)  # fmt: skip
GRID = {
    f"{name}-hyp-10-{seeds}": count
    for name, count in {
        "mnist": 2_560, "f-mnist": 2_560, "svhn": 4_320, "usps": 2_560, "cifar-10-small": 1_280,
        "cifar-10-medium": 1_280, "stl-10-small": 2_560, "stl-10-medium": 2_560,
    }.items()
    for seeds in ("rand", "fix")
}  # fmt: skip


def test_each_published_zoo_has_its_number_of_members():
    assert {name: spec.members for name, spec in PAPER.items()} == SEED | GRID


def test_published_zoos_have_the_papers_nets_and_states():
    assert len(PAPER) == 27
    assert sum(spec.members for spec in PAPER.values()) == 50_360
    # CNN zoos keep the state before training, those of ResNet-18 do not.
    states = (spec.members * (spec.epochs + ("resnet" not in spec.name)) for spec in PAPER.values())
    assert sum(states) == 2_585_360


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("mnist-seed", ("uniform", "tanh", "adam", 3e-4, 0.0)),
        ("svhn-seed", ("uniform", "tanh", "adam", 3e-3, 0.0)),
        ("usps-seed", ("uniform", "tanh", "adam", 3e-4, 1e-3)),
        ("cifar-10-medium-seed", ("kaiming_uniform", "gelu", "adam", 1e-4, 1e-2)),
        ("stl-10-small-seed", ("kaiming_uniform", "tanh", "adam", 1e-4, 1e-3)),
    ],
)
def test_seed_zoos_have_the_published_factors(name, factors):
    (member,) = members_of(PUBLISHED[name], 0, 1)
    names = ("init", "activation", "optimizer", "lr", "weight_decay")
    assert tuple(member.values[key] for key in names) == factors
    assert (member.values["batch"], PUBLISHED[name].epochs) == (10, 50)


def test_grids_have_all_combinations_and_published_seeds():
    for kind, seeds in (("fix", set(range(1, 11))), ("rand", None)):
        spec = PUBLISHED[f"svhn-hyp-10-{kind}"]
        members = members_of(spec, 0, spec.members)
        combinations = Counter(tuple(member.values.items()) for member in members)
        assert (len(combinations), {*combinations.values()}) == (432, {10})
        pairs = {(*member.values.items(), member.seed) for member in members}
        assert len(pairs) == len(members)
        drawn = {member.seed for member in members}
        assert drawn == seeds if seeds else len(drawn) == len(members)
    first = PUBLISHED["mnist-seed"]
    assert [member.seed for member in members_of(first, 0, 1_000)] == [*range(1, 1_001)]


def test_members_depend_on_their_number_alone_and_splits_are_15_percent():
    spec = PUBLISHED["mnist-hyp-10-rand"]
    members = members_of(spec, 0, 40)
    counts = Counter(member.split for member in members)
    assert counts == {"train": 28, "validation": 6, "test": 6}
    later = members_of(spec, 30, 10)
    assert [(m.seed, m.values) for m in later] == [(m.seed, m.values) for m in members[30:]]
    assert members == members_of(spec, 0, 40)
    other = [member.split for member in members_of(PUBLISHED["mnist-seed"], 0, 40)]
    assert other == [member.split for member in members]


def test_a_published_zoo_can_be_made_of_another_dataset():
    spec = find_spec("cifar-10-small-seed@digits")
    assert (spec.dataset, spec.net, spec.members) == ("digits", "CNN-S", 1_000)
    # The dataset decides what the published one decided.
    assert (spec.validation, spec.channels) == (None, 0)
    assert find_spec("mnist-seed@cifar-10").channels == 1


def read(tmp_path, text):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return read_spec(file)


def test_a_file_gives_factors_and_draws(tmp_path):
    spec = read(
        tmp_path,
        """
[zoo]
dataset = "digits"
epochs = 2
[factors]
lr = "1e-4..1e-2 log"
dropout = "0..0.5"
activation = ["tanh", "gelu"]
[members]
sample = 200
""",
    )
    members = members_of(spec, 0, 200)
    assert spec == ZooSpec.from_json(spec.to_json())
    rates = sorted(member.values["lr"] for member in members)
    assert 1e-4 <= rates[0] < rates[-1] <= 1e-2
    # The median of a logarithmic range is its geometric mean.
    assert 7e-4 < rates[100] < 1.5e-3
    assert Counter(m.values["activation"] for m in members).keys() == {"tanh", "gelu"}
    assert len({member.seed for member in members}) == 200


def test_a_start_is_stored_as_it_is_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read(tmp_path, ZOO + "start = 'a'").start == str(tmp_path.resolve() / "a")
    assert read(tmp_path, ZOO).start == ""


def test_zoos_of_resnets_have_the_published_protocol():
    names = [name for name in PUBLISHED if "resnet-18" in name]
    rows = [line.split() for line in run("list").splitlines()]
    assert [row[0] for row in rows if row[-1] == "onecycle"] == names
    specs = [PUBLISHED[name] for name in names]
    assert [(spec.dataset, spec.width, spec.augment, spec.epochs) for spec in specs] == [
        ("cifar-10", 64, ("crop", "flip"), 50),
        ("cifar-100", 64, ("crop", "flip"), 60),
        ("tiny-imagenet", 64, ("flip",), 60),
    ]
    values = [members_of(spec, 0, 1)[0].values for spec in specs]
    assert [(value["lr"], value["batch"]) for value in values] == [
        (0.05, 256), (0.1, 128), (0.1, 128),
    ]  # fmt: skip
    assert {(value["optimizer"], value["momentum"], value["weight_decay"]) for value in values} == {
        ("sgd", 0.9, 5e-4)
    }


def test_a_width_and_changes_of_images_are_read_and_stored(tmp_path):
    spec = read(tmp_path, ZOO + "width = 8\naugment = ['flip', 'crop']")
    assert (spec.width, spec.augment) == (8, ("crop", "flip"))
    assert ZooSpec.from_json(spec.to_json()) == spec
    assert read(tmp_path, ZOO + "augment = 'flip'").augment == ("flip",)
    # The specifications of zoos that have neither are what they were.
    assert not {"width", "augment"} & read(tmp_path, ZOO).to_json().keys()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"net": "CNN-{S,M}"}, "its net is 'CNN-{S,M}'; expected the name 'CNN-S'"),
        ({"net": "CNN-[S]"}, "its net is 'CNN-[S]'; expected the name 'CNN-S'"),
        ({"net": "{CNN-S}"}, "its net is '{CNN-S}'; expected the name 'CNN-S'"),
        ({"dataset": "digit?"}, "its dataset is 'digit?'; expected the name 'digits'"),
        (
            {"dataset": "digit*[test=40, samples=60]"},
            "its dataset is 'digit*[test=40, samples=60]'; expected the name "
            "'digits[samples=60,test=40]'",
        ),
    ],
)
def test_patterns_are_not_names(given, message):
    spec = replace(PUBLISHED["digits-small"], **given)
    with pytest.raises(SettingsError) as caught:
        pipeline_of(spec)
    assert str(caught.value).startswith(f"zoo 'digits-small': {message}")


ZOO = '[zoo]\ndataset = "digits"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ZOO + "[factors]\nrate = 1", "[factors]: unknown factor 'rate'"),
        (ZOO + "[factors]\ninit = 'zeros'", "init is 'zeros'; expected kaiming_uniform or kaiming"),
        (ZOO + "[factors]\nlr = 0", "[factors]: lr is 0; expected a number above 0"),
        (ZOO + "[factors]\nlr = nan", "[factors]: lr is nan; expected a number above 0"),
        (ZOO + "[factors]\nlr = []", "[factors]: lr is an empty list; expected a number above 0"),
        (ZOO + "[factors]\nlr = [1, 1.0]", "[factors]: lr is [1, 1.0]: a value is given twice"),
        (ZOO + "[factors]\ndropout = 1", "dropout is 1; expected a number from 0 to below 1"),
        (ZOO + "[factors]\nbatch = 0", "batch is 0; expected a whole number above 0"),
        (ZOO + "[factors]\nbatch = true", "batch is True; expected a whole number above 0"),
        (
            ZOO + "[factors]\nlr = '1e-4..1e-2'",
            "[factors]: lr is the range '1e-4..1e-2'; a grid needs values, so list them, or add "
            "sample = N to [members]",
        ),
        (ZOO + "[members]\nsample = 3\n[factors]\nlr = '1e-2..1e-4'", "expected a number above 0"),
        (ZOO + "[members]\nsample = 3\n[factors]\nlr = '0..1 log'", "expected a number above 0"),
        (
            ZOO + "[factors]\nnet = ['CNN-S', 'CNN-M']",
            "net is ['CNN-S', 'CNN-M']; the members of a zoo have one architecture, so make a zoo "
            "of each net",
        ),
        (
            ZOO + "[factors]\nwidth = [4, 8]",
            "width is [4, 8]; the members of a zoo have one architecture, so set width in [zoo], "
            "and make a zoo of each",
        ),
        (ZOO + "augment = ['rotate']", "augment has 'rotate'; expected 'crop' or 'flip'"),
        (ZOO + "augment = 3", "[zoo]: augment has 3; expected 'crop' or 'flip'"),
        (ZOO + "width = -1", "width is -1; expected"),
        (ZOO + "[members]\nsample = 3\nrepeats = 2", "expected either repeats, for a grid, or"),
        (ZOO + "[members]\nseeds = 'all'", "seeds is 'all'; expected fixed or random"),
        (ZOO + "epoch = 3", "[zoo] has 'epoch'. Did you mean 'epochs'?"),
        (ZOO + "channels = 2", "channels is 2; expected 1 (grey) or 3 (colour)"),
        ("[zoo]", "[zoo] lacks 'dataset'; expected a text"),
        ("zoo = 1", "mine.toml: zoo is 1; expected a table"),
        ("[", "is not TOML"),
    ],
)
def test_an_invalid_file_is_one_line(tmp_path, text, message):
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_one_line(tmp_path):
    with pytest.raises(SettingsError, match=r"unknown zoo 'mnist-sed'. Did you mean 'mnist-seed'"):
        find_spec("mnist-sed")
    with pytest.raises(SettingsError, match=r"No such file"):
        find_spec(str(tmp_path / "absent.toml"))
    with pytest.raises(SettingsError, match=r"expected a dataset after @, as in mnist-seed@digits"):
        find_spec("mnist-seed@")
