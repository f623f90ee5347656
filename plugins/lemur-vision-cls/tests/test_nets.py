"""Each net compared with an independent implementation."""

import pytest
import torch

from lemur_core.kinds.net import as_net
from lemur_core.space import net_space
from lemur_core.values import smallest
from lemur_vision_cls.plugin import lemur_register_nets

from .references import REFERENCES

ENTRIES = {entry.name: entry for entry in lemur_register_nets()}
# Nets that no other library has; they are tested in test_papers.py, test_bayesian.py and
# test_complex.py.
ALONE = {
    *("BayesianNet-1", "BayesianNet-2", "BayesianNet-3"),
    *("CNN-M", "CNN-S", "ComplexNet", "UNet2D"),
}


def build(name, *, channels=3, size=64, classes=10, seed=0):
    module = as_net(ENTRIES[name].load(), name)
    prm = smallest(net_space(module.hyperparameters()))
    if name in REFERENCES:
        prm |= REFERENCES[name].prm
    torch.manual_seed(seed)
    return module.net((1, channels, size, size), (classes,), prm, torch.device("cpu"))


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


def as_trained(net):
    """Give layers statistics and weights as after training, because fresh ones hide errors.

    Scales and biases that are initialised to 0 or 1 are changed too, whatever the layer.
    """
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    for parameter in net.parameters():
        if parameter.numel() > 1 and (parameter == parameter.flatten()[0]).all():
            torch.nn.init.uniform_(parameter, 0.1, 0.9)
    return net.eval()


def test_every_net_is_tested():
    assert set(ENTRIES) == set(REFERENCES) | ALONE


@pytest.mark.parametrize("name", REFERENCES)
def test_outputs_equal_the_references_with_the_same_weights(name):
    reference = REFERENCES[name]
    torch.manual_seed(1)
    theirs = as_trained(reference.build(10))
    ours = build(name, size=reference.size).eval()
    tensors, state = reference.state(theirs.state_dict()), ours.state_dict()
    assert [value.shape for value in tensors] == [value.shape for value in state.values()]
    ours.load_state_dict(dict(zip(state, tensors, strict=True)))
    for size in reference.sizes:
        images = torch.randn(2, 3, size, size)
        with torch.inference_mode():
            expected = theirs(images)
            assert expected.std() > 1e-3, "whatever the image, the outputs are nearly the same"
            torch.testing.assert_close(ours(images), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", REFERENCES)
def test_the_parameter_count_equals_the_published_one(name):
    with torch.device("meta"):
        count = parameters(build(name, size=REFERENCES[name].size))
    assert count == pytest.approx(REFERENCES[name].millions * 1e6, abs=0.005e6)
    assert f"{count:,} parameters for 3 channels" in ENTRIES[name].load().__doc__


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("classes", [10, 1000])
def test_the_parameter_count_equals_the_references(name, classes):
    reference = REFERENCES[name]
    with torch.device("meta"):
        theirs = reference.build(classes)
        ours = build(name, size=reference.size, classes=classes)
    assert parameters(ours) == parameters(theirs)
