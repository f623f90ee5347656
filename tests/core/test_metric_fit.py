"""Metrics that do not fit a dataset, and trials that one of several metrics did not score."""

import pytest

from lemur_core import Entry, data
from lemur_core.campaign.run import campaign
from lemur_core.errors import MisfitError, PluginError
from lemur_core.events import Warned
from lemur_core.settings import Settings

METRICS = """
from lemur_core.errors import ShapeError
from lemur_toy.data import Hits

def top9(out_shape):
    if out_shape[0] < 9:
        raise ShapeError(f"top9 looks at 9 classes; the dataset has {out_shape[0]}")
    return Hits(out_shape)

def top2(out_shape):
    return Hits(out_shape)

def broken(out_shape):
    raise KeyError("scale")
"""
MISFIT = "metric 'top9' does not fit dataset 'blobs': top9 looks at 9 classes; the dataset has "


@pytest.fixture
def train(toys, tmp_path, monkeypatch):
    """Run a campaign with more metrics; return the pipelines that are recorded."""
    (tmp_path / "more_metrics.py").write_text(METRICS)
    monkeypatch.syspath_prepend(str(tmp_path))
    tasks = ("img-classification",)
    entries = [Entry(name, f"more_metrics:{name}", tasks) for name in ("top9", "top2", "broken")]
    registry = toys.with_entries("more", "metric", entries)

    def call(*metrics, **settings):
        defaults = {"net": "Linear", "metric": list(metrics), "trials": 1, "epochs": 1}
        defaults |= {"db": str(tmp_path / "lemur.db"), "in_process": True}
        events = []
        summary = campaign(Settings.of(defaults | settings), registry, events.append)
        warned = [event.message for event in events if isinstance(event, Warned)]
        return sorted(set(data(db=summary.db)["metric"])), warned

    return call


def test_it_is_left_out_if_a_wildcard_matches_it(train):
    metrics, warned = train("{hits,top9*}", dataset="blobs")
    assert (metrics, warned) == (["hits"], [])


def test_it_is_an_error_if_it_is_named(train):
    for metrics in (["top9"], ["more/top9"], ["hits,top9"], ["hits", "top9"]):
        with pytest.raises(MisfitError) as caught:
            train(*metrics, dataset="blobs")
        assert str(caught.value).startswith(MISFIT)


def test_it_is_reported_if_only_the_metric_is_named(train):
    metrics, warned = train("hits", "top9", dataset="blob*")
    assert metrics == ["hits"]
    [line] = warned
    assert line.startswith(MISFIT)


def test_it_is_the_error_if_nothing_else_is_left(train):
    with pytest.raises(MisfitError) as caught:
        train("top9*", dataset="blob*")
    assert str(caught.value).startswith(MISFIT)


def test_a_metric_that_cannot_be_created_is_left_out_and_reported(train):
    metrics, warned = train("{hits,brok*}", dataset="blobs")
    assert (metrics, warned) == (["hits"], ["metric 'broken' cannot be created: KeyError: 'scale'"])
    with pytest.raises(PluginError, match="^metric 'broken' cannot be created: KeyError: 'scale'$"):
        train("broken", dataset="blobs")


def test_trials_that_a_further_metric_did_not_score_do_not_count(train, tmp_path):
    train("hits", dataset="blobs", trials=2, lr=0.1)
    train("hits,top2", dataset="blobs", trials=2, lr=0.1)
    _, warned = train("hits,top2", dataset="blobs", trials=2, lr=0.1)
    assert warned == [
        "2 trials of img-classification_blobs_hits_Linear in this database were not scored by top2 "
        "and are not counted"
    ]
    frame = data(db=str(tmp_path / "lemur.db"), columns=["number", "scores"]).sort_values("number")
    assert [set(scores) for scores in frame["scores"]] == [set(), set(), {"top2"}, {"top2"}]
    # Those with more scores than are asked for count.
    assert train("hits", dataset="blobs", trials=4, lr=0.1)[1] == []
    assert len(data(db=str(tmp_path / "lemur.db"))) == 4
