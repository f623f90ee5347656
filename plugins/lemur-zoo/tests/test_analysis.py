"""Analysis agrees with plain loops, NumPy, SciPy and scikit-learn."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score

from lemur_zoo import Zoo
from lemur_zoo.analysis import diversity, linear
from lemur_zoo.analysis.linear import (
    PENALTIES,
    Part,
    _classifier,
    linear_accuracy,
)
from lemur_zoo.analysis.outputs import outputs_of
from lemur_zoo.analysis.prediction import predict
from lemur_zoo.analysis.projection import principal_components
from lemur_zoo.analysis.statistics import statistics_of
from lemur_zoo.images import load_images
from lemur_zoo.parameters import Parameter
from lemur_zoo.storage.header import ZooError


@pytest.fixture
def draws():
    return np.random.default_rng(3)


def pairs(matrix):
    return [matrix[k, n] for k, n in combinations(range(len(matrix)), 2)]


def test_agreement_is_the_share_of_equal_predictions(draws):
    classes = draws.integers(0, 4, (6, 50))
    expected = [(classes[k] == classes[n]).mean() for k, n in combinations(range(6), 2)]
    assert pairs(diversity.agreement(classes)) == pytest.approx(expected)


def test_distances_are_those_of_the_definitions(draws):
    weights = draws.normal(size=(6, 40)).astype(np.float32)
    lengths = [np.linalg.norm(row.astype(float)) for row in weights]
    l2 = [
        np.linalg.norm(weights[k].astype(float) - weights[n]) / np.mean(lengths)
        for k, n in combinations(range(6), 2)
    ]
    cosines = [
        1 - weights[k].astype(float) @ weights[n] / lengths[k] / lengths[n]
        for k, n in combinations(range(6), 2)
    ]
    assert pairs(diversity.l2_distances(weights)) == pytest.approx(l2)
    assert pairs(diversity.cosine_distances(weights)) == pytest.approx(cosines)
    spread = diversity.over_pairs(diversity.l2_distances(weights))
    assert spread == pytest.approx((np.mean(l2), np.std(l2)))


def test_l2_is_the_root_of_twice_the_cosine_distance_for_equal_lengths(draws):
    # As the rows of the paper's Table 2 are: 124.1 from 77.1.
    weights = draws.normal(size=(5, 30)).astype(np.float32)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    l2, cosines = diversity.l2_distances(weights), diversity.cosine_distances(weights)
    assert pairs(l2) == pytest.approx(np.sqrt(2 * np.array(pairs(cosines))), rel=1e-5)
    assert 100 * np.sqrt(2 * 0.771) == pytest.approx(124.1, abs=0.15)


def test_cka_is_that_of_centred_features(draws):
    features = draws.normal(size=(4, 20, 7)).astype(np.float32)

    def alignment(x, y):
        x, y = x - x.mean(0), y - y.mean(0)
        cross = np.linalg.norm(y.T @ x) ** 2
        return cross / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)

    expected = [
        alignment(features[k].astype(float), features[n].astype(float))
        for k, n in combinations(range(4), 2)
    ]
    assert pairs(diversity.cka(features)) == pytest.approx(expected)
    turned = features[0] @ np.linalg.qr(draws.normal(size=(7, 7)))[0]
    both = np.stack([features[0], 3 * turned.astype(np.float32) + 1])
    assert diversity.cka(both)[0, 1] == pytest.approx(1)


def test_pairs_of_a_member_that_represents_all_images_alike_are_left_out(draws):
    features = draws.normal(size=(4, 20, 7)).astype(np.float32)
    features[2] = 0.3
    alignment = diversity.cka(features)
    assert np.isnan(np.diagonal(alignment)).tolist() == [False, False, True, False]
    rest = diversity.cka(features[[0, 1, 3]])
    assert diversity.over_pairs(alignment) == pytest.approx(diversity.over_pairs(rest))


def test_members_with_large_or_missing_weights_are_left_out():
    weights = np.zeros((4, 3), np.float32)
    weights[1, 2], weights[2, 0], weights[3, 1] = np.nan, -5.1, 5
    assert diversity.is_kept(weights).tolist() == [True, False, False, True]
    assert diversity.is_kept(weights, np.inf).tolist() == [True, False, True, True]


def test_statistics_are_those_of_each_layer(draws):
    weights = draws.normal(size=(3, 25)).astype(np.float32)
    parameters = [Parameter("a.weight", (4, 5)), Parameter("a.bias", (5,))]
    ours = statistics_of(weights, parameters)
    assert ours.shape == (3, 14)
    for row, values in zip(ours, weights, strict=True):
        for place, part in ((0, values[:20]), (7, values[20:])):
            part = part.astype(float)
            expected = [part.mean(), part.var(), *np.percentile(part, [1, 25, 50, 75, 99])]
            np.testing.assert_allclose(row[place : place + 7], expected)


def split(draws, features, targets):
    count = len(targets)
    parts = np.array_split(draws.permutation(count), [count // 2, 3 * count // 4])
    return [Part(features[part], targets[part]) for part in parts]


@pytest.mark.parametrize("columns", [5, 120])
def test_ridge_is_that_of_scikit_learn(draws, columns):
    features = draws.normal(size=(80, columns)) * draws.uniform(0.1, 10, columns)
    features[:, 0] = 7.0
    targets = features[:, 1] + draws.normal(size=80)
    train, validation, test = split(draws, features, targets)
    mean, scale = train.features.mean(0), train.features.std(0)
    scale[0] = 1
    scores = []
    for penalty in PENALTIES:
        model = Ridge(penalty).fit((train.features - mean) / scale, train.targets)
        scores.append([
            r2_score(part.targets, model.predict((part.features - mean) / scale))
            for part in (validation, test)
        ])  # fmt: skip
    expected = max(scores)[1]
    parts = (train, validation, test)
    fit = linear.Ridge([part.features for part in parts])
    assert fit.r2([part.targets for part in parts]) == pytest.approx(expected, rel=1e-6)
    # The same decomposition serves another target.
    negative = fit.r2([-part.targets for part in parts])
    assert negative == pytest.approx(expected, rel=1e-6)
    assert len(PENALTIES) == 17
    assert (PENALTIES[0], PENALTIES[-1]) == pytest.approx((1e3, 3e-5))


def test_the_penalty_is_chosen_if_all_validation_targets_are_alike(draws):
    train, validation, test = (draws.normal(size=(count, 3)) for count in (40, 4, 20))
    validation[:, 0] = 0.7
    targets = [2 * part[:, 0] for part in (train, validation, test)]
    assert len(set(targets[1])) == 1
    errors, scores = [], []
    mean, scale = train.mean(0), train.std(0)
    for penalty in PENALTIES:
        model = Ridge(penalty).fit((train - mean) / scale, targets[0])
        errors.append(((targets[1] - model.predict((validation - mean) / scale)) ** 2).sum())
        scores.append(r2_score(targets[2], model.predict((test - mean) / scale)))
    expected = scores[int(np.argmin(errors))]
    assert expected > 0.99
    assert linear.Ridge([train, validation, test]).r2(targets) == pytest.approx(expected)


def test_a_linear_layer_is_that_of_scikit_learn(draws):
    import torch

    features = draws.normal(size=(60, 4))
    targets = (features[:, 0] + 0.5 * draws.normal(size=60) > 0).astype(float)
    targets[features[:, 1] > 1] = 2
    penalty = 1e-2
    weights, bias = _classifier(
        torch.from_numpy(features), torch.from_numpy(targets.astype(int)), 3, penalty
    )
    # Its penalty is half the squares, and its loss a sum.
    model = LogisticRegression(C=1 / (2 * penalty * 60), tol=1e-10, max_iter=10_000)
    probabilities = model.fit(features, targets).predict_proba(features)
    ours = torch.softmax(torch.from_numpy(features) @ weights + bias, 1).numpy()
    np.testing.assert_allclose(ours, probabilities, atol=1e-4)
    parts = split(draws, features, targets)
    assert 0.5 < linear_accuracy(*parts) <= 1


def test_components_are_those_of_scikit_learn(draws):
    weights = draws.normal(size=(8, 30)).astype(np.float32)
    coordinates, shares = principal_components(weights)
    reference = PCA(2).fit(weights.astype(float))
    expected = reference.transform(weights.astype(float))
    np.testing.assert_allclose(np.abs(coordinates), np.abs(expected), atol=1e-8)
    np.testing.assert_allclose(shares, reference.explained_variance_ratio_)


def test_outputs_are_those_of_the_nets(small, spec):
    from lemur_zoo.spec.read import read_spec

    zoo, images = Zoo(small), load_images(read_spec(spec), None)
    outputs = outputs_of(zoo, [3, 8], images.test.inputs)
    assert outputs.classes.shape == (2, 40)
    for place, member in enumerate((3, 8)):
        accuracy = (outputs.classes[place] == images.test.targets).mean()
        assert accuracy == pytest.approx(zoo.scores[member, 2, 2, 1])
        state = zoo.state_dict(member)
        last = outputs.intermediate[place] @ state["layers.15.weight"].numpy().T
        np.testing.assert_allclose(
            last + state["layers.15.bias"].numpy(), outputs.last[place], rtol=1e-4, atol=1e-4
        )


def test_properties_are_predicted_from_the_splits_of_members(tmp_path):
    from .test_reports import synthetic

    zoo = Zoo(synthetic(tmp_path / "zoo", members=60))
    ours, sample = predict(zoo, [1, 2])
    scores = {row.target: row for row in ours}
    # The synthetic members' accuracy is linear in a weight, and their activation shows in another.
    assert scores["test accuracy"].weights > 0.99
    assert scores["activation"].weights == 1
    assert scores["activation"].measure == "accuracy"
    assert scores["epoch"].statistics < 1
    assert "init" not in scores
    assert (sample.members, sample.left_out) == (58, 2)


def test_too_few_members_are_one_line(tmp_path):
    from .test_reports import synthetic

    zoo = Zoo(synthetic(tmp_path / "zoo", members=4))
    with pytest.raises(ZooError) as caught:
        predict(zoo, [1])
    assert str(caught.value) == (
        "zoo 'synthetic': 1 samples in the validation split of members; expected 2 or more, so "
        "make more members"
    )
