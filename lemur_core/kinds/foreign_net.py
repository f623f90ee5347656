"""The contract of nets of other frameworks than torch, for example JAX or TensorFlow.

The module of such a net is that of any net, as `lemur_core.kinds.net` describes it: a class
``Net`` with ``train_setup`` and ``learn``, and a function ``supported_hyperparameters``. A ``Net``
that is a `torch.nn.Module` needs nothing else. Any other ``Net`` also has the methods of
`ForeignNet`, which are all that lemur asks of it. ``validation_loss`` and ``weigh_classes`` remain
optional.

Tensors
    Datasets, transforms and metrics are torch's. ``learn`` and ``validation_loss`` get torch
    tensors on the CPU, and ``net(inputs)`` gets and returns them. A float32 tensor and an array of
    NumPy can share memory: ``inputs.numpy()`` and ``torch.from_numpy(array)`` copy nothing.
    ``net(inputs)`` and ``validation_loss`` are called in `torch.inference_mode`.
Random numbers
    lemur seeds the global generators of torch, NumPy and Python before the net is built, before
    each epoch, and torch's again before each batch. Draw from them, or derive the framework's
    generator from `torch.initial_seed`: it returns the trial's seed while the net is built, and in
    ``learn`` a seed that depends only on the trial's seed, the epoch and the batch. A resumed trial
    then draws the same numbers. A generator that the net keeps beyond a batch is part of its
    `ForeignNet.training_state`.
Threads
    `torch.get_num_threads` is the number of threads that a trial may use. Each trial is trained in
    a process of its own, which imports the net's module after torch. The process that forks it
    imports neither the module nor its framework.
Checkpoints
    lemur stores `ForeignNet.parameter_arrays` and `ForeignNet.buffer_arrays` in safetensors files,
    and `ForeignNet.training_state` beside them. A net that has just been built and set up, and is
    then given all three, must go on as the net that was stored.

Hyperparameters that only exist for torch, such as ``precision`` and ``compile``, frozen layers and
devices other than the CPU are refused with one line before a trial starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lemur_core.errors import ContractError

if TYPE_CHECKING:
    from lemur_core.kinds.net import Prm, TrainData

Arrays = Mapping[str, np.ndarray[Any, Any]]
"""Arrays of NumPy by name."""
State = Mapping[str, Any]
"""Values by name: arrays, numbers, texts, None, and lists, tuples and dictionaries of them."""

# In the order in which a trial calls them.
_METHODS = (
    "parameter_arrays",
    "buffer_arrays",
    "load_arrays",
    "training_state",
    "load_training_state",
    "train",
    "eval",
)


class ForeignNet(Protocol):
    """A net that is not a `torch.nn.Module`."""

    def __call__(self, inputs: Any) -> Any:
        """Return the outputs for a batch, without changing the net.

        Args:
            inputs: What the transform returns: for images a tensor, float32, shape ``(batch,
                channels, height, width)``.

        Returns:
            What a torch net of the task returns: tensors, or lists, tuples or mappings of them. In
            evaluation mode all values are finite.
        """

    def train_setup(self, prm: Prm) -> None:
        """Build what trains the net; called once before training."""

    def learn(self, train_data: TrainData) -> Any:
        """Train one epoch, and return None, the mean loss, or ``(training score, mean loss)``."""

    def train(self) -> Any:
        """Enter training mode. lemur calls it before each epoch, and ignores what it returns."""

    def eval(self) -> Any:
        """Enter evaluation mode, in which the net draws no random numbers and learns nothing."""

    def parameter_arrays(self) -> Arrays:
        """Return the learned parameters by name.

        Arrays of any type and shape that safetensors files hold. lemur does not change them, and
        reads them before the net is called again, so they may share the net's memory. The names
        are the same at any time after the first call of the net.
        """

    def buffer_arrays(self) -> Arrays:
        """Return what the net knows besides its parameters, such as running means, by name.

        No name may be that of a parameter. An array that is finite after ``train_setup`` must be
        finite after each epoch.
        """

    def load_arrays(self, arrays: Arrays) -> None:
        """Replace parameters and buffers.

        Args:
            arrays: All parameters and buffers by name, with the shapes and types of the net's.
        """

    def training_state(self) -> State:
        """Return what training needs beyond the arrays: optimizer, counters, generators."""

    def load_training_state(self, state: State) -> None:
        """Continue from a state that another instance of the net returned.

        Called after ``train_setup`` and `load_arrays`. Arrays are NumPy's, and NumPy's scalars
        come back as arrays without dimensions.
        """


def as_foreign_net(net: Any, name: str) -> ForeignNet:
    """Return a net after checking that it has the methods of `ForeignNet`.

    Raises:
        ContractError: It lacks some.
    """
    missing = [method for method in _METHODS if not callable(getattr(net, method, None))]
    missing += [] if callable(net) else ["__call__"]
    if missing:
        raise ContractError(
            f"net {name!r}: Net is not a torch.nn.Module, and has no method "
            f"{', '.join(f'{method}()' for method in missing)}; expected either a torch.nn.Module "
            "or the methods of lemur_core.kinds.foreign_net.ForeignNet"
        )
    checked: ForeignNet = net
    return checked
