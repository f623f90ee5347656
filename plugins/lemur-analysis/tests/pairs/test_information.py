"""Mutual information against analytic values, scikit-learn and the published tables."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.feature_selection import mutual_info_regression

from lemur_analysis.pairs import dependence, model_quality, mutual_information, partial_dependence
from lemur_analysis.pairs.information import ksg, plug_in
from lemur_core.errors import SettingsError


def gaussian(samples, *rho, seed=0):
    """Return correlated normal variables: the explanatory ones and the dependent one."""
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((samples, len(rho)))
    noise = np.sqrt(1 - np.square(rho).sum())
    return inputs, inputs @ np.array(rho) + noise * random.standard_normal(samples)


def pairs_of(samples=200, seed=0, **columns):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": random.random(samples), "b": random.random(samples), **columns})
    return frame.assign(pt_test_acc=0.5 + 0.4 * frame["a"], tf_test_acc=0.5)


def test_counts_of_a_variable_and_itself_give_its_entropy():
    values = np.repeat(np.linspace(0, 1, 11)[:10] + 0.01, 7)
    assert plug_in([values], values, closed=True) == pytest.approx(np.log(10))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 50))
def test_counts_give_the_entropies_of_numpys_histograms(seed, samples):
    random = np.random.default_rng(seed)
    first, second = random.random((2, samples))
    first[0], second[-1] = 1.0, 1.0  # NumPy's last bin is also closed.
    table, _, _ = np.histogram2d(first, second, bins=10, range=[(0, 1), (0, 1)])
    expected = entropy(table.sum(0)) + entropy(table.sum(1)) - entropy(table.ravel())
    assert plug_in([first], second, closed=True) == pytest.approx(expected, abs=1e-9)


def test_two_variables_are_counted_in_the_cells_of_both():
    first, second = np.array([(a, b) for a in (0.0, 1.0) for b in (0.0, 1.0)] * 5).T
    together = (first != second).astype(float)
    assert plug_in([first], together, closed=True) == pytest.approx(0, abs=1e-12)
    assert plug_in([first, second], together, closed=True) == pytest.approx(np.log(2))


def test_the_published_bins_put_the_maximum_into_its_own_bin():
    values = np.array([0.0, 0.95, 1.0])
    assert plug_in([values], values, closed=True) == pytest.approx(np.log(3) - 2 / 3 * np.log(2))
    assert plug_in([values], values, closed=False) == pytest.approx(np.log(3))


@pytest.mark.parametrize("rho", [(0.6,), (0.5, 0.5)])
def test_nearest_neighbours_find_the_information_of_normal_variables(rho):
    estimates = [ksg(*gaussian(1_000, *rho, seed=seed)) for seed in range(8)]
    expected = -0.5 * np.log(1 - np.square(rho).sum())
    assert np.mean(estimates) == pytest.approx(expected, abs=0.03)


def test_nearest_neighbours_of_one_variable_are_those_of_scikit_learn():
    inputs, outcome = gaussian(500, 0.7)
    inputs, outcome = inputs / inputs.std(), outcome / outcome.std()
    theirs = mutual_info_regression(inputs, outcome, n_neighbors=3, random_state=0)
    assert ksg(inputs, outcome) == pytest.approx(theirs[0], abs=1e-6)


def test_only_a_hyperparameter_that_matters_exceeds_the_null():
    table = mutual_information(pairs_of(), permutations=20, repeats=1).set_index(
        ["estimator", "variables"]
    )
    for estimator in ("plug-in", "plug-in-eleven", "ksg"):
        assert table.loc[(estimator, "a"), "p"] == 1 / 21
        assert table.loc[(estimator, "a"), "excess"] > 0.5
        assert table.loc[(estimator, "b"), "p"] > 0.05
    assert (table["excess"] == table["information"] - table["null"]).all()
    assert table["interaction"].isna().sum() == 6


def test_an_interaction_is_distinguished_from_a_sum():
    random = np.random.default_rng(1)
    first, second = random.random(400), random.random(400)
    apart = (first > 0.5) ^ (second > 0.5)
    frame = pd.DataFrame({"a": first, "b": second, "tf_test_acc": 0.5})
    frame["pt_test_acc"] = 0.5 + 0.3 * apart + 0.01 * random.random(400)
    table = mutual_information(frame, permutations=20, repeats=1)
    assert (table["interaction"].dropna() > 0.3).all()
    assert (table["interaction_p"].dropna() == 1 / 21).all()


def test_a_constant_has_no_information():
    table = mutual_information(pairs_of(c=1.0), estimators="plug-in", permutations=0)
    assert table.set_index("variables").loc["c", "information"] == pytest.approx(0, abs=1e-12)


def test_the_same_seed_gives_the_same_numbers():
    frame = pairs_of(40)
    made = [mutual_information(frame, permutations=3, repeats=1, seed=5) for _ in range(2)]
    pd.testing.assert_frame_equal(*made)


def test_incomplete_pairs_are_left_out():
    frame = pairs_of(40)
    frame.loc[0, "pt_test_acc"] = np.nan
    frame.loc[1, "a"] = np.inf
    table = mutual_information(frame, estimators="plug-in", permutations=0)
    assert table["pairs"].unique().tolist() == [38]


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (
            pairs_of(4), {},
            "4 pairs have both scores and every hyperparameter; mutual information needs 5 or more",
        ),
        (
            pairs_of()[["pt_test_acc", "tf_test_acc"]], {},
            "the pairs have no numeric hyperparameter",
        ),
        (
            pairs_of(), {"estimators": "ksg,gs"},
            "estimator 'gs': expected plug-in, plug-in-eleven, ksg",
        ),
        (
            pairs_of(), {"permutations": -1},
            "permutations is -1 and repeats 50; expected whole numbers from 0 and from 1",
        ),
    ],
)  # fmt: skip
def test_frames_without_information_are_errors(frame, options, message):
    with pytest.raises(SettingsError) as caught:
        mutual_information(frame, **options)
    assert str(caught.value) == message


def test_published_information_is_reproduced(crossedwires):
    expected = {
        ("vgg16", "plug-in"): {
            "adam_epsilon": 0.1699, "epochs": 0.1549, "batch_size": 0.1374,
            "learning_rate": 0.1295, "adam_epsilon + batch_size": 0.6158,
        },
        ("vgg16", "plug-in-eleven"): {
            "adam_epsilon": 0.1766, "epochs": 0.1761, "adam_epsilon + batch_size": 0.6474,
        },
        ("resnet50", "plug-in"): {
            "epochs": 0.1998, "batch_size": 0.1676, "learning_rate": 0.1383,
            "adam_epsilon": 0.1136, "batch_size + epochs": 0.6726,
            "adam_epsilon + epochs": 0.6677,
        },
        ("resnet50", "plug-in-eleven"): {"epochs": 0.2063, "adam_epsilon + epochs": 0.6904},
    }  # fmt: skip
    for (net, estimator), values in expected.items():
        table = mutual_information(crossedwires[net], estimators=estimator, permutations=0)
        information = table.set_index("variables")["information"]
        assert {name: round(information[name], 4) for name in values} == values
        two = information[table["variables"][table["size"] == 2]]
        assert two.idxmax() == max((name for name in values if "+" in name), key=values.get)


def test_published_information_by_neighbours_is_reproduced(crossedwires):
    expected = {
        "vgg16": {
            "adam_epsilon": 0.161, "batch_size": 0.121, "learning_rate": 0.046, "epochs": 0.0,
            "adam_epsilon + batch_size": 0.226,
        },
        "resnet50": {
            "batch_size": 0.083, "epochs": 0.051, "adam_epsilon": 0.040, "learning_rate": 0.026,
            "adam_epsilon + epochs": 0.207, "batch_size + epochs": 0.203,
        },
    }  # fmt: skip
    for net, values in expected.items():
        table = mutual_information(
            crossedwires[net], estimators="ksg", permutations=0, repeats=5
        ).set_index("variables")["information"]
        assert {name: table[name] for name in values} == pytest.approx(values, abs=0.008)


def test_the_null_of_the_published_tables_is_as_high_as_expected(crossedwires):
    for frame in crossedwires.values():
        table = mutual_information(frame, estimators="plug-in", permutations=10)
        single, double = (table[table["size"] == size]["null"] for size in (1, 2))
        assert 0.085 < single.min() < single.max() < 0.115
        assert 0.49 < double.min() < double.max() < 0.57


def test_a_model_is_judged_by_held_out_pairs(monkeypatch):
    monkeypatch.setattr(dependence, "REPEATS", 1)
    frame = pairs_of(150)
    known = model_quality(frame).set_index("model")["r2"]
    assert (known > 0.9).all()
    random = np.random.default_rng(3)
    noise = frame.assign(pt_test_acc=0.5 + 0.4 * random.random(150))
    assert (model_quality(noise)["r2"] < 0).all()


def test_partial_dependence_follows_the_hyperparameter_that_matters():
    frame = pairs_of(150, c=1.0)
    table = partial_dependence(frame, points=10)
    assert set(table["hyperparameter"]) == {"a", "b"}
    of_a, of_b = (table[table["hyperparameter"] == name] for name in "ab")
    # The difference is 0.4 a.
    assert of_a["difference"].to_numpy() == pytest.approx(0.4 * of_a["value"].to_numpy(), abs=0.05)
    assert of_b["difference"].to_numpy() == pytest.approx(0.4 * frame["a"].mean(), abs=0.02)


def test_a_model_of_few_pairs_is_refused():
    with pytest.raises(SettingsError) as caught:
        model_quality(pairs_of(49))
    assert str(caught.value) == (
        "49 pairs have both scores and every hyperparameter; a model of the difference needs 50 or "
        "more"
    )


def test_all_pairs_of_hyperparameters_are_estimated():
    table = mutual_information(pairs_of(c=0.5), estimators="plug-in", permutations=0)
    both = table[table["size"] == 2]["variables"].tolist()
    assert both == [" + ".join(two) for two in combinations("abc", 2)]
