"""Each layer's functions give what PyTorch gives, in every lane."""

import ctypes

import numpy as np
import pytest
import torch

from lemur_zoo.engine.lanes.engine import REGISTERS, aligned, lanes_here
from lemur_zoo.engine.lanes.program import assemble
from lemur_zoo.layers import Activation, Conv, Dropout, Linear, MaxPool
from lemur_zoo.modules import net_of

try:
    LANES = lanes_here()
except ValueError as error:
    pytest.skip(str(error), allow_module_level=True)


def call(address, *arrays):
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(arrays))(int(address))
    function(*(array.ctypes.data for array in arrays))


class Compiled:
    """Layers whose functions are called here, with the numbers of each lane in a column."""

    def __init__(self, layers, shape, lanes, fuse=True):
        self.program = p = assemble(layers, shape, lanes, REGISTERS[lanes], fuse, True)
        self.values, self.gradient = aligned(p.values, lanes), aligned(max(p.parameters, 1), lanes)
        self.parameters = aligned(max(p.parameters, 1), lanes)
        rng = np.random.default_rng(0)
        self.inputs = self.values[p.inputs :][: p.features]
        self.inputs[:] = rng.standard_normal(self.inputs.shape)
        self.parameters[:] = rng.standard_normal(self.parameters.shape) * 0.4
        self.given = rng.standard_normal((p.classes, lanes)).astype(np.float32)

    def run(self):
        p = self.program
        for function in p.forwards:
            call(function, self.parameters, self.values)
        self.outputs = self.values[p.scores :][: p.classes]
        self.values[p.score_gradient :][: p.classes] = self.given
        for function in p.backwards:
            call(function, self.parameters, self.values, self.gradient)
        self.input_gradient = self.values[p.input_gradient :][: p.features]
        return self


def by_torch(compiled, lane, layers, shape):
    """Return outputs, the gradient of the inputs and that of the parameters, by PyTorch."""
    net = net_of(layers, shape).double()
    torch.nn.utils.vector_to_parameters(
        torch.tensor(compiled.parameters[:, lane]).double(), net.parameters()
    )
    x = torch.tensor(compiled.inputs[:, lane]).double().view(1, *shape).requires_grad_()
    outputs = net(x)
    outputs.backward(torch.tensor(compiled.given[:, lane]).double().view(outputs.shape))
    gradients = [p.grad.flatten() for p in net.parameters()]
    return [
        values.detach().flatten().numpy()
        for values in (outputs, x.grad, *([torch.cat(gradients)] if gradients else []))
    ]


def check(layers, shape, lanes=LANES):
    compiled = Compiled(layers, shape, lanes).run()
    for lane in range(lanes):
        ours = (compiled.outputs, compiled.input_gradient, compiled.gradient)
        for values, wanted in zip(ours, by_torch(compiled, lane, layers, shape), strict=False):
            np.testing.assert_allclose(values[:, lane], wanted, rtol=1e-5, atol=1e-5)


TANH, GELU, SIGMOID = Activation("tanh"), Activation("gelu"), Activation("sigmoid")


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ((Conv(3, 3),), (2, 6, 5)),
        ((Conv(4, 3, stride=2, padding=1, bias=False), TANH), (3, 7, 8)),
        ((Conv(4, 2), MaxPool(2), GELU), (2, 8, 6)),
        ((Conv(3, 2, stride=2), MaxPool(3)), (1, 14, 13)),
        ((Conv(2, 1, padding=1), MaxPool(4)), (1, 7, 6)),
        ((MaxPool(2),), (2, 5, 4)),
        ((Linear(5), SIGMOID), (7,)),
        ((Linear(34, bias=False),), (3,)),
    ],
)
def test_layers_with_parameters_and_pooling(layers, shape):
    check(layers, shape)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "relu", "gelu"])
def test_activations(name):
    compiled = Compiled((Activation(name),), (400,), LANES)
    compiled.inputs[:] *= 4
    compiled.run()
    for lane in range(LANES):
        outputs, gradient = by_torch(compiled, lane, (Activation(name),), (400,))
        # PyTorch's own GELU of float32 differs by 1e-6 from that of float64.
        least = 1e-6 if name == "gelu" else 2e-7
        np.testing.assert_allclose(compiled.outputs[:, lane], outputs, rtol=4e-7, atol=least)
        np.testing.assert_allclose(compiled.input_gradient[:, lane], gradient, rtol=4e-7, atol=1e-6)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "relu", "gelu"])
