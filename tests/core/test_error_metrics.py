"""Metrics of which lower values are better: the search minimises them, and tables show them."""

import math
from dataclasses import replace

import pytest

import lemur_core
from lemur_core import Entry, best, data
from lemur_core.campaign.run import campaign
from lemur_core.cli.leaderboard import closing_text
from lemur_core.cli.wording import epoch_text, outcome_text
from lemur_core.error_metric import Errors, score_of
from lemur_core.errors import ContractError, FactError, MisfitError, RecordingError
from lemur_core.events import EpochEnded, TrialFinished, Warned
from lemur_core.file_entry import file_entry
from lemur_core.kinds.metric import ErrorMetric, metric_of
from lemur_core.settings import Settings
from lemur_core.store.reading.standings import Standing
from lemur_core.summary import Summary
from lemur_core.testing.metrics import MetricRules

TASKS = ("img-classification",)
METRICS = """
class Distance:
    '''Ten times the share of misses: not between 0 and 1.'''

    def __init__(self, out_shape):
        self.reset()

    def reset(self):
        self.misses = self.count = 0

    def update(self, outputs, targets):
        self.misses += (outputs.argmax(1) != targets).sum().item()
        self.count += len(targets)

    def compute(self):
        return 10 * self.misses / self.count

class Twice(Distance):
    def compute(self):
        return 2 * super().compute()

class Negative(Distance):
    def compute(self):
        return -1.0

class Undeclared(Distance):
    # As torchmetrics' errors have it.
    higher_is_better = False
"""
PUBLISHED = """
TASKS = ("img-classification",)

class _Far:
    higher_is_better = False

    def reset(self):
        pass

    def __call__(self, outputs, targets):
        pass

    def result(self):
        return 3.0

def create_metric(out_shape):
    return _Far()
"""
FILE = """
TASKS = ("img-classification",)
HIGHER_IS_BETTER = False

""" + METRICS[METRICS.index("class Distance") : METRICS.index("class Twice")]


@pytest.fixture
def registry(toys, tmp_path, monkeypatch):
    (tmp_path / "error_metrics.py").write_text(METRICS)
    monkeypatch.syspath_prepend(str(tmp_path))
    entries = [
        Entry(name.lower(), f"error_metrics:{name}", TASKS, higher_is_better=name == "Undeclared")
        for name in ("Distance", "Twice", "Negative", "Undeclared")
    ]
    return toys.with_entries("more", "metric", entries)


@pytest.fixture
def train(registry, tmp_path):
    """Run a campaign; return its summary and its events."""

    def call(metric="distance", **settings):
        defaults = {
            "net": "Linear", "metric": metric, "dataset": "blobs", "trials": 3, "epochs": 2,
            "db": str(tmp_path / "lemur.db"), "in_process": True, "lr": "1e-7..1e-1 log",
        }  # fmt: skip
        events = []
        summary = campaign(Settings.of(defaults | settings), registry, events.append)
        return summary, events

    return call


def test_the_lowest_error_is_the_best(train):
    summary, _ = train(trials=6, seed=3)
    [standing] = summary.standings
    rows = data(db=summary.db, columns=["trial", "error", "validation_error", "accuracy"])
    assert rows["validation_error"].nunique() > 2
    assert standing.validation_error == rows["validation_error"].min()
    assert standing.error in set(rows[rows["trial"] == standing.uid]["error"])
    assert rows["accuracy"].tolist() == pytest.approx((1 / (1 + rows["error"])).tolist())


def test_progress_and_leaderboard_show_errors(train):
    summary, events = train(seeds=2)
    ended = [event for event in events if isinstance(event, EpochEnded)]
    facts = ended[0].epoch.facts
    shown = (
        f"validation distance {facts['validation_error.distance']:.4f}, "
        f"test distance {facts['error.distance']:.4f}"
    )
    assert epoch_text(ended[0].epoch, "distance").endswith(shown)
    outcome = next(event.outcome for event in events if isinstance(event, TrialFinished))
    of_best = outcome.best.facts["validation_error.distance"]
    assert f"finished: validation distance {of_best:.4f}, " in outcome_text(outcome, "distance")
    [standing] = summary.standings
    assert f"  {standing.validation_error:.4f}  " in closing_text(summary, 1.0)
    assert "error" in summary.frame()
    assert f" {standing.error:.4f} " in str(summary)


def test_reproducing_shows_errors(tmp_path, lemur):
    folder = tmp_path / "distance"
    folder.mkdir()
    (folder / "Distance.py").write_text(FILE)
    status, _, errors = lemur(
        "run", "--dataset", "blobs", "--net", "Linear", "--metric", folder / "Distance.py",
        "--trials", 1, "--epochs", 1, "--threads", 1,
    )  # fmt: skip
    assert status == 0, errors
    [row] = data(db="lemur.db", columns=["trial", "metric", "error", "validation_error"]).to_dict(
        "records"
    )
    status, output, errors = lemur("reproduce", "best")
    assert status == 0, output + errors
    lines = output.splitlines()
    name = row["metric"]
    assert lines[0].endswith(
        f", validation {name} {row['validation_error']:.4f}, test {name} {row['error']:.4f}"
    )
    assert lines[1] == f"epoch 1: {row['error']:.4f}"


