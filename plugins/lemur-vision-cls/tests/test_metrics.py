import math

import pytest
import torch
from sklearn.metrics import accuracy_score

from lemur_core.errors import ShapeError
from lemur_vision_cls.metrics.acc import Accuracy


def test_accuracy_is_scikit_learns_however_it_is_batched():
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(100, 5, generator=generator)
    targets = torch.randint(0, 5, (100,), generator=generator)
    metric = Accuracy((5,))
    for rows in torch.arange(100).split(17):
        metric.update(outputs[rows], targets[rows])
    assert metric.compute() == accuracy_score(targets, outputs.argmax(1))


def test_a_reset_forgets_everything():
    metric = Accuracy((2,))
    metric.update(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    metric.reset()
    metric.update(torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    assert metric.compute() == 1.0


def test_without_an_image_there_is_no_score():
    assert math.isnan(Accuracy((2,)).compute())


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [((2, 3), (2,)), ((2, 5), (3,)), ((2, 5), (2, 1)), ((2, 5), ()), ((5,), (1,))],
)
def test_shapes_that_do_not_go_together_are_said(outputs, targets):
    with pytest.raises(ShapeError) as caught:
        Accuracy((5,)).update(torch.zeros(outputs), torch.zeros(targets))
    assert str(caught.value) == (
        f"accuracy of outputs {outputs} and targets {targets}: expected (batch, 5) and (batch,)"
    )
