"""A study trains each net of its population on each dataset, and goes on where it ended."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lemur_core
from lemur_core.errors import SettingsError
from lemur_spaces.study.results import NothingTrainedError, labels_of, read_results

from .studies import FILE, FIRST, ONE_DATASET, command_line, study, trained

pytestmark = [pytest.mark.usefixtures("here"), pytest.mark.filterwarnings("ignore::UserWarning")]


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


def test_trainings_that_recorded_more_errors_count():
    text = ONE_DATASET.replace("count = 3", "count = 2")
    trained(study(text.replace("epochs = 2", 'epochs = 2\nerror = "top-1+top-5"')))
    before = {*lemur_core.data(columns=["trial"], db="lemur.db")["trial"]}
    outcome, _ = trained(study(text))
    assert outcome.trained == 2
    assert {*lemur_core.data(columns=["trial"], db="lemur.db")["trial"]} == before


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


@pytest.mark.parametrize("line", ['scheduler = "cosine"', "gamma = 0.5\nscheduler = 'exponential'"])
def test_schedulers_end_with_the_training(line):
    given = study(FILE.replace("lr = 0.05", f"lr = 0.05\n{line}").replace("count = 3", "count = 1"))
    outcome, _ = trained(given)
    assert (outcome.trained, outcome.missing) == (2, {})
    rows = lemur_core.data(columns=["epochs", "prm"], db="lemur.db")
    ends = [prm.get("scheduler_epochs") for prm in rows["prm"]]
    assert ends == ([*rows["epochs"]] if "cosine" in line else [None] * len(rows))


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


def test_conditions_of_one_dataset_are_told_apart():
    roles = ["a px=8 epochs=2", "a px=8 epochs=4", "b px=8 epochs=2"]
    assert labels_of(roles) == {roles[0]: "a epochs=2", roles[1]: "a epochs=4", roles[2]: "b"}
