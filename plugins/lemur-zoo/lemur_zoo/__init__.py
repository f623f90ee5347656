"""Model zoos: populations of small nets, trained together, with the weights of every epoch.

`Zoo` reads a zoo. A map of the package:

- `lemur_zoo.spec`: the specification of a zoo, and the members that it means.
- `lemur_zoo.images`, `lemur_zoo.nets`: the images and the net of a zoo.
- `lemur_zoo.schedule`, `lemur_zoo.augmentation`: learning rates by step, and images by epoch.
- `lemur_zoo.architectures`: nets of published zoos that are no nets of other plugins.
- `lemur_zoo.layers`: the layers of a net, as engines compute them.
- `lemur_zoo.modules`: read the layers of a net from its modules.
- `lemur_zoo.members`: what the members of a population differ in, and the state of their training.
- `lemur_zoo.engine`: train a population, an epoch at a time.
- `lemur_zoo.storage`: the files of a zoo.
- `lemur_zoo.making`, `lemur_zoo.training`: make, continue and extend a zoo.
- `lemur_zoo.zoo`, `lemur_zoo.tokens`: read a zoo.
- `lemur_zoo.records`: the trials of a zoo in the database.
- `lemur_zoo.layout`: read and write the layout in which zoos were published.
- `lemur_zoo.analysis`: how members differ, and what their weights predict.
- `lemur_zoo.report`: the page and the card of a zoo.
- `lemur_zoo.sparse`: sparse twins of members, by variational dropout.
- `lemur_zoo.dynamics`: speed, curvature and angles of trajectories.
- `lemur_zoo.connectivity`: lines between members, alignment of their units, and averages.
- `lemur_zoo.confidence`, `lemur_zoo.spectra`: scores by class, calibration, singular values.
- `lemur_zoo.embedding`: an auto-encoder of weights, and sampling from it.
- `lemur_zoo.paper`: the tables of the paper, from zoos of one's own.
- `lemur_zoo.cli`: the commands.

Importing this package imports neither torch nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemur_zoo.zoo import Zoo

__all__ = ["Zoo"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from lemur_zoo import zoo

        return getattr(zoo, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
