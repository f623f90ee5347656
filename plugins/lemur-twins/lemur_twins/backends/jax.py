"""Train a twin's net in JAX: flax's nnx, a jitted step, and optax.

Importing this module imports JAX. The module of a net imports ``nnx`` from here, so that the error
of a missing framework names what to install.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import torch

from lemur_twins.backends.foreign import ForeignClassifier
from lemur_twins.backends.layouts import unknown_layer
from lemur_twins.frameworks import use
from lemur_twins.weights import ArrayLayout, is_buffer

use("jax")

import jax  # noqa: E402 - `use` sets its number of threads first
import optax  # noqa: E402
from flax import nnx  # noqa: E402
from jax import numpy as jnp  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lemur_core.kinds.net import Prm, Shape
    from lemur_twins.backends.foreign import Array, Arrays
    from lemur_twins.conventions import Conventions
    from lemur_twins.hyperparameters import OptimizerSettings

__all__ = ["BatchNorm", "FlattenImages", "JaxClassifier", "activation", "jnp", "nnx", "same"]


class BatchNorm(nnx.BatchNorm):
    """Batch normalisation with the conventions of a net."""

    def __init__(self, channels: int, conventions: Conventions, rngs: nnx.Rngs) -> None:
        super().__init__(
            channels,
            momentum=conventions.batch_norm_momentum,
            epsilon=conventions.batch_norm_epsilon,
            rngs=rngs,
        )
        self.unbiased = conventions.matches("batch-norm-variance")

    def __call__(self, x: jax.Array, *args: Any, **options: Any) -> jax.Array:
        """Return the normalised images."""
        before = self.var[...]
        out: jax.Array = super().__call__(x, *args, **options)
        if self.unbiased and not self.use_running_average:
            others = x.size // x.shape[-1] - 1
            self.var[...] += (self.var[...] - self.momentum * before) / others
        return out


class FlattenImages(nnx.Module):
    """Flattens images, in the order of a net's conventions."""

    def __init__(self, conventions: Conventions) -> None:
        self.channels_first = conventions.matches("flatten")

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return an array of shape ``(batch, features)``."""
        if self.channels_first:
            x = x.transpose(0, 3, 1, 2)
        return x.reshape(len(x), -1)


def same(kernel: int, conventions: Conventions) -> str | tuple[tuple[int, int], ...]:
    """Return the padding of a convolution or pooling whose kernel has an odd size."""
    if conventions.matches("padding"):
        return ((kernel // 2, kernel // 2),) * 2
    return "SAME"


def activation(name: str, conventions: Conventions) -> Callable[[jax.Array], jax.Array]:
    """Return an activation: ``relu``, ``leaky_relu``, ``gelu``, ``tanh`` or ``sigmoid``."""
    kinds: dict[str, Callable[[jax.Array], jax.Array]] = {
        "relu": nnx.relu,
        "leaky_relu": lambda x: nnx.leaky_relu(x, conventions.leaky_relu_slope),
        "gelu": lambda x: nnx.gelu(x, approximate=not conventions.matches("gelu")),
        "tanh": nnx.tanh,
        "sigmoid": nnx.sigmoid,
    }
    return kinds[name]


_CALL = "__call__"
_NORM = {"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
_KERNEL = {"kernel": "weight", "bias": "bias"}
# For each type of layer, PyTorch's word for each of flax's arrays, and the axes of its weights.
_LAYERS: dict[type, tuple[dict[str, str], str]] = {
    nnx.Conv: (_KERNEL, "HWIO"),
    nnx.Linear: (_KERNEL, "IO"),
    nnx.BatchNorm: (_NORM, "O"),
    nnx.GroupNorm: (_NORM, "O"),
    nnx.LayerNorm: (_NORM, "O"),
}


class ModuleSlot(NamedTuple):
    """An array of a flax module.

    Attributes:
        path: Where the module keeps it.
        layout: Its layout.
    """

    path: tuple[Any, ...]
    layout: ArrayLayout


class JaxClassifier(ForeignClassifier):
    """A classifier whose layers are a module of flax.

    Attributes:
        module: The class of the module, called as ``module(in_shape, out_shape, prm, conventions,
            rngs)``. It takes images of shape ``(batch, height, width, channels)`` and returns
            logits.
    """

    framework = "jax"
    module: ClassVar[Callable[..., nnx.Module]]

    def _build(self, in_shape: Shape, out_shape: Shape, prm: Prm) -> None:
        seed = int(torch.randint(2**31, ()))

        def make() -> nnx.Module:
            rngs = nnx.Rngs(seed)
            return self.module(in_shape, out_shape, prm, self.conventions, rngs)

        # The twin's weights will replace all; otherwise, drawing them is compiled as a whole.
        is_matched = self.reference is not None and self.conventions.matches("initialisers")
        net = nnx.eval_shape(make) if is_matched else nnx.jit(make)()
        net.eval()  # type: ignore[no-untyped-call] # flax types it in part
        self._evaluating, _ = nnx.split(net)
        net.train()  # type: ignore[no-untyped-call]
        self._training, state = nnx.split(net)
        self._variables = dict(nnx.to_flat_state(state))
        self._slots = dict(_slots_of(net))
        arrays = {
            name: self._variables[slot.path].get_raw_value() for name, slot in self._slots.items()
        }
        self._params = {name: array for name, array in arrays.items() if not is_buffer(name)}
        self._buffers = {name: array for name, array in arrays.items() if is_buffer(name)}
        self._predict = jax.jit(self._predicted)
        self._differentiate = jax.jit(self._loss_and_gradients)
        self._observe = jax.jit(self._observed)

    def _layouts(self) -> dict[str, ArrayLayout]:
        return {name: slot.layout for name, slot in self._slots.items()}

    def _read(self) -> dict[str, Array]:
        arrays = self._params | self._buffers
        return {name: np.asarray(arrays[name]) for name in self._slots}

    def _write(self, arrays: Arrays) -> None:
        for name, array in arrays.items():
            kept = self._buffers if is_buffer(name) else self._params
            # A copy: jax may share the memory of an array, which its owner changes.
            kept[name] = jnp.array(array, copy=True)

    def _logits(self, inputs: Array) -> Any:
        return self._predict(self._params, self._buffers, inputs)

    def _gradients(self, inputs: Array, targets: Array) -> dict[str, Array]:
        _, _, gradients = self._differentiate(self._params, self._buffers, inputs, targets)
        return {name: np.asarray(gradient) for name, gradient in gradients.items()}

    def _activations(self, inputs: Array) -> dict[str, Any]:
        outputs: dict[str, Any] = self._observe(self._params, self._buffers, inputs)
        return outputs

    def _set_up(self, settings: OptimizerSettings) -> None:
        self._optimizer = optimizer_of(settings)
        self._state = self._optimizer.init(self._params)
        self._train = jax.jit(self._stepped, donate_argnums=(0, 1, 2))

    def _step(self, inputs: Array, targets: Array) -> Any:
        loss, self._params, self._buffers, self._state = self._train(
            self._params, self._buffers, self._state, np.float32(self.lr), inputs, targets
        )
        return loss

    def _optimizer_state(self) -> list[Array]:
        return [np.asarray(leaf) for leaf in jax.tree.leaves(self._state)]

    def _load_optimizer_state(self, state: list[Array]) -> None:
        leaves = [jnp.array(leaf, copy=True) for leaf in state]
        self._state = jax.tree.unflatten(jax.tree.structure(self._state), leaves)

    # The functions that are jitted.

    def _net(self, graph: Any, params: Any, buffers: Any) -> Any:
        arrays = params | buffers
        variables = dict(self._variables)
        for name, slot in self._slots.items():
            variables[slot.path] = variables[slot.path].replace(arrays[name])
        return nnx.merge(graph, nnx.from_flat_state(list(variables.items())))

    def _predicted(self, params: Any, buffers: Any, inputs: jax.Array) -> jax.Array:
        logits: jax.Array = self._net(self._evaluating, params, buffers)(inputs)
        return logits

    def _observed(self, params: Any, buffers: Any, inputs: jax.Array) -> dict[str, jax.Array]:
        net = self._net(self._training, params, buffers)
        layers = {
            id(module): ".".join(map(str, path))
            for path, module in nnx.iter_modules(net)
            if isinstance(module, tuple(_LAYERS))
        }
        outputs: dict[str, jax.Array] = {}
        with _calls_noted(layers, outputs):
            net(inputs)
        return outputs

    def _loss(
        self, params: Any, buffers: Any, inputs: jax.Array, targets: jax.Array
    ) -> tuple[jax.Array, Any]:
        net = self._net(self._training, params, buffers)
        losses = optax.losses.softmax_cross_entropy_with_integer_labels(net(inputs), targets)
        state = dict(nnx.to_flat_state(nnx.state(net)))
        return losses.mean(), {name: state[self._slots[name].path][...] for name in buffers}

    def _loss_and_gradients(
        self, params: Any, buffers: Any, inputs: jax.Array, targets: jax.Array
    ) -> tuple[jax.Array, Any, Any]:
        computed = jax.value_and_grad(self._loss, has_aux=True)(params, buffers, inputs, targets)
        (loss, buffers), gradients = computed
        return loss, buffers, gradients

    def _stepped(
        self,
        params: Any,
        buffers: Any,
        state: Any,
        lr: jax.Array,
        inputs: jax.Array,
        targets: jax.Array,
    ) -> tuple[Any, ...]:
        loss, buffers, gradients = self._loss_and_gradients(params, buffers, inputs, targets)
        updates, state = self._optimizer.update(gradients, state, params)
        params = jax.tree.map(lambda weight, update: weight - lr * update, params, updates)
        return loss, params, buffers, state


@contextmanager
def _calls_noted(layers: Mapping[int, str], outputs: dict[str, Any]) -> Iterator[None]:
    """Note the outputs of layers that are called, by name.

    Args:
        layers: Their names by id.
        outputs: Gets the outputs.
    """
    originals = {kind: getattr(kind, _CALL) for kind in (*_LAYERS, BatchNorm)}

    def noting(call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(layer: nnx.Module, *arguments: Any, **options: Any) -> Any:
            output = call(layer, *arguments, **options)
            if id(layer) in layers:
                outputs[layers[id(layer)]] = output
            return output

        return noted

    # nnx has no hooks; Python looks up the method of a call in the class.
    for kind, call in originals.items():
        setattr(kind, _CALL, noting(call))
    try:
        yield
    finally:
        for kind, call in originals.items():
            setattr(kind, _CALL, call)


def optimizer_of(settings: OptimizerSettings) -> optax.GradientTransformation:
    """Return an optimizer of optax whose updates are yet to be multiplied by the learning rate."""
    decay = optax.add_decayed_weights(settings.weight_decay) if settings.weight_decay else None
    if settings.name == "sgd":
        step = optax.trace(settings.momentum) if settings.momentum else optax.identity()
    else:
        step = optax.scale_by_adam(settings.momentum, settings.beta_2, settings.epsilon)
    parts = [step, decay] if settings.name == "adamw" else [decay, step]
    return optax.chain(*filter(None, parts))


def _slots_of(net: nnx.Module) -> Iterator[tuple[str, ModuleSlot]]:
    """Yield the arrays of the layers of a module by their names.

    Raises:
        WeightMapError: A layer is of a type that cannot be mapped.
    """
    for path, module in nnx.iter_modules(net):
        kind = next((kind for kind in _LAYERS if isinstance(module, kind)), None)
        own = [name for name, value in vars(module).items() if isinstance(value, nnx.Variable)]
        if not own:
            continue
        if kind is None:
            raise unknown_layer(
                ".".join(map(str, path)), module, [known.__name__ for known in _LAYERS]
            )
        for name in own:
            roles, axes = _LAYERS[kind]
            layout = ArrayLayout(
                axes if roles[name] == "weight" else "O", getattr(module, name).shape
            )
            yield ".".join(map(str, (*path, roles[name]))), ModuleSlot((*path, name), layout)
