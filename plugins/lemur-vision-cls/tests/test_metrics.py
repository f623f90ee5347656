import math

import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    mean_absolute_error,
    root_mean_squared_error,
    top_k_accuracy_score,
)
from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError

from lemur_core.errors import LabelError, ShapeError
from lemur_core.kinds.metric import metric_of
from lemur_core.registry import installed
from lemur_vision_cls.metrics.accuracy import acc, acc5
from lemur_vision_cls.metrics.calibration import Calibration
from lemur_vision_cls.metrics.class_distance import MeanAbsoluteError, RootMeanSquaredError
from lemur_vision_cls.metrics.f1 import MacroF1

CLASSES = 7


@pytest.fixture
def drawn():
    """Return outputs and targets; the last class is neither predicted nor true."""
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(100, CLASSES, generator=generator)
    outputs[:, -1] = -9
    return outputs, torch.randint(0, CLASSES - 1, (100,), generator=generator)


def computed(metric, outputs, targets):
    for rows in torch.arange(len(targets)).split(17):
        metric.update(outputs[rows], targets[rows])
    return float(metric.compute())


@pytest.mark.parametrize(
    ("make", "theirs"),
    [
        (acc, lambda o, t: accuracy_score(t, o.argmax(1))),
        (acc5, lambda o, t: top_k_accuracy_score(t, o, k=5, labels=range(CLASSES))),
        (MacroF1, lambda o, t: f1_score(t, o.argmax(1), average="macro")),
        (Calibration, lambda o, t: 1 - expected_calibration_error(o, t)),
        (MeanAbsoluteError, lambda o, t: mean_absolute_error(t, o.argmax(1))),
        (RootMeanSquaredError, lambda o, t: root_mean_squared_error(t, o.argmax(1))),
    ],
)
def test_scores_equal_scikit_learns_and_the_papers_in_any_batches(make, theirs, drawn):
    assert computed(make((CLASSES,)), *drawn) == pytest.approx(theirs(*drawn), abs=1e-6)


@pytest.mark.parametrize(("make", "top"), [(acc, 1), (acc5, 5)])
def test_accuracy_equals_torchmetrics(make, top, drawn):
    theirs = MulticlassAccuracy(CLASSES, top_k=top, average="micro")
    assert computed(make((CLASSES,)), *drawn) == pytest.approx(float(theirs(*drawn)), abs=1e-6)


@pytest.mark.parametrize("make", [acc, MeanAbsoluteError, RootMeanSquaredError])
def test_a_metric_without_images_is_nan(make):
    assert math.isnan(make((2,)).compute())


def expected_calibration_error(outputs, targets, bins=15):
    """Guo et al. 2017, equation 3: bins of equal width, open at their lower end."""
    sure, predicted = outputs.double().softmax(1).max(1)
    error = 0.0
    for index in range(bins):
        inside = (sure > index / bins) & (sure <= (index + 1) / bins)
        if inside.any():
            hits = (predicted == targets)[inside].double().mean()
            error += inside.double().mean() * (hits - sure[inside].mean()).abs()
    return float(error)


def test_logits_between_0_and_1_are_not_taken_for_probabilities():
    outputs, targets = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    sure = outputs.softmax(1)[0, 0].item()
    assert computed(Calibration((2,)), outputs, targets) == pytest.approx(sure)


@pytest.mark.parametrize("make", [acc, acc5, MacroF1, Calibration])
@pytest.mark.parametrize(
    ("outputs", "targets"),
    [((2, 3), (2,)), ((2, 5), (3,)), ((2, 5), (2, 1)), ((2, 5), ()), ((5,), (1,))],
)
def test_shapes_that_do_not_match_are_an_error(make, outputs, targets):
    with pytest.raises(ShapeError) as caught:
        make((5,)).update(torch.zeros(outputs), torch.zeros(targets))
    assert str(caught.value) == (
        f"a score of outputs {outputs} and targets {targets}: expected (batch, 5) and (batch,)"
    )


def test_acc5_of_three_classes_is_an_error():
    with pytest.raises(ShapeError) as caught:
        acc5((3,))
    assert str(caught.value) == "acc5 needs at least 5 classes; the dataset has 3"


@pytest.mark.parametrize("make", [acc, acc5, MacroF1, Calibration])
@pytest.mark.parametrize("value", [-1, 5])
def test_a_target_that_is_not_a_class_is_an_error(make, value):
    with pytest.raises(LabelError) as caught:
        make((5,)).update(torch.zeros(3, 5), torch.tensor([0, value, 4]))
    assert str(caught.value) == f"a target is of class {value}; expected 0 to 4"


def test_calibration_is_a_score_although_torchmetrics_has_it_as_an_error():
    assert MulticlassCalibrationError.higher_is_better is False
    assert metric_of(installed().get("metric", "ece"), (CLASSES,))
