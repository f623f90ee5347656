"""ComplexNet: a residual net of complex weights, wide and shallow, for complex images.

Trabelsi, Bilaniuk, Zhang, Serdyuk, Subramanian, Santos, Mehri, Rostamzadeh, Bengio, Pal: Deep
Complex Networks, ICLR 2018 (section 4.1, WS: 12 complex filters, 16 blocks to a stage, CReLU).
Input is complex64 of shape ``(batch, channels, height, width)``, so that the block which learns an
imaginary part for real images is left out. Inside, the first half of the channels are the real
parts and the second half the imaginary ones, as in the paper's figure 1.
1,680,262 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn.functional import conv2d

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING | {"norm_eps": "1e-5..1e-3 log", "norm_momentum": "0.01..0.2"}


class ComplexConv(nn.Module):
    """A complex convolution without bias: (A + iB) * (x + iy) = (A*x - B*y) + i(B*x + A*y).

    Section 3.6: magnitudes from a Rayleigh distribution by He's criterion, phases uniform.
    """

    def __init__(self, channels_in, channels, kernel, stride=1):
        super().__init__()
        self.stride, self.padding = stride, kernel // 2
        fan_in = channels_in * kernel**2
        shape = (channels, channels_in, kernel, kernel)
        # Of variance 1 / fan_in each: magnitude and phase are then as the paper draws them.
        self.real = nn.Parameter(torch.randn(shape) / fan_in**0.5)
        self.imaginary = nn.Parameter(torch.randn(shape) / fan_in**0.5)

    def forward(self, x):
        upper = torch.cat([self.real, -self.imaginary], dim=1)
        lower = torch.cat([self.imaginary, self.real], dim=1)
        return conv2d(x, torch.cat([upper, lower]), None, self.stride, self.padding)


def whitening(covariance, eps):
    """Return the inverse square root of each channel's covariance, shape ``(3, channels)``.

    The square root of a 2x2 matrix V is (V + sI) / t, where s is the root of V's determinant and t
    that of its trace plus 2s; its determinant is s.
    """
    rr, ri, ii = covariance
    rr, ii = rr + eps, ii + eps
    s = (rr * ii - ri * ri).sqrt()
    t = (rr + ii + 2 * s).sqrt()
    return torch.stack([ii + s, -ri, rr + s]) / (s * t)


def symmetric(entries):
    """Return matrices of shape ``(channels, 2, 2)`` from their three different entries."""
    rr, ri, ii = entries
    return torch.stack([rr, ri, ri, ii], dim=1).unflatten(1, (2, 2))


class ComplexNorm(nn.Module):
    """Complex batch normalisation (section 3.5): whitened, then scaled by a symmetric 2x2 matrix.

    Each channel's real and imaginary parts are multiplied by the inverse square root of their
    covariance. Scales and covariances are kept as (real-real, real-imaginary, imaginary-imaginary).
    """

    def __init__(self, channels, eps, momentum):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        unit = torch.tensor([[1.0], [0.0], [1.0]]) / 2**0.5
        self.scale = nn.Parameter(unit.repeat(1, channels))
        self.shift = nn.Parameter(torch.zeros(2, channels))
        self.register_buffer("running_mean", torch.zeros(2, channels))
        self.register_buffer("running_covariance", unit.repeat(1, channels))

    def forward(self, x):
        parts = x.unflatten(1, (2, -1))
        if self.training:
            mean, covariance = self.observe(parts)
        else:
            mean, covariance = self.running_mean, self.running_covariance
        mix = symmetric(self.scale) @ symmetric(whitening(covariance, self.eps))
        shift = self.shift - (mix @ mean.T[..., None])[..., 0].T
        (rr, ri), (ir, ii) = mix.permute(1, 2, 0)[..., None, None]
        real, imaginary = parts.unbind(1)
        mixed = [rr * real + ri * imaginary, ir * real + ii * imaginary]
        return (torch.stack(mixed, dim=1) + shift[..., None, None]).flatten(1, 2)

    def observe(self, parts):
        """Return the batch's mean and covariance, and move the running ones towards them."""
        mean = parts.mean((0, 3, 4))
        real, imaginary = (parts - mean[..., None, None]).unbind(1)
        products = (real * real, real * imaginary, imaginary * imaginary)
        covariance = torch.stack([product.mean((0, 2, 3)) for product in products])
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_covariance.lerp_(covariance, self.momentum)
        return mean, covariance


class Block(nn.Module):
    """Normalise, rectify both parts (CReLU) and convolve, twice; beside a shortcut."""

    def __init__(self, channels, norm, stride=1):
        super().__init__()
        self.body = nn.Sequential(
            ComplexNorm(channels, **norm),
            nn.ReLU(inplace=True),
            ComplexConv(channels, channels, 3, stride),
            ComplexNorm(channels, **norm),
            nn.ReLU(inplace=True),
            ComplexConv(channels, channels, 3),
        )

    def forward(self, x):
        return x + self.body(x)


class DoublingBlock(Block):
    """Halves the resolution; its shortcut, projected, is put before the body's channels."""

    def __init__(self, channels, norm):
        super().__init__(channels, norm, stride=2)
        self.shortcut = ComplexConv(channels, channels, 1, stride=2)

    def forward(self, x):
        both = self.shortcut(x), self.body(x)
        # Real parts of both, then imaginary parts of both.
        return torch.cat([part.unflatten(1, (2, -1)) for part in both], dim=2).flatten(1, 2)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        norm = {"eps": prm["norm_eps"], "momentum": prm["norm_momentum"]}
        self.stem = nn.Sequential(
            ComplexConv(in_shape[1], 12, 3), ComplexNorm(12, **norm), nn.ReLU(inplace=True)
        )
        self.stages = nn.Sequential(
            *(Block(12, norm) for _ in range(16)),
            *(DoublingBlock(12, norm), *(Block(24, norm) for _ in range(15))),
            *(DoublingBlock(24, norm), *(Block(48, norm) for _ in range(15))),
        )
        # Real: its weights for the real and the imaginary parts are a complex weight's.
        self.classifier = nn.Linear(2 * 48, out_shape[0])

    def forward(self, images):
        if not images.is_complex():
            raise TypeError(
                f"ComplexNet: given images of {images.dtype}; expected torch.complex64, "
                "as the transform complex_32 gives them"
            )
        x = self.stages(self.stem(torch.cat([images.real, images.imag], dim=1)))
        return self.classifier(x.mean((2, 3)))