def test_means_over_seeds_are_those_of_the_errors(train, lemur):
    summary, _ = train(trials=1, seeds=4, lr="1e-4")
    [standing] = summary.standings
    rows = data(db=summary.db, columns=["trial", "epoch", "validation_error", "error"])
    # Of equal errors the later epoch.
    of_best = rows.sort_values(["validation_error", "epoch"], ascending=[False, True])
    errors = of_best.groupby("trial")["error"].last()
    assert len(errors) == 4
    assert errors.std() > 0
    [row] = best(db=summary.db).to_dict("records")
    for mean, deviation in (
        (standing.error_mean, standing.error_std), (row["error_mean"], row["error_std"]),
    ):  # fmt: skip
        assert mean == pytest.approx(errors.mean())
        assert deviation == pytest.approx(errors.std())
    text = f"{errors.mean():.4f} ± {errors.std():.4f}"
    assert text in closing_text(summary, 1.0)
    assert text in lemur("best", "--db", summary.db)[1]
    assert text in lemur("best", "--db", summary.db, "--format", "latex")[1].replace(r"$\pm$", "±")


def test_further_metrics_are_errors_too(train):
    summary, _ = train("hits,twice,distance", trials=1)
    rows = data(db=summary.db, with_facts=True)
    assert "error" not in best(db=summary.db)
    assert rows["error.twice"].tolist() == (2 * rows["error.distance"]).tolist()
    for _, row in rows.iterrows():
        assert row["error.distance"] == pytest.approx(10 * (1 - row["accuracy"]))
        assert row["scores"]["distance"][1] == score_of(row["error.distance"])


def test_tables_show_errors(train, lemur):
    summary, _ = train(trials=1)
    [row] = best(db=summary.db).to_dict("records")
    error, validation = f"{row['error']:.4f}", f"{row['validation_error']:.4f}"

    def printed(*arguments):
        return " ".join(lemur(*arguments, "--db", summary.db)[1].split())

    assert f"{error} {validation}" in printed("best")
    assert "epoch error validation error" in printed("data")
    assert f"{validation} {error}" in printed("trials")
    shown = printed("show", "trial", "last", "--no-source")
    assert f"validation distance {validation}, test distance {error}" in shown
    assert shown.endswith(f"{error} {validation}")
    table = printed("best", "--format", "markdown")
    assert "test error | validation error" in table
    assert "accuracy" not in table
    assert printed("data", "--columns", "error", "--sort", "error").startswith("error")


def test_a_confusion_matrix_has_the_error_of_its_predictions(train, tmp_path):
    file = tmp_path / "far.py"
    file.write_text(FILE)
    summary, _ = train(str(file), trials=1, keep_weights="best")
    matrix = lemur_core.confusion("last", split="test", db=summary.db)
    [row] = best(db=summary.db).to_dict("records")
    assert matrix.error == pytest.approx(10 * (1 - matrix.accuracy))
    assert matrix.error == row["error"]
    assert matrix.score == matrix.recorded == row["accuracy"]


def test_an_estimator_is_refused(train):
    with pytest.raises(MisfitError) as raised:
        train(estimator="soon")
    assert str(raised.value) == (
        "metric 'distance': lower is better, and estimators predict scores of which higher is "
        "better; leave out the estimator or the metric"
    )


def test_a_pruner_is_not(train):
    summary, _ = train(pruner="Median")
    assert summary.exit_status == 0


def test_a_negative_error_fails_the_trial(train):
    summary, _ = train("negative", trials=1)
    assert list(summary.reasons) == [
        "ContractError: metric 'negative': its error is -1; expected 0 or more"
    ]


@pytest.mark.parametrize("error", [math.nan, math.inf])
def test_an_error_that_is_not_finite_is_no_score(registry, error):
    metric = ErrorMetric(metric_of(registry.get("metric", "distance"), (2,)), "distance")
    metric._metric.compute = lambda: error
    assert not math.isfinite(metric.compute())


def test_an_error_must_be_declared_by_its_entry(registry, train):
    with pytest.raises(ContractError, match="lower is better, as higher_is_better of its object"):
        metric_of(registry.get("metric", "undeclared"), (2,))
    _, events = train("{hits,undeclared}", trials=1)
    warned = [event.message for event in events if isinstance(event, Warned)]
    assert any("register it with Entry(..., higher_is_better=False)" in line for line in warned)


def test_an_object_in_published_form_must_be_declared_too(tmp_path):
    file = tmp_path / "published.py"
    file.write_text(PUBLISHED)
    with pytest.raises(ContractError, match="lower is better"):
        metric_of(file_entry("metric", str(file)), (2,))
    file.write_text(f"HIGHER_IS_BETTER = False\n{PUBLISHED}")
    assert metric_of(file_entry("metric", str(file)), (2,)).compute() == 3.0


