"""The hook that is called in the process that trains, and the facts that it returns."""

import math
from pathlib import Path

import pytest

from lemur_core import data, hookimpl
from lemur_core.campaign.run import campaign
from lemur_core.settings import Settings

LINEAR = "img-classification_blobs_hits_Linear"


class Norms:
    """Returns the norm of a net's weights after each epoch."""

    def __init__(self):
        self.folders = []

    @hookimpl
    def lemur_epoch_trained(self, trial, epoch, net, folder):
        assert not net.training
        assert list(folder.iterdir()) == []
        (folder / "weights").write_text("kept for a moment")
        self.folders.append(folder)
        squares = sum(float(parameter.detach().square().sum()) for parameter in net.parameters())
        return {"norms.all": math.sqrt(squares), "norms.epoch": epoch.number}


def run(toys, tmp_path, *plugins, epochs=2, **settings):
    """Train a toy net with plugins; return its rows with facts, and the warnings."""
    for number, plugin in enumerate(plugins):
        toys.manager.register(plugin, f"plugin-{number}")
    db = str(tmp_path / "lemur.db")
    defaults = {"trials": 1, "epochs": epochs, "in_process": True, "db": db}
    try:
        summary = campaign(
            Settings.of({"patterns": [LINEAR], **defaults, **settings}), toys, lambda _: None
        )
    finally:
        for plugin in plugins:
            toys.manager.unregister(plugin)
    assert summary.exit_status == 0, summary.reasons
    return data(db=db, with_facts=True)


def test_facts_of_each_epoch_are_recorded(toys, tmp_path):
    norms = Norms()
    rows = run(toys, tmp_path, norms)
    assert rows["norms.epoch"].tolist() == [1, 2]
    first, second = rows["norms.all"]
    assert 0 < first != second > 0
    assert len(norms.folders) == 2
    assert not any(map(Path.exists, norms.folders))


def test_a_hook_that_raises_is_reported_once_and_does_not_end_training(toys, tmp_path):
    class Raises:
        @hookimpl
        def lemur_epoch_trained(self, trial):
            raise KeyError("no")

    with pytest.warns(UserWarning, match="raised") as caught_warnings:
        rows = run(toys, tmp_path, Raises(), Norms())
    [line] = [str(warning.message) for warning in caught_warnings]
    assert line == "plugin 'plugin-0': lemur_epoch_trained raised KeyError: 'no'"
    assert rows["norms.epoch"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("returned", "line"),
    [
        ({"a": math.nan, "b": 1}, "fact 'a'"),
        ({"a": object(), "b": 1}, "fact 'a'"),
        ([1], "lemur_epoch_trained gives list; expected facts by name"),
    ],
)
def test_invalid_facts_are_left_out_with_a_warning(toys, tmp_path, returned, line):
    class Gives:
        @hookimpl
        def lemur_epoch_trained(self):
            return returned

    with pytest.warns(UserWarning, match=line) as caught_warnings:
        rows = run(toys, tmp_path, Gives())
    assert len({str(warning.message) for warning in caught_warnings}) == len(caught_warnings) == 1
    assert "a" not in rows
    is_valid = isinstance(returned, dict)
    assert ("b" in rows) == is_valid
    assert not is_valid or rows["b"].tolist() == [1, 1]


def test_a_fact_with_the_name_of_a_trial_fact_does_not_end_the_campaign(toys, tmp_path):
    class OfTrial:
        @hookimpl
        def lemur_trial_started(self, trial):
            from lemur_core import record

            record(trial.uid, {"norms.epoch": 0}, db=tmp_path / "lemur.db")

    rows = run(toys, tmp_path, OfTrial(), Norms())
    assert rows["epoch"].tolist() == [1, 2]
