"""Weights of classes in the loss, for classes of different sizes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from torch.nn.functional import cross_entropy

import lemur_core
from lemur_core import data
from lemur_core.composition import compose
from lemur_core.errors import LabelError, MisfitError, PluginError, SettingsError
from lemur_core.kinds.loader import InMemory
from lemur_core.kinds.net import Classifier, optional_method
from lemur_core.pattern import Pattern
from lemur_core.settings import Settings
from lemur_core.train.class_weights import balanced, weigh_classes
from lemur_core.train.data import Bundles
from lemur_core.train.training import Training
from lemur_core.train.validation_loss import ValidationLoss
from lemur_core.trial import State, Trial

LINEAR = "img-classification_blobs_hits_Linear"
PRM = {"lr": 0.05, "batch": 16, "transform": "plain", "momentum": 0.9, "width": 2}
CPU = torch.device("cpu")
OWN_LOSS = """
from lemur_toy.nets.Linear import Net as Linear, supported_hyperparameters

class Net(Linear):
    def loss(self, outputs, targets):
        return super().loss(2 * outputs, targets)
"""


@pytest.fixture
def trial(toys):
    [pipeline] = compose(toys, [Pattern.parse(LINEAR)])
    prm = PRM | {"optimizer": "sgd", "scheduler": "constant", "class_weights": "balanced"}
    return Trial(pipeline, 1, prm, 3, 1)


@pytest.fixture
def uneven(trial, tmp_path):
    """Data of which the first class has an eighth of the training samples of the second."""
    bundle = Bundles(tmp_path).get(trial.pipeline)
    targets = bundle.train.targets
    kept = torch.cat([(targets == 0).nonzero()[:3], (targets == 1).nonzero()[:24]]).flatten()
    return replace(bundle, train=InMemory(bundle.train.inputs[kept], targets[kept]))


class Net(Classifier):
    def __init__(self):
        super().__init__((), (3,), {}, CPU)

    def forward(self, images):
        return images


class Files:
    """Samples that are not in memory."""

    def __init__(self, targets):
        self.targets = targets

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        pytest.fail("the sample is read")


def of_sklearn(targets):
    classes = np.unique(targets)
    return compute_class_weight("balanced", classes=classes, y=np.asarray(targets))


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_those_of_scikit_learn(seed):
    drawn = torch.Generator().manual_seed(seed)
    probabilities = torch.tensor([0.6, 0.3, 0.07, 0.03])
    targets = torch.multinomial(probabilities, 400, True, generator=drawn)
    np.testing.assert_allclose(balanced(targets.bincount()), of_sklearn(targets), rtol=1e-6)


def test_a_class_without_samples_weighs_1():
    targets = torch.tensor([0, 0, 0, 2])
    first, last = of_sklearn(targets)
    assert balanced(targets.bincount(minlength=4)).tolist() == pytest.approx([first, 1, last, 1])


def test_pixels_are_weighed_and_ignored_ones_left_out(trial, uneven):
    class Masks:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return torch.zeros(1, 1, 3), torch.tensor([[[0, 0, -100]], [[1, 0, 0]]][index])

    masks = InMemory(torch.zeros(2, 1, 1, 3), torch.stack([Masks()[0][1], Masks()[1][1]]))
    for samples in (Masks(), masks):
        net = Net()
        weigh_classes(net, replace(uneven, train=samples), trial)
        assert net.class_weights.tolist() == pytest.approx(of_sklearn([0, 0, 1, 0, 0]))


def test_training_and_validation_use_the_weights(trial, uneven, tmp_path):
    training = Training(trial, uneven)
    net = training.net
    weights = torch.tensor(of_sklearn(uneven.train.targets)).float()
    assert net.class_weights.tolist() == pytest.approx([4.5, 0.5625])
    inputs, targets = training.transform(uneven.train.inputs), uneven.train.targets
    expected = cross_entropy(net(inputs), targets, weights)
    assert net.batch_loss(inputs, targets).item() == pytest.approx(expected.item())
    [epoch] = training.epochs()
    split = uneven.validation
    with torch.no_grad():
        outputs = net.eval()(training.transform(split.inputs))
    expected = cross_entropy(outputs, split.targets, weights)
    assert epoch.validation_loss == pytest.approx(expected.item())


def test_the_validation_loss_is_weighted_over_the_split():
    torch.manual_seed(0)
    net, weights = Net(), torch.tensor([0.5, 2.0, 5.0])
    outputs, targets = torch.randn(10, 3, 4), torch.randint(3, (10, 4))
    targets[2:5] = -100
    net.weigh_classes(weights)
    loss = ValidationLoss(net)
    for part in (slice(0, 4), slice(4, 5), slice(5, 10)):
        loss.record(outputs[part], targets[part])
    expected = cross_entropy(outputs.double(), targets, weights.double()).item()
    assert loss.mean() == pytest.approx(expected, rel=1e-6)


def test_samples_that_are_files_are_not_read(trial, uneven):
    net = Net()
    weigh_classes(net, replace(uneven, train=Files([0, 0, 0, 1])), trial)
    assert net.class_weights.tolist() == pytest.approx(of_sklearn([0, 0, 0, 1]))
    with pytest.raises(LabelError, match="is of class 2; expected 0 to 1"):
        weigh_classes(net, replace(uneven, train=Files([0, 2])), trial)


@pytest.mark.parametrize("target", [torch.zeros(2, 2), {"boxes": torch.zeros(1, 4)}])
def test_data_without_classes_is_reported(trial, uneven, target):
    samples = [(torch.zeros(1, 2, 2), target)]
    with pytest.raises(MisfitError) as caught:
        weigh_classes(Net(), replace(uneven, train=samples), trial)
    assert str(caught.value) == (
        "dataset 'blobs': its targets are not classes, so none can be weighed"
    )


def test_a_campaign_with_class_weights_trains_other_trials(toys, tmp_path):
    settings = {"points": [PRM], "epochs": 1, "threads": 1, "in_process": True}
    settings["db"] = str(tmp_path / "results.db")

    def run(**more):
        return lemur_core.run(LINEAR, **settings, **more).states

    assert run() == {State.FINISHED: 1}
    assert run(class_weights="balanced") == {State.FINISHED: 1}
    assert not run(class_weights="balanced")
    assert [prm.get("class_weights") for prm in data(db=settings["db"])["prm"]] == [
        None, "balanced",
    ]  # fmt: skip


def test_a_net_with_its_own_loss_is_refused(toys, tmp_path):
    file = tmp_path / "Own.py"
    file.write_text(OWN_LOSS)
    settings = {"net": str(file), "dataset": "blobs", "metric": "hits", "points": [PRM]}
    with pytest.raises(PluginError) as caught:
        lemur_core.run(class_weights="balanced", db=str(tmp_path / "results.db"), **settings)
    assert str(caught.value) == (
        "net 'Own' does not take class weights: it has a loss of its own, and no method "
        "weigh_classes()"
    )
    assert not (tmp_path / "results.db").exists()


def test_a_net_that_takes_weights_in_its_own_loss_says_so():
    class Silent(Net):
        def loss(self, outputs, targets):
            return outputs.sum()

    class Own(Silent):
        def weigh_classes(self, weights):
            super().weigh_classes(weights)

    assert optional_method(Silent, "weigh_classes") is None
    assert optional_method(Own, "weigh_classes") is Own.weigh_classes
    assert optional_method(nn.Linear, "weigh_classes") is None


def test_other_weights_are_refused():
    with pytest.raises(SettingsError) as caught:
        Settings.of({"class_weights": "even"})
    assert str(caught.value) == "class_weights is 'even'; expected balanced"
