"""The hyperparameters with which the nets of twins are trained, in every framework."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lemur_core.kinds.net import TRAINING as _TRAINING

if TYPE_CHECKING:
    from lemur_core.kinds.net import Prm
    from lemur_core.space import Value
    from lemur_twins.conventions import Conventions

DEFAULT = "default"
"""The value of a hyperparameter that stands for the framework's own default."""
OPTIMIZERS = ("sgd", "adam", "adamw")

TRAINING: dict[str, Value] = _TRAINING | {"adam_epsilon": DEFAULT, "match": "none"}
"""Those of `lemur_core.kinds.net.TRAINING`, epsilon of Adam and AdamW, and the conventions that are
matched to PyTorch's; see `lemur_twins.conventions.Conventions`."""


@dataclass(frozen=True)
class OptimizerSettings:
    """An optimizer, described in PyTorch's words.

    Attributes:
        name: ``sgd``, ``adam`` or ``adamw``.
        lr: The learning rate of the first epoch.
        momentum: The momentum of SGD, and the first beta of Adam and AdamW.
        weight_decay: The weight decay.
        epsilon: Epsilon of Adam and AdamW.
        beta_2: The second beta of Adam and AdamW.
    """

    name: str
    lr: float
    momentum: float
    weight_decay: float
    epsilon: float
    beta_2: float = 0.999

    @classmethod
    def of(cls, prm: Prm, conventions: Conventions) -> OptimizerSettings:
        """Return the optimizer of a net with the hyperparameters ``prm``.

        ``lr`` is required. ``optimizer`` defaults to ``sgd``, ``momentum`` to 0.9. ``default`` is
        the framework's default of ``adam_epsilon`` and, for AdamW, ``weight_decay``.

        Raises:
            ValueError: There is no such optimizer.
        """
        name = prm.get("optimizer", "sgd")
        if name not in OPTIMIZERS:
            raise ValueError(f"optimizer {name!r}: expected {', '.join(OPTIMIZERS)}")
        decay = conventions.adamw_decay if name == "adamw" else 0.0
        return cls(
            name,
            float(prm["lr"]),
            float(prm.get("momentum", 0.9)),
            _number(prm.get("weight_decay", DEFAULT), decay),
            _number(prm.get("adam_epsilon", DEFAULT), conventions.adam_epsilon),
        )


def _number(value: Any, default: float) -> float:
    return default if value == DEFAULT else float(value)
