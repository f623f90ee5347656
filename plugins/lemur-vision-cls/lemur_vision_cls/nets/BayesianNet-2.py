"""LeNet-5 with a Gaussian posterior for each weight.

Shridhar, Laumann, Liwicki: A Comprehensive Guide to Bayesian Convolutional Neural Network with
Variational Inference, 2019 (LeNet-5, as its code has it: softplus, max pooling).
Bayes by Backprop: Blundell, Cornebise, Kavukcuoglu, Wierstra: Weight Uncertainty in Neural
Networks, ICML 2015. In training all layers use the local reparametrisation trick (Kingma, Salimans,
Welling: Variational Dropout and the Local Reparameterization Trick, NeurIPS 2015): outputs are
drawn, not weights. In evaluation weights are drawn, the same in each call, and the probabilities
are averaged. The last pooling changes nothing at 32x32 pixels.
124,012 parameters for 3 channels and 10 classes, a mean and a deviation for each weight.
"""

import math
from functools import partial

import torch
from torch import nn
from torch.nn.functional import conv2d, linear, log_softmax, softplus

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    # At rho = -5 softplus is nearly flat: by SGD the deviations would hardly move.
    return TRAINING | {
        "optimizer": "adam",
        "lr": "3e-4..1e-2 log",
        "prior_sigma": "0.05..1 log",
        "samples": "2..16 int",
    }


class Gaussian(nn.Module):
    """Weights, each with a posterior of its own: normal, of deviation log(1 + exp(rho)).

    Attributes:
        noise: What evaluation draws, shape ``(samples, *shape)``.
    """

    def __init__(self, shape, samples, generator):
        super().__init__()
        self.mean = nn.Parameter(0.1 * torch.randn(shape))
        self.rho = nn.Parameter(0.1 * torch.randn(shape) - 5)
        noise = torch.randn(samples, *shape, generator=generator)
        # Not part of the state: it is drawn alike for each net.
        self.register_buffer("noise", noise, persistent=False)

    def sigma(self):
        return softplus(self.rho)

    def drawn(self, sample):
        return self.mean + self.sigma() * self.noise[sample]

    def divergence(self, prior_sigma):
        """Return the Kullback-Leibler divergence from a normal prior around 0, summed."""
        variances, prior = self.sigma().square(), prior_sigma**2
        ratios = (variances + self.mean.square()) / prior
        return (ratios - (variances / prior).log() - 1).sum() / 2


class Bayesian(nn.Module):
    """A layer ``function(inputs, weight, bias)`` that is linear in its Gaussian weights."""

    def __init__(self, function, shape, samples, generator):
        super().__init__()
        self.function = function
        self.weight = Gaussian(shape, samples, generator)
        self.bias = Gaussian(shape[:1], samples, generator)

    def forward(self, x, sample=None):
        """Draw the outputs, or compute them by the given sample of the weights."""
        if sample is not None:
            return self.function(x, self.weight.drawn(sample), self.bias.drawn(sample))
        mean = self.function(x, self.weight.mean, self.bias.mean)
        variances = self.weight.sigma().square(), self.bias.sigma().square()
        return mean + self.function(x.square(), *variances).sqrt() * torch.randn_like(mean)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.samples, self.prior_sigma = prm["samples"], prm["prior_sigma"]
        self.batches = 1
        drawn = self.samples, torch.Generator().manual_seed(0)

        def conv(channels_in, channels, kernel, **geometry):
            shape = (channels, channels_in, kernel, kernel)
            return Bayesian(partial(conv2d, **geometry), shape, *drawn)

        def dense(features_in, features):
            return Bayesian(linear, (features, features_in), *drawn)

        self.layers = nn.Sequential(
            conv(in_shape[1], 6, 5),
            nn.Softplus(),
            nn.MaxPool2d(2),
            conv(6, 16, 5),
            nn.Softplus(),
            nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(5),
            nn.Flatten(),
            dense(16 * 5 * 5, 120),
            nn.Softplus(),
            dense(120, 84),
            nn.Softplus(),
            dense(84, out_shape[0]),
        )

    def logits(self, images, sample=None):
        x = images
        for layer in self.layers:
            x = layer(x, sample) if isinstance(layer, Bayesian) else layer(x)
        return x

    def forward(self, images):
        """Return logits; in evaluation the logarithms of the averaged probabilities."""
        if self.training:
            return self.logits(images)
        logits = torch.stack([self.logits(images, sample) for sample in range(self.samples)])
        return log_softmax(logits, dim=2).logsumexp(0) - math.log(self.samples)

    def divergence(self):
        gaussians = (module for module in self.modules() if isinstance(module, Gaussian))
        return sum(gaussian.divergence(self.prior_sigma) for gaussian in gaussians)

    def loss(self, outputs, targets):
        """Return the mean cross-entropy + KL / (M B), where an epoch has M batches of B samples.

        It is equation 8 with equal shares of the divergence, divided by the samples of a batch.
        """
        return super().loss(outputs, targets) + self.divergence() / (self.batches * len(targets))

    def learn(self, train_data):
        self.batches = len(train_data)
        return super().learn(train_data)
