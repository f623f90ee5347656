"""Scores by class, calibration, and the spectra of weights."""

import numpy as np
import pandas as pd
import pytest
import torch
from torchmetrics.functional.classification import (
    multiclass_calibration_error,
    multiclass_recall,
)

from lemur_zoo import Zoo
from lemur_zoo.confidence import calibration_error, class_accuracies, zoo_confidence
from lemur_zoo.evaluation import zoo_images
from lemur_zoo.spectra import singular_values, spectrum_of

from .conftest import run


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("sharpness", [0.3, 3.0, 30.0])
def test_the_calibration_error_is_that_of_torchmetrics(bins, sharpness):
    torch.manual_seed(bins)
    probabilities = (sharpness * torch.randn(500, 6)).softmax(1)
    targets = torch.randint(6, (500,))
    expected = multiclass_calibration_error(probabilities, targets, 6, n_bins=bins, norm="l1")
    assert calibration_error(probabilities, targets, bins) == pytest.approx(
        expected.item(), abs=1e-5
    )


def test_a_calibrated_and_an_overconfident_net():
    targets = torch.tensor([0] * 7 + [1] * 3)
    calibrated = torch.tensor([[0.7, 0.3]]).expand(10, 2)
    certain = torch.tensor([[1.0, 0.0]]).expand(10, 2)
    assert calibration_error(calibrated, targets) == pytest.approx(0, abs=1e-6)
    assert calibration_error(certain, targets) == pytest.approx(0.3)


def test_class_accuracies_are_the_recall():
    torch.manual_seed(0)
    predicted, targets = torch.randint(5, (2, 200))
    expected = multiclass_recall(predicted, targets, 5, average="none")
    np.testing.assert_allclose(class_accuracies(predicted.numpy(), targets.numpy(), 5), expected)


def test_the_command_shows_the_scores_of_the_nets(small, tmp_path):
    output = run("scores", small, "--csv", tmp_path / "scores.csv")
    frame = pd.read_csv(tmp_path / "scores.csv")
    zoo = Zoo(small)
    assert list(frame["member"]) == list(range(16))
    images = zoo_images(zoo, None)
    inputs, targets = map(torch.from_numpy, images.test)
    for member in (0, 7, 15):
        with torch.no_grad():
            probabilities = zoo.net(member)(inputs).softmax(1)
        row = frame.iloc[member]
        expected = multiclass_calibration_error(probabilities, targets, 10, n_bins=15)
        assert row["calibration_error"] == pytest.approx(expected.item(), abs=1e-4)
        brier = (probabilities - torch.eye(10)[targets]).square().sum(1).mean().item()
        assert row["brier"] == pytest.approx(brier, rel=1e-4)
        assert row[["loss", "accuracy"]].tolist() == pytest.approx(
            zoo.scores[member, 2, 2].tolist(), rel=1e-4
        )
        recall = multiclass_recall(probabilities, targets, 10, average="none").tolist()
        present = np.isin(range(10), targets)
        measured = row[[f"class_{index}" for index in range(10)]].to_numpy()
        np.testing.assert_allclose(measured[present], np.array(recall)[present])
    assert f"{frame['accuracy'].median():.4f}" in output
    assert len(zoo_confidence(zoo, images.validation)) == 16


def test_spectra_of_known_matrices():
    measured = spectrum_of(np.array([4.0, 2.0, 1.0]))
    assert measured.norm == 4
    assert measured.stable_rank == pytest.approx((16 + 4 + 1) / 16)
    p = np.array([4, 2, 1]) / 7
    assert measured.effective_rank == pytest.approx(np.exp(-(p * np.log(p)).sum()))
    assert measured.condition == 4
    assert spectrum_of(np.array([1.0, 0.0])).condition == np.inf
    assert np.isnan(spectrum_of(np.zeros(2)).stable_rank)


def test_singular_values_of_a_convolution_are_those_of_its_matrix():
    weights = np.random.default_rng(0).normal(size=(3, 4, 2, 3, 3)).astype(np.float32)
    measured = singular_values(weights)
    for values, kernel in zip(measured, weights, strict=True):
        expected = torch.linalg.svdvals(torch.from_numpy(kernel).double().reshape(4, -1))
        np.testing.assert_allclose(values, expected.numpy())


def test_the_command_shows_the_spectra_of_all_layers(small, tmp_path):
    output = run("spectra", small, "--epoch", 1, "--csv", tmp_path / "spectra.csv")
    frame = pd.read_csv(tmp_path / "spectra.csv")
    zoo = Zoo(small)
    assert len(frame) == 16 * 5
    last = zoo.parameters[-2].name
    weight = zoo.state_dict(3, 1)[last]
    row = frame.query("member == 3 and layer == @last").iloc[0]
    assert row["norm"] == pytest.approx(torch.linalg.matrix_norm(weight, 2).item(), rel=1e-5)
    norm = torch.linalg.matrix_norm(weight).item()
    assert row["stable_rank"] == pytest.approx((norm / row["norm"]) ** 2, rel=1e-5)
    assert last in output
