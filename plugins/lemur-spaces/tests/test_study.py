"""A study trains each net of its population on each dataset, and goes on where it ended."""

import hashlib
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
from lemur_core.errors import LemurError, MisfitError, SettingsError
from lemur_spaces.cli.group import spaces
from lemur_spaces.study.file import read_study
from lemur_spaces.study.pipelines import pipeline_of, samples_of
from lemur_spaces.study.prepare import prepare
from lemur_spaces.study.results import NothingTrainedError, labels_of, read_results
from lemur_spaces.study.run import run_study

FILE = """
[population]
space = "AnyNetX"
count = 3
band = "20e3..90e3"
px = 8
channels = 1
classes = 10

[training]
epochs = 2
lr = 0.05
batch = 16

[[dataset]]
name = "digits[samples=60,test=40]"
px = 8

[[dataset]]
name = "digits[classes=5,samples=60,test=40]"
px = 8
epochs = 1
"""
ONE_DATASET = FILE.partition('[[dataset]]\nname = "digits[classes')[0]
FIRST = (
    "digits[samples=60,test=40] px=8 epochs=2 error=top-1 transform=norm_8 batch=16 lr=0.05 "
    "momentum=0.9"
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def study(text=FILE):
    Path("small.toml").write_text(text)
    return read_study(Path("small.toml"))


def trained(given, **settings):
    lines = []
    prepared = prepare(given, "lemur.db", Path("data"), lines.append)
    return run_study(prepared, lines.append, in_process=True, threads=1, **settings), lines


def command_line(*arguments):
    return CliRunner().invoke(spaces, [*arguments], catch_exceptions=False)


def counts_of(plan):
    """Return the numbers of finished trainings and of those that are left, of each condition."""
    return re.findall(r" norm_8 +(\d+) +(\d+) ", plan)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_study_trains_each_net_on_each_dataset_once():
    outcome, _ = trained(study())
    assert (outcome.trained, outcome.missing, outcome.reasons) == (6, {}, {})
    recorded = lemur_core.data(db="lemur.db")
    again, lines = trained(study())
    assert again == outcome
    assert not [line for line in lines if "changed" in line]
    assert len(lemur_core.data(db="lemur.db")) == len(recorded) == 3 * 2 + 3 * 1

    collection = lemur_core.collection("small", db="lemur.db")
    roles = [member.role for member in collection.members]
    assert (roles.count(FIRST), len(roles)) == (3, 6)

    results = read_results("small", "lemur.db")
    assert results.missing.empty
    best = recorded.sort_values(["validation", "epoch"]).groupby("trial").last()
    runs = results.runs.set_index("run")
    assert ((1 - best["accuracy"]) - runs["error"]).abs().max() < 1e-12
    for trial, prm in recorded.groupby("trial")["prm"].first().items():
        stages = [f"{name}_{stage}" for name in ("depth", "width") for stage in (1, 2, 3, 4)]
        assert all(runs.loc[trial, name] == prm[name] for name in stages)
    # lemur counts the parameters of the net that it trains, here for as many classes.
    trained_nets = lemur_core.data(
        dataset="digits[samples=60,test=40]", columns=["trial", "parameters"], db="lemur.db"
    ).set_index("trial")["parameters"]
    assert (runs.loc[trained_nets.index, "parameters"] == trained_nets).all()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_changed_study_says_what_differs_and_needs_the_same_population():
    only_first = replace(study(), conditions=study().conditions[:1])
    trained(only_first)
    with pytest.raises(SettingsError) as caught:
        trained(study(FILE.replace("count = 3", "count = 2")))
    assert str(caught.value) == (
        "study 'small' began with another population: count 3 -> 2; restore it, or give the file "
        "another name"
    )
    changed = study(FILE.replace("lr = 0.05", "lr = 0.1"))
    outcome, lines = trained(replace(changed, conditions=changed.conditions[:1]))
    assert lines[1] == (
        "study 'small' changed: digits[samples=60,test=40]: lr 0.05 -> 0.1; only trainings with "
        "these settings count"
    )
    assert outcome.trained == 3
    results = read_results("small", "lemur.db")
    assert {*results.runs["dataset"]} == {
        f"digits[samples=60,test=40] lr={lr}" for lr in (0.05, 0.1)
    }
    both = read_results("small", "lemur.db", study().conditions)
    assert len(both.runs) == 3
    missing = both.missing
    assert {*missing["dataset"]} == {"digits[classes=5,samples=60,test=40]"}
    assert {*missing["net"]} == {*both.runs["net"]}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_error_that_finished_trainings_lack_is_refused():
    text = ONE_DATASET.replace("count = 3", "count = 2")
    outcome, _ = trained(study(text))
    assert outcome.trained == 2
    both = text.replace("epochs = 2", 'epochs = 2\nerror = "top-1+top-5"')
    with pytest.raises(SettingsError) as caught:
        trained(study(both))
    assert str(caught.value) == (
        "dataset 'digits[samples=60,test=40]': 2 nets were trained without recording top-5 errors, "
        "which cannot be added to finished trainings; write error = 'top-1', or record both in "
        "another database"
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_trainings_that_recorded_more_errors_count():
    text = ONE_DATASET.replace("count = 3", "count = 2")
    trained(study(text.replace("epochs = 2", 'epochs = 2\nerror = "top-1+top-5"')))
    before = {*lemur_core.data(columns=["trial"], db="lemur.db")["trial"]}
    outcome, _ = trained(study(text))
    assert outcome.trained == 2
    assert {*lemur_core.data(columns=["trial"], db="lemur.db")["trial"]} == before


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_trainings_on_other_content_of_a_dataset_are_not_mixed():
    rng, folder = np.random.default_rng(0), Path("data/folder")
    text = FILE.partition("[[dataset]]")[0].replace("epochs = 2", "epochs = 1")
    given = study(f'{text}[[dataset]]\nname = "folder"\npx = 8\n')
    for content in range(2):
        for split, count in (("train", 24), ("test", 8)):
            for number in range(count):
                file = folder / split / "ab"[number % 2] / f"{number}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 255, (8, 8), dtype="uint8")).save(file)
        outcome, _ = trained(given)
        assert (outcome.trained, outcome.missing) == (3, {}), content
    rows = lemur_core.data(columns=["trial", "started"], db="lemur.db").sort_values("started")
    assert len(rows) == 6
    runs = read_results("small", "lemur.db").runs["run"]
    assert {*runs} == {*rows["trial"][3:]}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_failed_trainings_are_named_and_do_not_stop_the_study():
    # More than fail alike before lemur gives up a net that is searched.
    given = study(FILE.replace("lr = 0.05", "lr = 1e30").replace("count = 3", "count = 5"))
    outcome, _ = trained(given)
    assert (outcome.trained, outcome.exit_status) == (0, 1)
    assert [len(names) for names in outcome.missing.values()] == [5, 5]
    assert sum(outcome.reasons.values()) == 10
    for conditions in (given.conditions, ()):
        with pytest.raises(NothingTrainedError) as caught:
            read_results("small", "lemur.db", conditions)
        assert str(caught.value) == "no training of study 'small' is finished"
    ended = command_line("study", "small.toml").stdout
    assert "study 'small': 0 of 10 trainings are finished" in ended
    assert "next:" not in ended


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_further_seeds_train_each_net_again():
    text = FILE.replace("epochs = 2", "epochs = 1\nseeds = 2").replace("count = 3", "count = 1")
    given = replace(study(text), conditions=study(text).conditions[:1])
    outcome, _ = trained(given)
    assert outcome.trained == 2
    twice = read_results("small", "lemur.db").runs["run"]
    assert len({*twice}) == 2
    # Another study of the same nets with one seed counts the first training of each.
    once = replace(given, name="once", conditions=[replace(given.conditions[0], seeds=1)])
    outcome, _ = trained(once)
    assert outcome.trained == 1
    assert [*read_results("once", "lemur.db").runs["run"]] in ([twice[0]], [twice[1]])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("line", ['scheduler = "cosine"', "gamma = 0.5\nscheduler = 'exponential'"])
def test_schedulers_end_with_the_training(line):
    given = study(FILE.replace("lr = 0.05", f"lr = 0.05\n{line}").replace("count = 3", "count = 1"))
    outcome, _ = trained(given)
    assert (outcome.trained, outcome.missing) == (2, {})
    rows = lemur_core.data(columns=["epochs", "prm"], db="lemur.db")
    ends = [prm.get("scheduler_epochs") for prm in rows["prm"]]
    assert ends == ([*rows["epochs"]] if "cosine" in line else [None] * len(rows))


TRAINING_ERRORS = "lr = 0.05\ntraining_error = true"
CONTROLS = """
[longer]
times = 2
nets = 1

[noise]
seeds = 3
nets = 1
"""


@pytest.mark.filterwarnings("ignore::UserWarning")
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


@pytest.mark.filterwarnings("ignore::UserWarning")
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


@pytest.mark.filterwarnings("ignore::UserWarning")
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


@pytest.mark.filterwarnings("ignore::UserWarning")
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


@pytest.mark.filterwarnings("ignore::UserWarning")
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


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_training_errors_of_earlier_trainings_are_computed_from_the_same_nets():
    trained(study(ONE_DATASET))
    given = study(ONE_DATASET.replace("lr = 0.05", TRAINING_ERRORS))
    outcome, lines = trained(given)
    assert outcome.trained == 3
    assert lines[-1] == "digits[samples=60,test=40]: training errors of 3 nets"
    runs = read_results("small", "lemur.db", given.conditions).runs
    assert runs["training_error"].between(0, 1).all()


@pytest.mark.filterwarnings("ignore::UserWarning")
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


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_study_whose_time_is_over_goes_on_where_it_ended():
    given = replace(study(), conditions=study().conditions[:1])
    outcome, _ = trained(given, time_limit="0.001s")
    assert outcome.is_timed_out
    assert (outcome.exit_status, outcome.trained) == (0, 0)
    with pytest.raises(SettingsError, match="time is 'soon'"):
        trained(given, time_limit="soon")
    outcome, _ = trained(given)
    assert not outcome.is_partial
    assert (outcome.exit_status, outcome.trained) == (0, 3)


def test_dry_run_says_the_cost_and_trains_nothing():
    study(ONE_DATASET + CONTROLS)
    result = command_line("study", "small.toml", "--dry-run")
    assert result.exit_code == 0
    assert counts_of(result.stdout) == [("0", "3"), ("0", "2"), ("0", "2")]
    assert "about " in result.stdout
    assert " of training with 1 worker, as timed with a few nets" in result.stdout
    assert not Path("lemur.db").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("count = 3", "", "[population] lacks 'count'; expected an integer"),
        ("count = 3", "count = 0", "[population]: count is 0; expected 1 or more"),
        ("count = 3", "cuont = 3", "[population] has 'cuont'. Did you mean 'count'?"),
        ("px = 8\nchannels", "channels", "[population] lacks 'px'; expected an integer"),
        ("lr = 0.05", "", "[training] lacks 'lr'; all nets are trained with one value"),
        ("lr = 0.05", "lr = [1, 2]", "[training]: lr is [1, 2]; expected a number or a text"),
        (
            "[training]",
            '[pretrained]\non = "mnist"\n[training]',
            "[pretrained]: 'mnist' is not one of the datasets; expected a dataset given once",
        ),
        (
            "[training]",
            "[pretrained]\n[training]",
            "[pretrained] lacks 'on'; expected a text",
        ),
        (
            "[[dataset]]",
            '[pretrained]\non = "digits"\n[[dataset]]\nname = "digits"\npx = 8\n'
            '[[dataset]]\nname = "digits"\npx = 16\n[[dataset]]',
            "[pretrained]: 'digits' is given several times; expected a dataset given once",
        ),
        (
            "lr = 0.05",
            "lr = 0.05\ntraining_error = 1",
            "[training]: training_error is 1; expected true or false",
        ),
        *(
            ("lr = 0.05", f"lr = {text}", f"[training]: lr is {shown}; expected a number")
            for text, shown in (("true", "True"), ('"fast"', "'fast'"))
        ),
        *(
            ("batch = 16", f"batch = {text}", f"[training]: batch is {expected}")
            for text, expected in (
                ('"big"', "'big'; expected an integer"),
                ("16.0", "16.0; expected an integer"),
                ("true", "True; expected an integer"),
                ("0", "0; expected 1 or more"),
            )
        ),
        (
            "lr = 0.05",
            'lr = "1e-3..1e-1"',
            "[training]: lr is '1e-3..1e-1'; expected a single value, and numbers without "
            "quotation marks",
        ),
        (
            "epochs = 1",
            'error = "top-2"',
            "dataset 'digits[classes=5,samples=60,test=40]': error is 'top-2'; expected top-1 or "
            "top-5",
        ),
        (
            "epochs = 1",
            'error = "top-1+top-1"',
            "dataset 'digits[classes=5,samples=60,test=40]': error is 'top-1+top-1'; expected "
            "top-1 or top-5",
        ),
        (
            "[[dataset]]",
            "[noise]\nnets = 2\n[[dataset]]",
            "[noise] lacks 'seeds'; expected an integer",
        ),
        (
            "[[dataset]]",
            "[longer]\ntimes = 0\n[[dataset]]",
            "[longer]: times is 0; expected 1 or more",
        ),
        (
            "epochs = 1",
            'transform = "norm_32"',
            "dataset 'digits[classes=5,samples=60,test=40]': transform 'norm_32' does not name the "
            "size of 8 px; write 'norm_{px}'",
        ),
        (
            '"digits[classes=5,samples=60,test=40]"\npx = 8\nepochs = 1',
            '"digits[samples=60,test=40]"\npx = 8',
            "dataset 'digits[samples=60,test=40]' is given twice with equal settings",
        ),
        (
            '"digits[classes=5,samples=60,test=40]"\npx = 8\nepochs = 1',
            '"digits[samples=60,test=40]"\npx = 8\nerror = "top-1+top-5"',
            "dataset 'digits[samples=60,test=40]' is given twice with equal settings",
        ),
        *(
            (
                '"digits[classes=5,samples=60,test=40]"\npx = 8\nepochs = 1',
                f'"{again}"\npx = 8',
                "dataset 'digits[samples=60,test=40]' is given twice with equal settings",
            )
            for again in ("digits[test=40,samples=60]", "digits[samples=60, test=40, seed=0]")
        ),
        (
            "epochs = 1",
            'transform = "norm_28"',
            "dataset 'digits[classes=5,samples=60,test=40]': transform 'norm_28' does not name the "
            "size of 8 px; write 'norm_{px}'",
        ),
        (
            '"digits[samples=60,test=40]"',
            '"dig*"',
            "dataset 'dig*' can be several; expected the name of one",
        ),
        (
            'band = "20e3..90e3"',
            'band = "9..1"',
            "[population] band=9..1: the band is empty; expected the smaller number first",
        ),
    ],
)
def test_wrong_study_is_one_line(old, new, message):
    assert old in FILE
    with pytest.raises(SettingsError) as caught:
        study(FILE.replace(old, new, 1))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("batch = 16", "batch = 1", "ValueError: Expected more than 1 value per channel"),
        (
            "lr = 0.05",
            'lr = 0.05\noptimizer = "adm"',
            "ValueError: optimizer 'adm': expected sgd, adam or adamw",
        ),
        ("lr = 0.05", "lr = -1", "ValueError: Invalid learning rate: -1"),
        (
            "classes = 10",
            "classes = 10\nset = { stem_width = 32.0 }",
            "stem_width=32.0: expected 1 to 4096",
        ),
        (
            "classes = 10",
            "classes = 10\nset = { stride_1 = true }",
            "stride_1=True: expected 1 or 2",
        ),
    ],
)
def test_settings_with_which_no_net_can_be_trained_are_one_line(old, new, message):
    study(ONE_DATASET.replace(old, new, 1))
    with pytest.raises(SettingsError) as caught:
        command_line("study", "small.toml", "--dry-run")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_net_that_cannot_be_timed_is_left_out_of_the_time(monkeypatch):
    timed = []

    def seconds(member, *_):
        timed.append(member.name)
        if len(timed) == 1:
            raise RuntimeError("out of memory")
        return 120.0

    monkeypatch.setattr("lemur_spaces.study.cost._seconds", seconds)
    study(ONE_DATASET)
    result = command_line("study", "small.toml", "--dry-run")
    assert len(timed) == 3
    assert "about 6 min" in result.stdout


