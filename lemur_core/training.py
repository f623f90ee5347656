"""Train nets in your own process: load datasets and run a trial or its single steps.

Campaigns do not need this module. It is for programs that train a net elsewhere, for example in a
sandbox, without recording it:

    from lemur_core.training import Bundles, run_trial

    bundle = Bundles(Path("data")).get(trial.pipeline)
    for epoch in run_trial(trial, bundle):
        print(epoch.number, epoch.validation)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.space import net_space
from lemur_core.train.batches import batches
from lemur_core.train.data import Bundles
from lemur_core.train.net_adapter import check_weights, finite_buffers
from lemur_core.train.scoring import build_metrics
from lemur_core.train.training import (
    build_net,
    run_trial,
    seed_everything,
    train_epoch,
)
from lemur_core.values import central

if TYPE_CHECKING:
    from lemur_core.kinds.net import NetModule
    from lemur_core.space import Value

__all__ = [
    "Bundles",
    "batches",
    "build_metrics",
    "build_net",
    "check_weights",
    "finite_buffers",
    "middle_prm",
    "run_trial",
    "seed_everything",
    "train_epoch",
]


def middle_prm(module: NetModule) -> dict[str, Value]:
    """Return the middle of the range of each hyperparameter that a net declares.

    Args:
        module: The module of the net, as returned by `lemur_core.kinds.net.as_net`.

    Raises:
        SpaceError: A range cannot be parsed.
    """
    return central(net_space(module.hyperparameters()))
