"""Bayes by Backprop: the divergence, the random draws, and the average in evaluation."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from .test_nets import ENTRIES, build

NAMES = ["BayesianNet-1", "BayesianNet-2", "BayesianNet-3"]
# The default of `build`, the smallest value of the range.
PRIOR = Normal(0.0, 0.05)


@pytest.fixture(params=NAMES)
def module(request):
    return ENTRIES[request.param].load()


def gaussians(net):
    """Yield the means and deviations, computed independently of the net."""
    state = net.state_dict()
    for name, mean in state.items():
        if name.endswith(".mean"):
            yield mean, torch.log1p(state[name.removesuffix("mean") + "rho"].exp())


def divergence(net):
    posteriors = (Normal(mean.double(), sigma.double()) for mean, sigma in gaussians(net))
    return sum(kl_divergence(posterior, PRIOR).sum().item() for posterior in posteriors)


@pytest.mark.parametrize("name", NAMES)
def test_the_divergence_equals_that_of_torch_distributions(name):
    net = build(name, size=32)
    assert net.divergence().item() == pytest.approx(divergence(net), rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_has_the_divergence_divided_by_the_samples_of_an_epoch(name):
    net = build(name, size=32)
    outputs, targets = torch.randn(4, 10), torch.tensor([3, 1, 4, 1])
    entropy = functional.cross_entropy(outputs, targets).item()
    for batches in (1, 25):
        net.batches = batches
        expected = entropy + divergence(net) / (batches * 4)
        assert net.loss(outputs, targets).item() == pytest.approx(expected, rel=1e-5)


def test_the_divergence_is_divided_by_the_batches_of_an_epoch():
    net = build("BayesianNet-2", size=32)
    net.train_setup({"lr": 0.0, "optimizer": "adam"})
    epoch = [(torch.randn(2, 3, 32, 32), torch.tensor([0, 1]))] * 5
    mean = net.learn(epoch)
    # The cross-entropies are of random outputs, and far smaller than the divergence.
    assert mean == pytest.approx(divergence(net) / 10, rel=0.02)


def test_outputs_have_the_theoretical_mean_and_variance(module):
    torch.manual_seed(0)
    layer = module.Bayesian(functional.linear, (4, 6), 1, torch.Generator())
    x = torch.randn(6)
    with torch.no_grad():
        drawn = layer(x.repeat(40_000, 1)).numpy()
        mean = (layer.weight.mean @ x + layer.bias.mean).numpy()
        variances = layer.weight.sigma().numpy() ** 2 @ x.numpy() ** 2
        variances += layer.bias.sigma().numpy() ** 2
    deviations = np.sqrt(variances)
    # Five standard errors of a mean; those of a variance are 5 * sqrt(2 / 40,000).
    np.testing.assert_array_less(np.abs(drawn.mean(0) - mean), 5 * deviations / 200)
    np.testing.assert_allclose(drawn.var(0), variances, rtol=0.036)


def test_outputs_have_the_moments_of_random_weights(module):
    """For a convolution, where each weight affects many outputs."""
    torch.manual_seed(0)
    count, shape = 10_000, (2, 3, 3, 3)
    layer = module.Bayesian(functional.conv2d, shape, count, torch.Generator().manual_seed(0))
    image = torch.randn(1, 3, 4, 4)
    with torch.no_grad():
        layer.weight.rho.fill_(-1.0)
        local = layer(image.expand(count, -1, -1, -1))
        weights, biases = layer.weight.drawn(slice(None)), layer.bias.drawn(slice(None))
        drawn = functional.conv2d(image, weights.flatten(0, 1), biases.flatten())
    drawn = drawn.unflatten(1, (count, 2))[0]
    error = (drawn.var(0) / count).sqrt()
    assert ((local.mean(0) - drawn.mean(0)).abs() < 7 * error).all()
    torch.testing.assert_close(local.var(0), drawn.var(0), rtol=0.1, atol=0)


def test_noise_is_independent_of_layer_and_sample(module):
    generator = torch.Generator().manual_seed(0)
    first, second = (module.Gaussian((50, 100), 4, generator).noise for _ in range(2))
    rows = torch.cat([first, second]).flatten(1).double()
    correlations = torch.corrcoef(rows) - torch.eye(8)
    # Five standard errors of 5,000 values.
    assert correlations.abs().max() < 5 / 5_000**0.5
    assert rows.std() == pytest.approx(1, rel=0.02)


def test_evaluation_averages_the_probabilities_of_nets_with_random_weights():
    net = build("BayesianNet-2", size=32).eval()
    plain = nn.Sequential(
        *(nn.Conv2d(3, 6, 5), nn.Softplus(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Softplus(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Softplus(), nn.Linear(120, 84), nn.Softplus(), nn.Linear(84, 10)),
    )
    noises = [noise for name, noise in net.named_buffers() if name.endswith("noise")]
    images, probabilities = torch.randn(3, 3, 32, 32), []
    for sample in range(2):
        with torch.no_grad():
            for given, (mean, sigma), noise in zip(
                plain.parameters(), gaussians(net), noises, strict=True
            ):
                given.copy_(mean + sigma * noise[sample])
            probabilities.append(plain(images).softmax(1))
    expected = torch.stack(probabilities).mean(0)
    assert (probabilities[0] - probabilities[1]).abs().max() > 1e-3
    torch.testing.assert_close(net(images).exp(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_does_not_use_the_global_generator(name):
    images = torch.randn(3, 3, 32, 32)
    net, before = build(name, size=32).eval(), torch.get_rng_state()
    with torch.inference_mode():
        together = net(images)
        assert torch.equal(torch.get_rng_state(), before)
        torch.testing.assert_close(net(images[1:2]), together[1:2], rtol=1e-5, atol=1e-5)
        assert not torch.equal(net.train()(images), net(images))


@pytest.mark.parametrize("name", NAMES)
def test_deviations_of_0_give_a_plain_net(name):
    """Training and evaluation then give the same outputs."""
    net = build(name, size=32)
    for module in net.modules():
        if hasattr(module, "rho"):
            nn.init.constant_(module.rho, -40.0)
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        expected = net.train()(images).log_softmax(1)
        torch.testing.assert_close(net.eval()(images), expected, rtol=1e-4, atol=1e-4)
