"""Campaigns from Python: progress, and the summary as a table."""

import sys
from collections import Counter
from io import StringIO

import pandas as pd
import pytest

import lemur_core
from lemur_core.events import Warned
from lemur_core.store.reading.standings import Standing
from lemur_core.summary import Summary
from lemur_core.trial import State


@pytest.fixture
def run(monkeypatch):
    """Run a campaign that only warns."""

    def campaign(settings, registry, watch):
        watch(Warned("look"))
        return settings

    monkeypatch.setattr("lemur_core.interactive.campaign", campaign)
    return lemur_core.run


@pytest.fixture
def notebook(monkeypatch):
    monkeypatch.setattr("lemur_core.interactive._in_notebook", lambda: True)


def test_nothing_is_printed_without_a_terminal(run, capsys):
    assert run("img-classification", trials=2).trials == 2
    assert capsys.readouterr() == ("", "")


def test_a_notebook_shows_lines_unless_quiet(run, capsys, notebook):
    run("img-classification")
    assert capsys.readouterr().err == "lemur: warning: look\n"
    run("img-classification", quiet=True)
    seen = []
    run("img-classification", watch=seen.append)
    assert capsys.readouterr() == ("", "")
    assert seen == [Warned("look")]


def test_a_terminal_shows_the_live_display(run, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    run("img-classification")
    assert "warning: look" in capsys.readouterr().out


def test_a_tuple_of_two_numbers_is_a_range_in_run(run):
    assert run("img-classification", lr=(1e-4, 1e-1)).prm == {"lr": (1e-4, 1e-1)}


def test_a_summary_is_a_table():
    standings = [
        Standing(
            "img-classification_blobs_hits_Linear", 0.5, 0.75, 2, 3, 10**9, {"lr": 0.1}, "0a" * 16
        ),
        Standing(
            "img-classification_blobs_hits_Tall", 0.25, 0.5, 1, 1, 10**8, {"lr": 0.2}, "0b" * 16
        ),
    ]
    summary = Summary(standings, Counter({State.FINISHED: 2, State.FAILED: 1}), db="lemur.db")
    frame = summary.frame()
    assert frame["nn"].tolist() == ["Linear", "Tall"]
    assert frame["validation"].tolist() == [0.75, 0.5]
    assert frame["duration"].tolist() == [10**9, 10**8]
    assert frame["prm"].tolist() == [{"lr": 0.1}, {"lr": 0.2}]
    assert frame["uid"].tolist() == ["0a" * 16, "0b" * 16]
    assert frame["state"].tolist() == ["finished", "finished"]
    dtypes = [str(frame[name].dtype) for name in ("seeds", "accuracy_mean", "accuracy_std")]
    assert dtypes == ["Int64", "float64", "float64"]
    header, first, second, counts = str(summary).splitlines()
    assert header.split() == ["pipeline", "accuracy", "validation", "id", "trial", "epoch"]
    linear, tall = "img-classification_blobs_hits_Linear", "img-classification_blobs_hits_Tall"
    assert first.split() == [linear, "0.5000", "0.7500", "0a0a0a0a", "2", "3"]
    assert second.split() == [tall, "0.2500", "0.5000", "0b0b0b0b", "1", "1"]
    assert counts == "trials: 2 finished, 1 failed, in lemur.db"


def test_a_notebook_shows_a_summary_as_a_table():
    standing = Standing("t_d_m_<b>", 0.5, 0.75, 2, 3, 10**9, {}, "0a" * 16, seeds=1)
    summary = Summary([standing], Counter({State.FINISHED: 1}), db="a&b.db")
    # What IPython displays: HTML where it can, else the text of repr.
    [table] = pd.read_html(StringIO(summary._repr_html_()))
    assert table.to_dict("list") == {
        "pipeline": ["t_d_m_<b>"], "accuracy": [0.5], "validation": [0.75], "id": ["0a0a0a0a"],
        "trial": [2], "epoch": [3],
    }  # fmt: skip
    assert "<p>trials: 1 finished, in a&amp;b.db</p>" in summary._repr_html_()
    assert repr(summary) == str(summary)
    assert Summary()._repr_html_() == "<p>no results; trials: none to train</p>"


def test_an_empty_summary_says_so():
    assert str(Summary()) == "no results; trials: none to train"
    assert list(Summary().frame().columns)[:2] == ["task", "dataset"]