def test_dataset_has_its_recorded_name_however_it_is_written():
    given = study(FILE.replace("[samples=60,test=40]", "[test=40, samples=60]"))
    assert given.conditions[0].role == FIRST


def test_pretraining_needs_a_second_dataset():
    with pytest.raises(SettingsError) as caught:
        study(ONE_DATASET + '[pretrained]\non = "digits[samples=60,test=40]"\n')
    assert str(caught.value) == (
        "[pretrained] trains on the other datasets; expected a second [[dataset]]"
    )


def test_settings_that_are_too_long_for_a_role_are_refused_before_anything_is_trained():
    long = "\n".join(f"weight_decay_of_layer_{number} = 0.1" for number in range(5))
    with pytest.raises(SettingsError, match=r"which has \d+ characters; expected at most 200"):
        study(FILE.replace("lr = 0.05", f"lr = 0.05\n{long}"))


def test_study_without_datasets_is_one_line():
    with pytest.raises(SettingsError) as caught:
        study(FILE.partition("[[dataset]]")[0])
    assert str(caught.value) == (
        "small.toml has no dataset; expected [[dataset]] tables with a name"
    )


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("digitz", "unknown dataset 'digitz'"),
        ("coco", "dataset 'coco' serves img-segmentation, obj-detection only"),
        ("digits[classes=2]", "acc5 needs at least 5 classes; the dataset has 2"),
        ("cifar-10", "cifar-10"),
    ],
)
def test_datasets_that_cannot_be_used_are_named_before_anything_is_trained(dataset, message):
    text = FILE.partition("[[dataset]]")[0]
    given = study(f'{text}[[dataset]]\nname = "{dataset}"\npx = 8\nerror = "top-5"\n')
    with pytest.raises(LemurError) as caught:
        prepare(given, "lemur.db", Path("data"), lambda line: None)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("restriction", "size"),
    [("samples=60,test=40", (54, 6 + 40)), ("folds=5,fold=1", (1149, 288 + 360))],
)
def test_size_of_a_dataset_counts_the_validation_split_that_is_held_out(restriction, size):
    [condition] = study(ONE_DATASET.replace("samples=60,test=40", restriction)).conditions
    samples = samples_of(condition, pipeline_of(condition, "AnyNet"), Path("data"))
    assert (samples.trained, samples.scored) == size


