"""Twins: the same net in PyTorch, JAX and Keras, and where they part.

A twin is an entry of the kind ``twin``: a net in each of several frameworks. None of the frameworks
but PyTorch is imported before a net of it is used.

- `lemur_twins.twin`: the interface of twins. `lemur_twins.testing`: their contract tests.
- `lemur_twins.frameworks`: the frameworks, and their import.
- `lemur_twins.conventions`: in what they differ, and how to match them.
- `lemur_twins.hyperparameters`: how twins are trained.
- `lemur_twins.backends`: one module for each framework trains its nets.
- `lemur_twins.nets`: the nets, one file for each framework.
- `lemur_twins.weights`: the weights of a net in the layout of its twin.
- `lemur_twins.parity`: how far twins are apart. `lemur_twins.definitions`: how their layers differ.
- `lemur_twins.divergence`: where twins part, and the convention that causes it.
- `lemur_twins.search`: search for hyperparameters with which twins differ most.
- `lemur_twins.dataset`: datasets of pairs; `load` is ``lemur_twins.load``.
- `lemur_twins.cli`: the commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemur_twins.dataset import PairDataset, load

__all__ = ["PairDataset", "load"]


def __getattr__(name: str) -> Any:
    # The module of the plugin imports this one, and must not import optuna.
    if name in __all__:
        from lemur_twins import dataset

        return getattr(dataset, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
