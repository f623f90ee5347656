"""What a search for differing twins consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.distributions import FloatDistribution, IntDistribution

from lemur_core.errors import SettingsError
from lemur_twins.search.subspaces import OVERLAP, sub_spaces
from lemur_twins.twin import METRIC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lemur_twins.search.subspaces import Number, SubSpace

EPOCHS = "epochs"
"""The range of the number of epochs, which is no hyperparameter of a net."""
RANGES: Mapping[str, Number] = {
    "lr": FloatDistribution(1e-8, 0.1),
    EPOCHS: IntDistribution(1, 50),
    "adam_epsilon": FloatDistribution(1e-8, 1.0),
    "batch": IntDistribution(10, 1000),
}
"""The ranges of CrossedWires, table 1, on the linear scale of its pairs."""
TRIALS = 25
"""Number of pairs in each sub-space of CrossedWires."""
SEED = "seed"
"""Name of the seed in a point of a campaign."""


@dataclass(frozen=True)
class TwinSearch:
    """A search for hyperparameters with which two nets differ most.

    Attributes:
        name: Name of its collection of pairs.
        nets: The net of each role, for example ``{"pytorch": "CNN-S", "jax": "CNN-S.jax"}``.
        dataset: Name of the dataset, which can be restricted.
        transform: Name of the transform.
        ranges: The range of each hyperparameter that is searched; ``epochs`` may be among them.
        fixed: Values of the others; ``epochs`` is among them unless it is searched.
        trials: Number of pairs in each sub-space.
        overlap: Overlap of the halves of each range, 0 to 1.
        sampler: Name of the sampler, see `lemur_twins.search.proposals.SAMPLERS`.
        seed: Seed of the search and of all trials.
        metric: Name of the metric.

    Raises:
        SettingsError: There are not two nets, nothing is searched, or epochs are missing.
    """

    name: str
    nets: Mapping[str, str]
    dataset: str
    transform: str
    ranges: Mapping[str, Number] = field(default_factory=lambda: dict(RANGES))
    fixed: Mapping[str, Any] = field(default_factory=dict)
    trials: int = TRIALS
    overlap: float = OVERLAP
    sampler: str = "GP"
    seed: int = 0
    metric: str = METRIC

    def __post_init__(self) -> None:
        if len(self.nets) != 2:
            raise SettingsError(f"a twin has {len(self.nets)} nets; expected two")
        if not self.ranges:
            raise SettingsError("no hyperparameter is searched; expected a range")
        if EPOCHS not in {*self.ranges, *self.fixed}:
            raise SettingsError("the number of epochs is missing; give it, or a range of it")
        if both := sorted(self.ranges.keys() & self.fixed.keys()):
            raise SettingsError(f"{both[0]} has a range and a value; expected one of them")

    @property
    def spaces(self) -> Sequence[SubSpace]:
        """The sub-spaces."""
        return sub_spaces(self.ranges, self.overlap)

    @property
    def spec(self) -> dict[str, Any]:
        """The search as a JSON value, which its collection keeps."""
        return {
            "search": "HyperSpace",
            "nets": dict(self.nets),
            "dataset": self.dataset,
            "metric": self.metric,
            "transform": self.transform,
            "ranges": {name: _shown(limits) for name, limits in self.ranges.items()},
            "fixed": dict(self.fixed),
            "overlap": self.overlap,
            "sampler": self.sampler,
            "seed": self.seed,
        }


def _shown(limits: Number) -> dict[str, Any]:
    return {
        "low": limits.low,
        "high": limits.high,
        "log": limits.log,
        "integer": isinstance(limits, IntDistribution),
    }