def test_activations_of_what_is_not_a_number_or_very_large(name):
    compiled = Compiled((Activation(name),), (400,), LANES)
    numbers = [np.nan, np.inf, 1e38, 200, 89, -89, -200, -1e38, -np.inf, 0.0]
    compiled.inputs[: len(numbers)] = np.array(numbers)[:, None]
    compiled.given[:] = 1
    compiled.run()
    x = torch.tensor(numbers, dtype=torch.float32, requires_grad=True)
    function = torch.nn.functional.gelu if name == "gelu" else getattr(torch, name)
    wanted = function(x)
    wanted.sum().backward()
    # The products 0 * inf and inf - inf of GELU's formula are PyTorch's too.
    for ours, theirs in (
        (compiled.outputs, wanted.detach().numpy()),
        (compiled.input_gradient, x.grad.numpy()),
    ):
        for lane in (0, LANES - 1):
            finite = np.abs(numbers) < 1e30 if name == "gelu" else slice(None)
            np.testing.assert_allclose(
                ours[: len(numbers), lane][finite], theirs[finite], rtol=1e-6, atol=1e-7
            )


@pytest.mark.parametrize("layers", [(MaxPool(2),), (Conv(2, 1), MaxPool(2))])
def test_the_maximum_of_numbers_with_nan_is_nan_and_gets_the_gradient(layers):
    compiled = Compiled(layers, (2, 5, 4), LANES)
    # The last of a square in the first channel; two of a square in the second one.
    compiled.inputs[[5, 20 + 2, 20 + 7]] = np.nan
    compiled.run()
    net = net_of(layers, (2, 5, 4))
    torch.nn.utils.vector_to_parameters(torch.tensor(compiled.parameters[:, 3]), net.parameters())
    x = torch.tensor(compiled.inputs[:, 3]).view(1, 2, 5, 4).requires_grad_()
    outputs = net(x)
    outputs.backward(torch.tensor(compiled.given[:, 3]).view(outputs.shape))
    np.testing.assert_allclose(compiled.outputs[:, 3], outputs.detach().flatten(), rtol=1e-6)
    np.testing.assert_allclose(compiled.input_gradient[:, 3], x.grad.flatten(), rtol=1e-6)
    assert np.isnan(compiled.outputs[:, 3]).sum() == 2 * len(layers)


def test_dropout_multiplies_values_and_gradient():
    compiled = Compiled((Dropout(),), (6,), LANES)
    ((start, size),) = compiled.program.masks
    factors = compiled.values[start : start + size]
    factors[:] = np.arange(size * LANES).reshape(size, LANES) % 3
    compiled.run()
    np.testing.assert_array_equal(compiled.outputs, compiled.inputs * factors)
    np.testing.assert_array_equal(compiled.input_gradient, compiled.given * factors)


FUSED = (Conv(4, 2), MaxPool(2), GELU)


def test_what_one_function_computes_together_has_the_bits_of_separate_functions():
    fused, separate = (Compiled(FUSED, (2, 8, 6), LANES, fuse).run() for fuse in (True, False))
    assert len(fused.program.forwards) < len(separate.program.forwards)
    np.testing.assert_array_equal(fused.outputs, separate.outputs)
    np.testing.assert_array_equal(fused.input_gradient, separate.input_gradient)
    weights = 4 * 2 * 2 * 2
    np.testing.assert_array_equal(fused.gradient[:weights], separate.gradient[:weights])
    # The gradient of a bias is summed in another order.
    biases = (fused.gradient[weights:], separate.gradient[weights:])
    np.testing.assert_allclose(*biases, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(LANES != 16, reason="this processor has no vectors of 16 numbers")
def test_half_as_many_lanes_give_the_same_bits():
    whole, half = (Compiled(FUSED, (2, 8, 6), lanes) for lanes in (16, 8))
    half.inputs[:], half.parameters[:] = whole.inputs[:, :8], whole.parameters[:, :8]
    half.given[:] = whole.given[:, :8]
    np.testing.assert_array_equal(half.run().outputs, whole.run().outputs[:, :8])
    np.testing.assert_array_equal(half.input_gradient, whole.input_gradient[:, :8])
    np.testing.assert_array_equal(half.gradient, whole.gradient[:, :8])
