import numpy as np
import pandas as pd
import pytest

from lemur_analysis import stats
from lemur_analysis.stats.hyperparameters import is_wide, recorded_study
from lemur_core.errors import SettingsError


def runs(frame, prm, accuracy):
    return frame("A", 1, accuracy, prm=prm, trial=[f"t{number}" for number in range(len(prm))])


@pytest.fixture
def searched(frame):
    """Forty runs whose scores depend only on lr."""
    rng = np.random.default_rng(0)
    rates = 10 ** rng.uniform(-4, -1, 40)
    prm = [{"lr": rate, "momentum": rng.uniform(), "batch": 8} for rate in rates]
    return runs(frame, prm, (np.log10(rates) + 4) / 4)


@pytest.mark.parametrize("evaluator", ["fanova", "ped-anova"])
def test_the_hyperparameter_that_determines_the_score_is_important(searched, evaluator):
    table = stats.importance(searched, evaluator=evaluator, repeats=2, trees=4)
    shares = table.set_index("hyperparameter")["importance"]
    assert shares["lr"] > 0.8
    assert shares.sum() == pytest.approx(1)
    assert set(table["note"]) == {"fixed: batch"}
    assert set(table["trials"]) == {40}
    assert set(table["repeats"]) == {2 if evaluator == "fanova" else 1}


def test_the_same_seed_gives_the_same_importance(searched):
    first, again = (stats.importance(searched, repeats=2, trees=3, seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


@pytest.mark.parametrize(
    ("count", "score", "prm", "why"),
    [
        (19, None, {}, "19 trials; importance needs 20"),
        (20, 0.5, {}, "all 20 trials have the same score"),
        (20, None, {"momentum": 1}, "1 hyperparameters vary in all trials; importance needs 2"),
    ],
)
def test_a_note_says_why_importance_is_not_estimated(frame, count, score, prm, why):
    prms = [{"lr": index / 100 + 0.01, "momentum": index / 50} | prm for index in range(count)]
    scores = [index / 100 if score is None else score for index in range(count)]
    (row,) = stats.importance(runs(frame, prms, scores)).to_dict("records")
    assert row["note"] == why
    assert np.isnan(row["importance"])


def test_a_run_has_its_best_score_and_a_column_per_hyperparameter(frame):
    prm = [{"lr": 0.1}, {"lr": 0.1}, {"lr": 0.2, "transform": "echo"}]
    rows = frame("A", [1, 2, 1], [0.3, 0.6, np.nan], prm=prm, trial=["a", "a", "b"])
    (row,) = stats.runs_with_hyperparameters(rows).to_dict("records")
    assert (row["trial"], row["accuracy"], row["prm.lr"]) == ("a", 0.6, 0.1)
    columns = rows.drop(columns="prm").assign(**{"prm.lr": [0.1, 0.1, 0.2]})
    assert stats.runs_with_hyperparameters(columns)["prm.lr"].tolist() == [0.1]


def test_no_hyperparameters_and_unknown_options_are_refused(frame, searched):
    with pytest.raises(SettingsError, match="no column 'prm' or 'prm.\\*'"):
        stats.importance(frame("A", 1, [0.5], trial="t"))
    with pytest.raises(SettingsError, match="evaluator is 'anova'; expected fanova or ped-anova"):
        stats.importance(searched, evaluator="anova")
    with pytest.raises(SettingsError, match="trees is 0; expected a whole number from 1"):
        stats.importance(searched, trees=0)
    assert stats.importance(searched.iloc[:0]).empty


def test_kinds_of_values_become_distributions():
    prm = pd.DataFrame(
        {"batch": [8, 32, 128], "lr": [1e-4, 1e-3, 1e-2], "flip": [True, False, True],
         "transform": ["a", "b", "a"], "mixed": ["a", 1, 2]}
    )  # fmt: skip
    study = recorded_study(prm, pd.Series([0.1, 0.2, 0.3]))
    distributions = {
        name: type(distribution).__name__
        for name, distribution in study.trials[0].distributions.items()
    }
    assert distributions == {
        "batch": "IntDistribution", "lr": "FloatDistribution", "flip": "CategoricalDistribution",
        "transform": "CategoricalDistribution", "mixed": "CategoricalDistribution",
    }  # fmt: skip
    assert study.trials[0].distributions["lr"].log
    assert study.best_value == 0.3


def test_rates_are_logarithmic_and_shares_are_not():
    assert is_wide(pd.Series([8, 64, 512]))
    assert not is_wide(pd.Series([0.01, 0.3, 0.6, 0.9]))
    assert not is_wide(pd.Series([0, 10, 1000]))
    assert not is_wide(pd.Series([1, 2, 4]))
