"""The metrics compared with scikit-learn's on the same pixels."""

import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, jaccard_score
from torch.nn.functional import one_hot

from lemur_core.errors import LabelError, ShapeError
from lemur_core.kinds.loader import IGNORED
from lemur_seg.metrics.confusion import Dice, MeanIoU, PixelAccuracy

CLASSES = 6


def drawn(seed, share_ignored=0.1, classes=CLASSES):
    """Return outputs and targets of three images with two thirds of the pixels right."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, classes, (3, 7, 9), generator=generator)
    wrong = torch.randint(0, classes, targets.shape, generator=generator)
    predicted = torch.where(torch.rand(targets.shape, generator=generator) < 2 / 3, targets, wrong)
    targets[torch.rand(targets.shape, generator=generator) < share_ignored] = IGNORED
    return one_hot(predicted, CLASSES).movedim(-1, 1).float(), targets


def score(metric, *batches):
    instance = metric((CLASSES,))
    for outputs, targets in batches:
        instance.update(outputs, targets)
    return float(instance.compute())


def pixels(*batches):
    predicted = torch.cat([outputs.argmax(1).flatten() for outputs, _ in batches])
    true = torch.cat([targets.flatten() for _, targets in batches])
    return true[true != IGNORED].numpy(), predicted[true != IGNORED].numpy()


REFERENCES = {
    MeanIoU: lambda true, predicted: jaccard_score(true, predicted, average="macro"),
    Dice: lambda true, predicted: f1_score(true, predicted, average="macro"),
    PixelAccuracy: accuracy_score,
}


@pytest.mark.parametrize("metric", REFERENCES)
@pytest.mark.parametrize("seed", range(5))
def test_the_score_equals_scikit_learns_over_all_pixels(metric, seed):
    batches = [drawn(seed), drawn(seed + 100, share_ignored=0.5)]
    expected = REFERENCES[metric](*pixels(*batches))
    assert score(metric, *batches) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("metric", REFERENCES)
def test_absent_classes_do_not_count(metric):
    batch = drawn(0, classes=3)
    assert score(metric, batch) == pytest.approx(REFERENCES[metric](*pixels(batch)), abs=1e-9)


def test_the_score_is_not_the_mean_of_the_batches():
    batches = [drawn(1), drawn(2, classes=2)]
    of_each = sum(score(MeanIoU, batch) for batch in batches) / 2
    assert score(MeanIoU, *batches) != pytest.approx(of_each, abs=1e-3)


@pytest.mark.parametrize("metric", REFERENCES)
def test_ignored_pixels_do_not_change_the_score(metric):
    outputs, targets = drawn(3)
    changed = outputs.clone()
    changed[:, 0][targets == IGNORED] = 9.0
    assert score(metric, (changed, targets)) == score(metric, (outputs, targets))


@pytest.mark.parametrize("metric", REFERENCES)
def test_the_score_is_0_if_all_pixels_are_ignored(metric):
    outputs, targets = drawn(4)
    assert score(metric, (outputs, torch.full_like(targets, IGNORED))) == 0


@pytest.mark.parametrize("metric", REFERENCES)
def test_outputs_of_another_size_are_refused(metric):
    outputs, targets = drawn(5)
    with pytest.raises(ShapeError, match=r"outputs \(3, 6, 7, 8\) for targets \(3, 7, 9\)"):
        score(metric, (outputs[..., 1:], targets))


@pytest.mark.parametrize("metric", REFERENCES)
@pytest.mark.parametrize("value", [-200, -1, 6, 7, 255])
def test_a_pixel_without_a_valid_class_is_refused(metric, value):
    outputs, targets = drawn(6)
    targets[-1, 2, 3] = value
    # Whatever is predicted: the bins of two values that are not classes are adjacent.
    for predicted in range(outputs.shape[1]):
        outputs[-1, :, 2, 3] = torch.arange(outputs.shape[1]) == predicted
        with pytest.raises(LabelError) as caught:
            score(metric, (outputs, targets))
        assert str(caught.value) == (
            f"a target has a pixel of class {value}; expected 0 to 5, or {IGNORED} for pixels "
            "to ignore"
        )
