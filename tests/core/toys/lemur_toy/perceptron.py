"""A perceptron with one hidden layer in plain NumPy, as a net of another framework than torch.

It has what such a net can have: parameters, a buffer, an optimizer, a counter, and a generator of
its own for dropout.
"""

import numpy as np
import torch


def supported_hyperparameters():
    return {"lr": "1e-2..1e-1 log", "momentum": "0.5..0.9", "width": "4..8 int"}


class Net:
    def __init__(self, in_shape, out_shape, prm, device):
        draws = np.random.default_rng(torch.initial_seed())
        features, width, (classes,) = int(np.prod(in_shape)), prm["width"], out_shape
        self.weights = {
            "hidden.weight": _drawn(draws, features, width),
            "hidden.bias": np.zeros(width, np.float32),
            "head.weight": _drawn(draws, width, classes),
            "head.bias": np.zeros(classes, np.float32),
        }
        self.mean = np.zeros(features, np.float32)
        self.training = False

    def train_setup(self, prm):
        self.lr, self.momentum, self.steps = prm["lr"], prm["momentum"], 0
        self.velocity = {name: np.zeros_like(value) for name, value in self.weights.items()}
        self.draws = np.random.default_rng(torch.initial_seed())

    def __call__(self, inputs):
        return torch.from_numpy(self._forward(_flat(inputs))[-1])

    def learn(self, train_data):
        total = count = 0
        for inputs, targets in train_data:
            total += self._step(_flat(inputs), targets.numpy()) * len(inputs)
            count += len(inputs)
        return total / count

    def validation_loss(self, outputs, targets):
        return float(_cross_entropy(outputs.numpy(), targets.numpy())[0])

    def train(self):
        self.training = True

    def eval(self):
        self.training = False

    def parameter_arrays(self):
        return self.weights

    def buffer_arrays(self):
        return {"mean": self.mean}

    def load_arrays(self, arrays):
        self.weights = {name: arrays[name].copy() for name in self.weights}
        self.mean = arrays["mean"].copy()

    def training_state(self):
        return {
            "velocity": self.velocity,
            "steps": self.steps,
            "draws": self.draws.bit_generator.state,
        }

    def load_training_state(self, state):
        self.velocity = {name: value.copy() for name, value in state["velocity"].items()}
        self.steps, self.draws.bit_generator.state = state["steps"], state["draws"]

    def _forward(self, images):
        centred = images - self.mean
        hidden = np.tanh(centred @ self.weights["hidden.weight"] + self.weights["hidden.bias"])
        if self.training:
            hidden = hidden * (self.draws.random(hidden.shape, np.float32) < 0.9)
        logits = hidden @ self.weights["head.weight"] + self.weights["head.bias"]
        return centred, hidden, logits

    def _step(self, images, targets):
        self.steps += 1
        self.mean += (images.mean(0) - self.mean) / self.steps
        centred, hidden, logits = self._forward(images)
        loss, slope = _cross_entropy(logits, targets)
        below = slope @ self.weights["head.weight"].T * (1 - hidden**2)
        gradients = {
            "hidden.weight": centred.T @ below,
            "hidden.bias": below.sum(0),
            "head.weight": hidden.T @ slope,
            "head.bias": slope.sum(0),
        }
        for name, gradient in gradients.items():
            self.velocity[name] = self.momentum * self.velocity[name] + gradient
            self.weights[name] = self.weights[name] - np.float32(self.lr) * self.velocity[name]
        return float(loss)


def _drawn(draws, inputs, outputs):
    return (draws.standard_normal((inputs, outputs)) / np.sqrt(inputs)).astype(np.float32)


def _flat(images):
    return images.flatten(1).numpy()


def _cross_entropy(logits, targets):
    """Return the mean cross-entropy and its gradient with respect to the logits."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    probabilities, rows = shifted / shifted.sum(1, keepdims=True), np.arange(len(targets))
    loss = -np.log(probabilities[rows, targets]).mean()
    probabilities[rows, targets] -= 1
    return loss, probabilities / len(targets)
