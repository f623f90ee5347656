"""ComplexNet's layers compared with the complex arithmetic of numpy and scipy."""

import re

import numpy as np
import pytest
import torch
from scipy import signal, stats
from torch import nn

from .test_nets import ENTRIES, as_trained, build

MODULE = ENTRIES["ComplexNet"].load()


def split(values):
    """Return the real and then the imaginary parts as float32 channels."""
    return torch.cat([values.real, values.imag], dim=1)


def joined(channels):
    real, imaginary = (
        channels.detach()
        .double()
        .numpy()
        .swapaxes(0, 1)
        .reshape(2, -1, *channels.shape[:1], *channels.shape[2:])
    )
    return (real + 1j * imaginary).swapaxes(0, 1)


def correlated(seed=0, count=64):
    """Return complex values whose parts are correlated and differ in mean and variance."""
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, count, 3, 5, 5, generator=generator)
    return torch.complex(2 + first, 3 * second - first - 1)


def norm(momentum=0.1, eps=0.0):
    return MODULE.ComplexNorm(3, eps, momentum)


def covariances(values):
    """Return each channel's mean and 2x2 covariance of real and imaginary parts."""
    rows = values.swapaxes(0, 1).reshape(3, -1)
    parts = np.stack([rows.real, rows.imag], axis=1)
    return parts.mean(2), np.stack([np.cov(part, bias=True) for part in parts])


@pytest.mark.parametrize("stride", [1, 2])
def test_the_convolution_equals_numpys_complex_convolution(stride):
    torch.manual_seed(0)
    layer, values = MODULE.ComplexConv(3, 4, 3, stride), correlated(count=2)
    weight = (layer.real + 1j * layer.imaginary).detach().numpy()
    padded = np.pad(values.numpy(), [(0, 0), (0, 0), (1, 1), (1, 1)])
    # scipy's convolve flips the kernel; its correlate would conjugate it.
    expected = [
        [
            sum(signal.convolve2d(plane, kernel[::-1, ::-1], "valid") for plane, kernel in pairs)
            for pairs in (zip(image, kernels, strict=True) for kernels in weight)
        ]
        for image in padded
    ]
    expected = np.array(expected)[:, :, ::stride, ::stride]
    np.testing.assert_allclose(joined(layer(split(values))), expected, rtol=1e-4, atol=1e-5)


