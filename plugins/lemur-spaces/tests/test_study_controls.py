"""Controls of a study: longer and repeated training, pretraining, and training errors."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file

import lemur_core
from lemur_core.errors import MisfitError, SettingsError
from lemur_spaces import anynet
from lemur_spaces.cli.group import spaces
from lemur_spaces.study.prepare import prepare
from lemur_spaces.study.results import read_results

from .studies import FILE, ONE_DATASET, command_line, counts_of, study, trained

pytestmark = [pytest.mark.usefixtures("here"), pytest.mark.filterwarnings("ignore::UserWarning")]

TRAINING_ERRORS = "lr = 0.05\ntraining_error = true"
CONTROLS = """
[longer]
times = 2
nets = 1

[noise]
seeds = 3
nets = 1
"""


def test_controls_train_some_nets_longer_and_some_more_often():
    text = ONE_DATASET + CONTROLS
    given = study(text.replace("epochs = 2", 'epochs = 1\nerror = "top-1+top-5"'))
    assert [condition.control for condition in given.conditions] == ["", "longer", "noise"]
    outcome, _ = trained(given)
    # The first of the three trainings of a net is one of the population.
    assert (outcome.trained, outcome.missing) == (3 + 2 + 2, {})
    runs = read_results("small", "lemur.db", given.conditions).runs
    whole = runs[runs["control"] == ""]
    ranked = [*whole.sort_values(["selection", "net"])["net"]]
    longer, noise = (runs[runs["control"] == name] for name in ("longer", "noise"))
    assert {*longer["net"]} == {ranked[0], ranked[-1]}
    assert {*longer["epochs"]} == {2}
    assert {*noise["net"]} == {ranked[1]}
    assert len({*noise["run"]}) == 3
    assert {*runs["dataset"]} == {"digits[samples=60,test=40]"}

    rows = lemur_core.data(epoch=1, where={"epochs": 1}, db="lemur.db").set_index("trial")
    # Both errors come from one training, not from one for each.
    assert {*rows["metric"]} == {"acc"}
    for run in whole.itertuples():
        recorded = rows.loc[run.run]
        assert run.top1_error == run.error == pytest.approx(1 - recorded["accuracy"])
        assert run.top5_error == pytest.approx(1 - recorded["scores"]["acc5"][1])
        assert run.top5_error <= run.top1_error
    again, _ = trained(given)
    assert again == outcome
    shown = command_line("study", "small.toml", "--dry-run").stdout
    assert counts_of(shown) == [("3", "0"), ("2", "0"), ("2", "0")]
    ended = command_line("study", "small.toml").stdout
    assert "study 'small': 7 of 7 trainings are finished, in lemur.db" in ended
    assert "next: lemur spaces report small --db lemur.db" in ended
    command = ["report", "small", "--db", "lemur.db"]
    result = CliRunner().invoke(spaces, command, catch_exceptions=False)
    assert result.output.startswith("wrote small.html: 3 nets on 1 dataset, ")
    page = Path("small.html").read_text(encoding="utf-8")
    for caption in ("Errors after trainings of several lengths", "Top-5 against top-1 error"):
        assert f"<figcaption>{caption}" in page
    assert "<caption>Spread of the errors</caption>" in page


PRETRAINED = FILE + '[pretrained]\non = "digits[test=40, samples=60]"\n'


def test_control_starts_from_the_weights_that_each_net_has_on_another_dataset():
    given = study(PRETRAINED)
    outcome, _ = trained(given)
    assert (outcome.trained, outcome.missing) == (9, {})
    runs = read_results("small", "lemur.db", given.conditions).runs
    control = runs[runs["control"] == "pretrained"]
    assert [*control["dataset"].unique()] == ["digits[classes=5,samples=60,test=40]"]
    assert {*control["net"]} == {*runs["net"]}
    prms = lemur_core.data(columns=["trial", "prm"], db="lemur.db").drop_duplicates("trial")
    prms = prms.set_index("trial")["prm"]
    sources = runs[(runs["control"] == "") & (runs["dataset"] == "digits[samples=60,test=40]")]
    source_of = sources.set_index("net")["run"]
    for run in control.itertuples():
        source = source_of[run.net]
        file = lemur_core.artefact(source, "spaces.safetensors", db="lemur.db")
        digest = hashlib.sha256(file.path.read_bytes()).hexdigest()
        assert prms[run.run]["weights"] == f"sha256:{digest[:16]}"
        expected = lemur_core.trained(source, db="lemur.db", data="data").net.state_dict()
        weights = load_file(file.path)
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], value) for name, value in expected.items())
    assert not {"weights"} & {name for run in sources["run"] for name in prms[run]}

    # A lost file is written again, with the same content.
    file.path.unlink()
    again, _ = trained(given)
    assert again == outcome
    assert file.path.exists()
    result = command_line("study", "small.toml", "--dry-run")
    assert counts_of(result.stdout) == [("3", "0")] * 3
    assert command_line("report", "small.toml").exit_code == 0
    page = Path("small.html").read_text(encoding="utf-8")
    assert "<figcaption>Errors with pretraining against errors from scratch" in page
    assert "<dt>finished trainings</dt><dd>9</dd>" in page


def test_net_whose_weights_are_missing_is_left_out(monkeypatch):
    own, calls = lemur_core.trained, []

    def fails_once(uid, **arguments):
        calls.append(uid)
        if len(calls) == 1:
            raise RuntimeError("no weights\nat all")
        return own(uid, **arguments)

    monkeypatch.setattr(lemur_core, "trained", fails_once)
    outcome, lines = trained(study(PRETRAINED))
    assert outcome.trained == 8
    [line] = [line for line in lines if "are missing" in line]
    assert line.endswith(f"the weights of trial {calls[0]} are missing: RuntimeError: no weights")


def test_pretraining_on_images_of_other_channels_is_refused():
    rng = np.random.default_rng(0)
    for split, count in (("train", 24), ("test", 8)):
        for number in range(count):
            file = Path("data/folder") / split / "ab"[number % 2] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype="uint8")).save(file)
    text = f'{ONE_DATASET}[[dataset]]\nname = "folder"\npx = 8\n[pretrained]\non = "folder"\n'
    with pytest.raises(SettingsError) as caught:
        prepare(study(text), "lemur.db", Path("data"), lambda line: None)
    assert str(caught.value) == (
        "[pretrained]: dataset 'digits[samples=60,test=40]' has images of 1 channel, 'folder' of "
        "3; expected the same number"
    )


CHANGED = (
    ONE_DATASET.replace("classes = 10", "classes = 10\nset = { stem_width = 24 }")
    + '[changed]\nset = { stem = "cifar", stem_width = 16 }\n'
)


def test_control_trains_all_nets_with_other_shared_hyperparameters():
    given = study(CHANGED.replace("epochs = 2", "epochs = 1"))
    outcome, _ = trained(given)
    assert (outcome.trained, outcome.missing) == (6, {})
    runs = read_results("small", "lemur.db", given.conditions).runs
    parts = {control: part.set_index("net") for control, part in runs.groupby("control")}
    whole, changed = parts[""], parts["changed"]
    assert {*changed.index} == {*whole.index}
    assert {*whole["changed"]} == {""}
    assert {*changed["changed"]} == {"stem=cifar, stem_width=16"}
    recorded = lemur_core.data(columns=["trial", "prm", "accuracy"], db="lemur.db")
    recorded = recorded.set_index("trial")
    for net, run in changed.iterrows():
        trial, own = recorded.loc[run["run"]], recorded.loc[whole.loc[net, "run"]]
        assert run["error"] == pytest.approx(1 - trial["accuracy"])
        # The trial is that of the same design, but for the stem.
        assert trial["prm"] == own["prm"] | {"stem": "cifar", "stem_width": 16}
        assert (own["prm"]["stem"], own["prm"]["stem_width"]) == ("simple", 24)
        [stem, *_] = lemur_core.trained(run["run"], db="lemur.db", data="data").net.parameters()
        assert tuple(stem.shape) == (16, 1, 3, 3)
    again, _ = trained(given)
    assert again == outcome
    result = command_line("study", "small.toml", "--dry-run")
    assert counts_of(result.stdout) == [("3", "0")] * 2
    assert "digits[samples=60,test=40] changed  " in result.stdout

    # The page of all recorded trainings has both changes, that of the file the current one.
    other = CHANGED.replace("epochs = 2", "epochs = 1").replace(
        '"cifar", stem_width = 16', '"imagenet"'
    )
    trained(study(other))
    shown = {}
    for name in ("small", "small.toml"):
        assert command_line("report", name, "--csv", "copy.csv").exit_code == 0
        page = Path("small.html").read_text(encoding="utf-8")
        shown[name] = re.findall(r"<figcaption>Errors with (stem=.*?) against", page)
        assert "<caption>Errors with changed hyperparameters and as in the population" in page
    assert shown == {
        "small": ["stem=cifar, stem_width=16", "stem=imagenet"],
        "small.toml": ["stem=imagenet"],
    }
    assert command_line("report", "copy.csv").exit_code == 0
    page = Path("copy.html").read_text(encoding="utf-8")
    assert "<figcaption>Errors with stem=imagenet against errors as in the population" in page


def test_versions_of_a_dataset_are_compared_by_settings_and_classes():
    limits = ("samples=60", "balanced,samples=60", "balanced,samples=50", "samples=50", "classes=3")
    datasets = [f'[[dataset]]\nname = "digits[{limit},test=20]"\npx = 8\n' for limit in limits]
    datasets[-2] += "epochs = 2\n"
    text = FILE.partition("[[dataset]]")[0].replace("epochs = 2", "epochs = 1")
    given = study(text.replace("count = 3", "count = 2") + "".join(datasets))
    trained(given)
    runs = read_results("small", "lemur.db", given.conditions).runs
    classes = runs.groupby("dataset")["classes"].unique().map(list).to_dict()
    assert classes.pop("digits[classes=3,test=20]") == [3]
    assert [*classes.values()] == [[10]] * 4
    assert {*runs.loc[runs["dataset"] == "digits[samples=50,test=20]", "settings"]} == {
        "px=8 epochs=2 error=top-1 transform=norm_8 batch=16 lr=0.05 momentum=0.9"
    }
    assert command_line("report", "small.toml", "--csv", "copy.csv").exit_code == 0
    assert command_line("report", "copy.csv").exit_code == 0
    title = "Errors with balanced and with unbalanced classes"
    for name in ("small", "copy"):
        page = Path(f"{name}.html").read_text(encoding="utf-8")
        [rows] = re.findall(f'<caption>{title}</caption>.*?json">(.*?)</script>', page, re.S)
        assert [row[:2] for row in json.loads(rows)] == [["digits[samples=60,test=20]", 2]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{ stem = 3 }", "stem=3: expected simple or imagenet or cifar"),
        (
            "{ sten = 3 }",
            "space 'AnyNetX' does not share 'sten'; expected stem, stem_width, stride_1, se",
        ),
        (
            "{}",
            "set is empty; expected hyperparameters that all designs share, as in { NAME = VALUE }",
        ),
        ('{ stem = "simple" }', "stem is 'simple', as in the population; expected another value"),
        (
            '{ stem = "cifar", stem_width = 16 }',
            "stem_width is 16, as in the population; expected another value",
        ),
    ],
)
def test_hyperparameters_that_cannot_be_changed_are_refused(given, message):
    text = ONE_DATASET.replace("classes = 10", "classes = 10\nset = { stem_width = 16 }")
    with pytest.raises(SettingsError) as caught:
        prepare(study(f"{text}[changed]\nset = {given}\n"), "lemur.db", Path("data"), print)
    assert str(caught.value) == f"[changed]: {message}"


def test_images_that_are_too_small_with_changed_hyperparameters_are_refused():
    def complexity(design, images):
        if design.get("stem") == "imagenet":
            raise MisfitError("8 px are too few")
        return anynet.complexity(design, images)

    given = study(CHANGED.replace('"cifar", stem_width = 16', '"imagenet"'))
    space = replace(given.request.space, complexity=complexity)
    given = replace(given, request=replace(given.request, space=space))
    with pytest.raises(SettingsError) as caught:
        prepare(given, "lemur.db", Path("data"), print)
    assert re.fullmatch(
        r"\[changed\]: dataset 'digits\[samples=60,test=40\]', AnyNetX-\w+: 8 px are too few",
        str(caught.value),
    )


def test_training_errors_are_those_of_the_trained_nets_on_the_training_split():
    given = study(FILE.replace("lr = 0.05", TRAINING_ERRORS))
    trained(given)
    runs = read_results("small", "lemur.db", given.conditions).runs
    assert len(runs) == 6
    for run in runs.itertuples():
        net = lemur_core.trained(run.run, db="lemur.db", data="data")
        assert net.epoch == run.epoch
        scored = {}
        for split in ("train", "test"):
            samples = getattr(net.bundle, split)
            images, labels = samples.inputs, samples.targets
            with torch.no_grad():
                predicted = net.net(net.transform(images)).argmax(1)
            scored[split] = float((predicted != labels).double().mean())
        assert scored == {"train": run.training_error, "test": run.error}
        assert len(labels) == 40
    _, lines = trained(given)
    assert not [line for line in lines if "training errors" in line]
    result = command_line("report", "small.toml", "--csv", "copy.csv")
    assert result.exit_code == 0
    page = Path("small.html").read_text(encoding="utf-8")
    assert "<caption>Rank correlations of test and training errors</caption>" in page


def test_training_errors_of_earlier_trainings_are_computed_from_the_same_nets():
    trained(study(ONE_DATASET))
    given = study(ONE_DATASET.replace("lr = 0.05", TRAINING_ERRORS))
    outcome, lines = trained(given)
    assert outcome.trained == 3
    assert lines[-1] == "digits[samples=60,test=40]: training errors of 3 nets"
    runs = read_results("small", "lemur.db", given.conditions).runs
    assert runs["training_error"].between(0, 1).all()


def test_training_error_of_a_net_that_fails_is_left_out(monkeypatch):
    trained(study(ONE_DATASET))

    def fails(*_, **__):
        raise RuntimeError("no weights\nat all")

    monkeypatch.setattr(lemur_core, "trained", fails)
    given = study(ONE_DATASET.replace("lr = 0.05", TRAINING_ERRORS))
    outcome, lines = trained(given)
    assert (outcome.trained, outcome.exit_status) == (3, 0)
    unknown = [line for line in lines if "is unknown: RuntimeError: no weights" in line]
    assert len(unknown) == 3
    runs = read_results("small", "lemur.db", given.conditions).runs
    assert "training_error" not in runs.columns


def test_dry_run_says_the_cost_and_trains_nothing():
    study(ONE_DATASET + CONTROLS)
    result = command_line("study", "small.toml", "--dry-run")
    assert result.exit_code == 0
    assert counts_of(result.stdout) == [("0", "3"), ("0", "2"), ("0", "2")]
    assert "about " in result.stdout
    assert " of training with 1 worker, as timed with a few nets" in result.stdout
    assert not Path("lemur.db").exists()