def test_images_that_are_too_small_are_refused_before_anything_is_trained():
    text = FILE.replace('"AnyNetX"', '"CNN-10"').replace("px = 8\nchannels", "px = 32\nchannels")
    given = study(text.replace("20e3..90e3", "1e4..9e6").replace("count = 3", "count = 30"))
    small = [replace(condition, px=1) for condition in given.conditions]
    with pytest.raises((SettingsError, MisfitError)):
        prepare(replace(given, conditions=small), "lemur.db", Path("data"), lambda line: None)


def test_collection_that_is_no_study_is_left_alone():
    with lemur_core.recording(
        "img-classification_digits_acc_Net", {"lr": 1.0}, db="lemur.db"
    ) as trial:
        trial.epoch(accuracy=0.5, validation=0.5)
    lemur_core.collect("small", db="lemur.db")
    with pytest.raises(SettingsError) as caught:
        prepare(study(), "lemur.db", Path("data"), lambda line: None)
    assert str(caught.value) == (
        "collection 'small' is a set, not a study of a design space; choose another name"
    )


def test_conditions_of_one_dataset_are_told_apart():
    roles = ["a px=8 epochs=2", "a px=8 epochs=4", "b px=8 epochs=2"]
    assert labels_of(roles) == {roles[0]: "a epochs=2", roles[1]: "a epochs=4", roles[2]: "b"}
