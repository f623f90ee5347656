"""The conventions in which frameworks differ, and the switch that matches each to PyTorch's.

Two nets of the same architecture, weights and hyperparameters differ in different frameworks,
because each framework means something else by a name, or has another default. The hyperparameter
``match`` of a twin's net says which conventions are PyTorch's: see `Conventions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemur_core.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TORCH = "https://docs.pytorch.org/docs/stable/generated/torch."
_OPTAX = "https://optax.readthedocs.io/en/latest/api/optimizers.html#optax."
_FLAX = "https://flax.readthedocs.io/en/stable/api_reference/flax.nnx/nn/"
_KERAS = "https://keras.io/api/"
_ALL, _NONE, _ALL_BUT = "all", "none", "all-but-"


@dataclass(frozen=True)
class Convention:
    """A convention in which frameworks differ.

    Attributes:
        name: Name in the hyperparameter ``match``.
        about: What the convention is about, for people.
        pytorch: What PyTorch does.
        jax: What flax or optax does.
        keras: What Keras does, with any backend.
        sources: Pages of the frameworks' documentation that say so.
    """

    name: str
    about: str
    pytorch: str
    jax: str
    keras: str
    sources: tuple[str, ...]


CONVENTIONS: Mapping[str, Convention] = {
    convention.name: convention
    for convention in (
        Convention(
            "adam-epsilon",
            "default epsilon of Adam and AdamW",
            "1e-8",
            "1e-8",
            "1e-7",
            (
                f"{_TORCH}optim.Adam.html",
                f"{_OPTAX}adam",
                f"{_KERAS}optimizers/adam/",
            ),
        ),
        Convention(
            "adam-epsilon-hat",
            "what Adam's epsilon is added to",
            "the root of the bias-corrected second moment",
            "the root of the bias-corrected second moment",
            "the root of the second moment, uncorrected: epsilon hat, section 2 of the paper",
            (f"{_TORCH}optim.Adam.html", f"{_OPTAX}adam", f"{_KERAS}optimizers/adam/"),
        ),
        Convention(
            "momentum-buffer",
            "what SGD's momentum buffer accumulates",
            "gradients; the learning rate multiplies the buffer",
            "gradients; the learning rate multiplies the buffer",
            "gradients times the learning rate of their step",
            (f"{_TORCH}optim.SGD.html", f"{_OPTAX}sgd", f"{_KERAS}optimizers/sgd/"),
        ),
        Convention(
            "weight-decay",
            "weight decay of SGD and Adam",
            "is added to the gradient",
            "is added to the gradient",
            "shrinks the weights beside the step (decoupled)",
            (
                f"{_TORCH}optim.SGD.html",
                "https://optax.readthedocs.io/en/latest/api/transformations.html"
                "#optax.add_decayed_weights",
                f"{_KERAS}optimizers/",
            ),
        ),
        Convention(
            "adamw-decay",
            "default weight decay of AdamW",
            "0.01",
            "1e-4",
            "0.004",
            (f"{_TORCH}optim.AdamW.html", f"{_OPTAX}adamw", f"{_KERAS}optimizers/adamw/"),
        ),
        Convention(
            "batch-norm-epsilon",
            "epsilon of batch normalisation",
            "1e-5",
            "1e-5",
            "1e-3",
            (
                f"{_TORCH}nn.BatchNorm2d.html",
                f"{_FLAX}normalization.html",
                f"{_KERAS}layers/normalization_layers/batch_normalization/",
            ),
        ),
        Convention(
            "batch-norm-momentum",
            "how much of the running mean and variance a batch leaves",
            "0.9 (momentum 0.1)",
            "0.99",
            "0.99",
            (
                f"{_TORCH}nn.BatchNorm2d.html",
                f"{_FLAX}normalization.html",
                f"{_KERAS}layers/normalization_layers/batch_normalization/",
            ),
        ),
        Convention(
            "batch-norm-variance",
            "variance that batch normalisation accumulates",
            "unbiased, divided by n - 1",
            "biased, divided by n",
            "biased, divided by n",
            (
                f"{_TORCH}nn.BatchNorm2d.html",
                f"{_FLAX}normalization.html",
                f"{_KERAS}layers/normalization_layers/batch_normalization/",
            ),
        ),
        Convention(
            "group-norm-epsilon",
            "epsilon of group normalisation",
            "1e-5",
            "1e-6",
            "1e-3",
            (
                f"{_TORCH}nn.GroupNorm.html",
                f"{_FLAX}normalization.html",
                f"{_KERAS}layers/normalization_layers/group_normalization/",
            ),
        ),
        Convention(
            "layer-norm-epsilon",
            "epsilon of layer normalisation",
            "1e-5",
            "1e-6",
            "1e-3",
            (
                f"{_TORCH}nn.LayerNorm.html",
                f"{_FLAX}normalization.html",
                f"{_KERAS}layers/normalization_layers/layer_normalization/",
            ),
        ),
        Convention(
            "initialisers",
            "initial weights and biases; matched, those that PyTorch draws from the seed",
            "uniform, bounded by 1/sqrt(inputs), biases too",
            "LeCun normal, biases 0",
            "Glorot uniform, biases 0",
            (
                f"{_TORCH}nn.Linear.html",
                f"{_FLAX}linear.html",
                f"{_KERAS}layers/core_layers/dense/",
            ),
        ),
        Convention(
            "padding",
            "padding 'same' of convolutions and poolings of stride 2",
            "the same on both sides",
            "more at the bottom and on the right",
            "more at the bottom and on the right",
            (
                f"{_TORCH}nn.Conv2d.html",
                f"{_FLAX}linear.html",
                f"{_KERAS}layers/convolution_layers/convolution2d/",
            ),
        ),
        Convention(
            "flatten",
            "order of flattened images",
            "channels, height, width",
            "height, width, channels",
            "height, width, channels",
            (
                f"{_TORCH}nn.Flatten.html",
                "https://flax.readthedocs.io/en/stable/guides/converting_and_upgrading/"
                "convert_pytorch_to_flax.html",
                f"{_KERAS}layers/reshaping_layers/flatten/",
            ),
        ),
        Convention(
            "leaky-relu-slope",
            "default slope of LeakyReLU",
            "0.01",
            "0.01",
            "0.3",
            (
                f"{_TORCH}nn.LeakyReLU.html",
                f"{_FLAX}activations.html",
                f"{_KERAS}layers/activation_layers/leaky_relu/",
            ),
        ),
        Convention(
            "gelu",
            "GELU",
            "exact",
            "approximated by tanh",
            "exact",
            (
                f"{_TORCH}nn.GELU.html",
                f"{_FLAX}activations.html",
                f"{_KERAS}layers/activations/#gelu-function",
            ),
        ),
        Convention(
            "loss",
            "what the cross-entropy is computed from",
            "logits",
            "logits",
            "probabilities, clipped to 1e-7 and 1 - 1e-7",
            (
                f"{_TORCH}nn.CrossEntropyLoss.html",
                "https://optax.readthedocs.io/en/latest/api/losses.html"
                "#optax.losses.softmax_cross_entropy_with_integer_labels",
                f"{_KERAS}losses/probabilistic_losses/#sparsecategoricalcrossentropy-class",
            ),
        ),
    )
}
"""The conventions by name."""

OF_TRAINING = (
    "adam-epsilon",
    "adam-epsilon-hat",
    "momentum-buffer",
    "weight-decay",
    "adamw-decay",
    "loss",
)
"""Those that the definition of a net does not show."""


class Conventions:
    """Which of the conventions of a framework are PyTorch's.

    Args:
        framework: Name of the framework of a net.
        match: ``none``: the framework's own. ``all``: PyTorch's. Names joined with ``+``: these
            are PyTorch's. ``all-but-`` and such names: all others are PyTorch's.

    Raises:
        UnknownNameError: A name is not that of a convention.

    >>> conventions = Conventions("tensorflow", "adam-epsilon+weight-decay")
    >>> conventions.matches("adam-epsilon"), conventions.matches("loss")
    (True, False)
    >>> conventions.batch_norm_epsilon
    0.001
    """

    def __init__(self, framework: str, match: str) -> None:
        self.family = "keras" if framework not in ("pytorch", "jax") else framework
        matched = _matched(match)
        self.matched = CONVENTIONS.keys() if self.family == "pytorch" else matched

    def matches(self, name: str) -> bool:
        """Return whether a convention is PyTorch's."""
        return name in self.matched

    @property
    def adam_epsilon(self) -> float:
        """The default epsilon of Adam and AdamW."""
        return self._value("adam-epsilon", 1e-8, 1e-8, 1e-7)

    @property
    def adamw_decay(self) -> float:
        """The default weight decay of AdamW."""
        return self._value("adamw-decay", 0.01, 1e-4, 0.004)

    @property
    def batch_norm_epsilon(self) -> float:
        """The epsilon of batch normalisation."""
        return self._value("batch-norm-epsilon", 1e-5, 1e-5, 1e-3)

    @property
    def batch_norm_momentum(self) -> float:
        """The share of the running mean and variance that a batch leaves, 0 to 1."""
        return self._value("batch-norm-momentum", 0.9, 0.99, 0.99)

    @property
    def group_norm_epsilon(self) -> float:
        """The epsilon of group normalisation."""
        return self._value("group-norm-epsilon", 1e-5, 1e-6, 1e-3)

    @property
    def layer_norm_epsilon(self) -> float:
        """The epsilon of layer normalisation."""
        return self._value("layer-norm-epsilon", 1e-5, 1e-6, 1e-3)

    @property
    def leaky_relu_slope(self) -> float:
        """The slope of LeakyReLU below 0."""
        return self._value("leaky-relu-slope", 0.01, 0.01, 0.3)

    def _value(self, name: str, pytorch: float, jax: float, keras: float) -> float:
        native = {"pytorch": pytorch, "jax": jax, "keras": keras}[self.family]
        return pytorch if self.matches(name) else native


def _matched(match: str) -> frozenset[str]:
    if match in (_ALL, _NONE):
        return frozenset(CONVENTIONS if match == _ALL else ())
    names = match.removeprefix(_ALL_BUT).split("+")
    for name in names:
        if name not in CONVENTIONS:
            raise UnknownNameError("convention", name, [*CONVENTIONS, _ALL, _NONE])
    return frozenset(CONVENTIONS.keys() - names if match.startswith(_ALL_BUT) else names)