def test_initial_weights_have_rayleigh_magnitudes_and_uniform_phases():
    torch.manual_seed(0)
    layer = MODULE.ComplexConv(24, 24, 3)
    weight = (layer.real + 1j * layer.imaginary).detach().numpy().flatten()
    scale = 1 / np.sqrt(24 * 9)
    assert stats.kstest(np.abs(weight), stats.rayleigh(scale=scale).cdf).pvalue > 0.01
    assert stats.kstest(np.angle(weight), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.01


def test_the_logits_are_the_real_parts_of_a_complex_linear_layer():
    net = build("ComplexNet", size=32).eval()
    seen = []
    net.stages.register_forward_hook(lambda _, __, output: seen.append(output))
    images = torch.randn(2, 3, 32, 32, dtype=torch.complex64)
    logits = net(images).detach().numpy()
    features = joined(seen[0]).mean((2, 3))
    real, minus_imaginary = net.classifier.weight.detach().numpy().reshape(10, 2, 48).swapaxes(0, 1)
    weight = real - 1j * minus_imaginary
    expected = (features @ weight.T).real + net.classifier.bias.detach().numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_whitening_is_the_inverse_square_root_of_the_covariance():
    _, covariance = covariances(correlated().numpy())
    entries = torch.tensor(covariance)[:, [0, 0, 1], [0, 1, 1]].T
    whitening = MODULE.symmetric(MODULE.whitening(entries, 1e-3)).numpy()
    values, vectors = np.linalg.eigh(covariance + 1e-3 * np.eye(2))
    expected = vectors / np.sqrt(values)[:, None] @ vectors.swapaxes(1, 2)
    np.testing.assert_allclose(whitening, expected, rtol=1e-9)


def test_normalised_values_have_mean_0_and_half_the_identity_as_covariance():
    """Each part is initially scaled by 1 / sqrt(2), so that magnitudes have variance 1."""
    outputs = joined(norm().train()(split(correlated())))
    mean, covariance = covariances(outputs)
    np.testing.assert_allclose(mean, np.zeros((3, 2)), atol=1e-5)
    np.testing.assert_allclose(covariance, np.tile(np.eye(2) / 2, (3, 1, 1)), atol=1e-5)


def test_whitened_values_are_scaled_by_a_symmetric_matrix_and_shifted():
    torch.manual_seed(0)
    layer, values = norm(eps=1e-3).train(), correlated()
    nn.init.normal_(layer.scale)
    nn.init.normal_(layer.shift)
    mean, covariance = covariances(values.numpy())
    eigenvalues, vectors = np.linalg.eigh(covariance + 1e-3 * np.eye(2))
    whitening = vectors / np.sqrt(eigenvalues)[:, None] @ vectors.swapaxes(1, 2)
    scale = layer.scale.detach().numpy()[[0, 1, 1, 2]].T.reshape(3, 2, 2)
    parts = np.stack([values.real.numpy(), values.imag.numpy()], axis=-1)
    centred = parts - mean[:, None, None]
    expected = np.einsum("cij,bchwj->bchwi", scale @ whitening, centred)
    expected = expected + layer.shift.detach().numpy().T[:, None, None]
    outputs = joined(layer(split(values)))
    np.testing.assert_allclose(outputs.real, expected[..., 0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(outputs.imag, expected[..., 1], rtol=1e-3, atol=1e-4)


def test_running_statistics_only_change_in_training_by_the_momentum():
    layer, values = norm(momentum=0.3), correlated()
    mean, covariance = covariances(values.numpy())
    layer.eval()(split(values))
    assert (layer.running_mean == 0).all()
    layer.train()(split(values))
    np.testing.assert_allclose(layer.running_mean.T, 0.3 * mean, rtol=1e-4)
    begun = np.array([[1.0], [0.0], [1.0]]) / np.sqrt(2)
    expected = 0.7 * begun + 0.3 * covariance[:, [0, 0, 1], [0, 1, 1]].T
    np.testing.assert_allclose(layer.running_covariance, expected, rtol=1e-4)


def test_evaluation_uses_the_running_statistics():
    layer, values = norm(momentum=1.0), split(correlated())
    expected = layer.train()(values)
    torch.testing.assert_close(layer.eval()(values), expected, rtol=1e-4, atol=1e-4)
    # A single sample, whose own statistics would differ.
    torch.testing.assert_close(layer(values[:1]), expected[:1], rtol=1e-4, atol=1e-4)


def test_norms_use_their_hyperparameters():
    net = build("ComplexNet", size=32)
    norms = [module for module in net.modules() if isinstance(module, MODULE.ComplexNorm)]
    assert {(module.eps, module.momentum) for module in norms} == {(1e-5, 0.01)}
    # One after the stem, and two in each block.
    assert len(norms) == 1 + 2 * 48


def test_both_parts_are_rectified_separately():
    block = MODULE.Block(2, {"eps": 0.0, "momentum": 0.1})
    values = torch.tensor([[3 - 4j, -5 + 6j]]).reshape(1, 2, 1, 1)
    expected = np.array([3 + 0j, 0 + 6j])
    for crelu in (block.body[1], block.body[4]):
        assert np.array_equal(joined(crelu(split(values))).flatten(), expected)


def test_a_doubling_block_puts_the_shortcut_before_the_body_in_both_parts():
    torch.manual_seed(0)
    block = as_trained(MODULE.DoublingBlock(3, {"eps": 1e-3, "momentum": 0.1}))
    values = split(correlated(count=2))
    shortcut, body = joined(block.shortcut(values)), joined(block.body(values))
    expected = np.concatenate([shortcut, body], axis=1)
    assert expected.shape == (2, 6, 3, 3)
    np.testing.assert_allclose(joined(block(values)), expected, rtol=1e-6)


def test_rotating_the_images_phase_rotates_the_stems_map():
    """Complex linearity: only norms and rectifiers break it."""
    net = build("ComplexNet", size=32)
    images = torch.randn(2, 3, 32, 32, dtype=torch.complex64)
    turn = np.exp(0.7j)
    outputs, rotated = (joined(net.stem[0](split(inputs))) for inputs in (images, images * turn))
    np.testing.assert_allclose(rotated, outputs * turn, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_parameter_has_a_finite_gradient(channels):
    net = build("ComplexNet", channels=channels, size=32).train()
    images = torch.randn(4, channels, 32, 32, dtype=torch.complex64)
    net.loss(net(images), torch.tensor([0, 1, 2, 3])).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_real_images_are_refused():
    message = (
        "ComplexNet: given images of torch.float32; expected torch.complex64, "
        "as the transform complex_32 gives them"
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        build("ComplexNet", size=32)(torch.randn(2, 3, 32, 32))