def test_a_file_declares_it(train, tmp_path):
    file = tmp_path / "far.py"
    file.write_text(FILE)
    summary, _ = train(str(file), trials=1)
    assert data(db=summary.db, columns=["error"])["error"].notna().all()


def test_contract_tests_accept_errors_above_1(registry):
    entry = registry.get("metric", "distance")
    rules = MetricRules()
    rules.metric_cases = {"distance": [([[2.0, 1.0], [0.0, 1.0]], [1, 1], 5.0)]}
    rules.test_metric_gives_the_score_computed_by_hand(entry)


def test_errors_of_a_training_of_ones_own_are_recorded(tmp_path):
    db = str(tmp_path / "own.db")
    with lemur_core.recording("age_faces_mae_Mine", {}, db=db) as trial:
        trial.epoch(errors=(3.0, 4.0), facts={"noise": 1})
        for arguments, line in [
            ({"errors": (-1.0, 0.0)}, "epoch 2: errors (-1.0, 0.0): expected 0 or more"),
            ({"errors": 3.0}, "epoch 2: errors 3.0: expected those on validation and on test"),
            ({"errors": (1, 1), "accuracy": 0.5}, "epoch 2: expected either scores or errors"),
            ({}, "epoch 2: validation None: expected a number"),
        ]:
            with pytest.raises(RecordingError) as raised:
                trial.epoch(**arguments)
            assert str(raised.value) == line
    [row] = best(db=db).to_dict("records")
    assert (row["error"], row["validation_error"], row["accuracy"]) == (4.0, 3.0, 0.2)


@pytest.fixture
def mixed(tmp_path):
    """A database in which the error of one of two nets is known, of the other its score alone."""
    db = str(tmp_path / "mixed.db")
    with lemur_core.recording("age_faces_mae_A", {}, db=db) as trial:
        trial.epoch(errors=(3.0, 4.0))
    with lemur_core.recording("age_faces_mae_B", {}, db=db) as trial:
        trial.epoch(validation=0.6, accuracy=0.55)
    return db


def test_scores_do_not_stand_among_errors(mixed, lemur):
    table = lemur("best", "--db", mixed)[1]
    assert "error  validation error  accuracy  validation" in table
    assert "-                 -    0.5500      0.6000" in table
    trials = lemur("trials", "--db", mixed)[1]
    assert "0.6000" not in trials
    assert "3.0000  4.0000" in trials


def test_errors_are_in_every_format(mixed, lemur):
    assert "4.0000" in lemur("data", "--db", mixed, "--format", "markdown")[1]
    assert "error" in lemur_core.data(db=mixed)
    compared = lemur("compare", "last", "last", "--db", mixed)[1]
    assert "accuracy" in compared
    with lemur_core.recording("age_faces_mae_A", {}, db=mixed) as trial:
        trial.epoch(errors=(1.0, 2.0))
    compared = lemur("compare", trial.uid, "age_faces_mae_A", "--db", mixed)[1]
    assert "validation error" in compared


def test_folds_are_averaged_by_what_all_of_them_have():
    folds = [
        Standing(f"t_d[folds=2,fold={n}]_mae_A", 0.2, 0.25, 1, 1, 1, {}, "0" * 32) for n in (1, 2)
    ]
    known = [replace(fold, error=4.0, validation_error=3.0) for fold in folds]
    assert "4.0000 ± 0.0000" in closing_text(Summary(known), 1.0)
    assert "0.2000 ± 0.0000" in closing_text(Summary([known[0], folds[1]]), 1.0)


@pytest.mark.parametrize("name", ["error.mae", "validation_error.mae"])
def test_the_facts_of_errors_are_reserved(tmp_path, name):
    db = str(tmp_path / "own.db")
    with lemur_core.recording("age_faces_mae_A", {}, db=db) as trial:
        trial.epoch(errors=(3.0, 4.0))
        for write in (
            lambda: trial.epoch(errors=(1, 2), facts={name: 7}),
            lambda: trial.record({name: 7}),
            lambda: lemur_core.record(trial.uid, {name: 7}, db=db),
        ):
            with pytest.raises(FactError, match="which is reserved for errors by a metric"):
                write()


def test_a_fact_of_the_metrics_name_is_no_error(tmp_path):
    db = str(tmp_path / "own.db")
    with lemur_core.recording("img-classification_a_acc_B", {}, db=db) as trial:
        trial.epoch(validation=0.5, accuracy=0.6, facts={"acc": 9.0, "error": 1.0})
    assert "error" not in best(db=db)
    assert Errors.among({"error.acc": "high", "validation_error.acc": 1.0}, "acc") is None
    assert Errors.among({"error.acc": True, "validation_error.acc": 1.0}, "acc") is None
