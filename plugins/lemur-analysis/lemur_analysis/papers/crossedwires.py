"""CrossedWires (Zvyagin et al. 2021): the same nets in PyTorch and TensorFlow.

The claims are the statistics of tables 2 to 6 and the numbers behind the figures, for VGG16 and
ResNet50, whose data is published. In this data, PyTorch's accuracies are means over batches, while
TensorFlow's are exact.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from lemur_analysis.papers.paper import Claim, Sources
from lemur_core.errors import MissingDataError, SettingsError, StoreError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pandas import DataFrame

    from lemur_analysis.papers.paper import Value

ORIGIN = "the CrossedWires dataset (CC BY 4.0), as crossedwires/NET.csv"
DATABASE_ORIGIN = "lemur db import crossedwires/vgg16.csv crossedwires/resnet50.csv"
PRINTED = "half a unit of the last digit printed"
SCRAMBLED = (
    "the paper compares raw estimates of counts, which are higher for two hyperparameters even if "
    "nothing depends on them, and a reshape scrambles its figure of pairs; in excess of the null, "
    "no pair of hyperparameters is demonstrably more informative than the sum of its members"
)
MATTER = (
    "yes if some pair of hyperparameters is more informative than the sum of its members, in "
    "excess of the estimates for shuffled differences, with p <= 0.05 (Bonferroni)"
)
PERMUTATIONS, REPEATS = 200, 20


class PublishedValue(NamedTuple):
    """Published numbers of one net.

    Attributes:
        difference: Minimum, maximum, median and mean of the absolute difference, each with half
            a unit of its last printed digit.
        above: Number of pairs that differ by more than five percentage points.
        pytorch, tensorflow: Minimum and maximum accuracy.
        ties: Number of pairs with the smallest difference.
    """

    difference: dict[str, tuple[float, float]]
    above: int
    pytorch: tuple[float, float]
    tensorflow: tuple[float, float]
    ties: int


PUBLISHED = {
    "VGG16": PublishedValue(
        {
            "min": (4.17e-10, 5e-13),
            "max": (0.681519, 5e-7),
            "median": (0.08434, 5e-6),
            "mean": (0.1228, 5e-5),
        },
        237,
        (0.0959, 0.7856),
        (0.1, 0.7961),
        6,
    ),
    "ResNet50": PublishedValue(
        {
            "min": (1.37e-4, 5e-7),
            "max": (0.452, 5e-4),
            "median": (0.0418, 5e-5),
            "mean": (0.0779, 5e-5),
        },
        181,
        (0.0978, 0.6995),
        (0.0493, 0.6713),
        1,
    ),
}
INFORMATION = {
    "VGG16": {
        "plug-in": {"adam_epsilon": 0.1699, "epochs": 0.1549, "batch_size": 0.1374,
                    "learning_rate": 0.1295, "adam_epsilon + batch_size": 0.6158},
        "plug-in-eleven": {"adam_epsilon": 0.1766, "epochs": 0.1761,
                           "adam_epsilon + batch_size": 0.6474},
        "ksg": {"adam_epsilon": 0.161, "batch_size": 0.121, "learning_rate": 0.046, "epochs": 0.0,
                "adam_epsilon + batch_size": 0.226},
    },
    "ResNet50": {
        "plug-in": {"epochs": 0.1998, "batch_size": 0.1676, "learning_rate": 0.1383,
                    "adam_epsilon": 0.1136, "batch_size + epochs": 0.6726,
                    "adam_epsilon + epochs": 0.6677},
        "plug-in-eleven": {"epochs": 0.2063, "adam_epsilon + epochs": 0.6904},
        "ksg": {"batch_size": 0.083, "epochs": 0.051, "adam_epsilon": 0.040, "learning_rate": 0.026,
                "adam_epsilon + epochs": 0.207, "batch_size + epochs": 0.203},
    },
}  # fmt: skip
"""Mutual information between hyperparameters and the difference, in nats, by estimator."""
_NAMES = {"batch": "batch_size", "lr": "learning_rate"}


def claims(sources: Sources) -> Iterator[Claim]:
    """Yield the claims of the paper.

    Args:
        sources: A folder with ``crossedwires/vgg16.csv`` and ``crossedwires/resnet50.csv``, or a
            database into which they were imported.
    """
    for net, published in PUBLISHED.items():
        data = _NetStatistics(sources, net)
        yield from _difference_claims(net, published, data)
        yield from _information_claims(net, data)
        for estimator in INFORMATION[net]:
            yield Claim(
                f"{net}: pairs of hyperparameters matter more than single ones, {estimator}",
                "figure of information",
                "yes",
                partial(data.pairs_matter, estimator),
                reason=MATTER,
                dispute=SCRAMBLED,
            )


def _difference_claims(
    net: str, published: PublishedValue, data: _NetStatistics
) -> Iterator[Claim]:
    for name, (value, half) in published.difference.items():
        text = f"{net}: {name} of the absolute difference"
        yield Claim(text, "tables 2 to 6", value, partial(data.summary, name), half, PRINTED)
    text = f"{net}: pairs that differ by more than 5 points"
    yield Claim(text, "table 2", published.above, partial(data.summary, "above"))
    text = f"{net}: pairs that tie at the least difference"
    yield Claim(text, "table 6", published.ties, data.ties)
    sides = (("PyTorch", published.pytorch), ("TensorFlow", published.tensorflow))
    for at, (framework, bounds) in enumerate(sides):
        for name, value in zip(("min", "max"), bounds, strict=True):
            yield Claim(
                f"{net}: {name} of {framework}'s accuracy",
                "table 3",
                value,
                partial(data.extreme, at, name),
                5e-5,
                PRINTED,
            )


def _information_claims(net: str, data: _NetStatistics) -> Iterator[Claim]:
    for estimator, values in INFORMATION[net].items():
        for variables, value in values.items():
            ksg = estimator == "ksg"
            yield Claim(
                f"{net}: information of {variables}, {estimator}",
                "of the published tables",
                value,
                partial(data.information, estimator, variables),
                0.008 if ksg else 5e-5,
                "differs so much from seed to seed" if ksg else PRINTED,
            )


class _NetStatistics:
    """Lazily computed and cached statistics of the pairs of one net."""

    def __init__(self, sources: Sources, net: str) -> None:
        self._sources, self._net = sources, net
        self._frame: Callable[[], DataFrame] = cache(self._read)
        self._information: Callable[[str], DataFrame] = cache(self._estimate)

    def summary(self, column: str) -> Value:
        from lemur_analysis.pairs import summary

        return float(summary(self._frame())[column].iloc[0])

    def ties(self) -> Value:
        from lemur_analysis.pairs import bottom

        return float(bottom(self._frame(), 1)["ties"].iloc[0])

    def extreme(self, side: int, column: str) -> Value:
        from lemur_analysis.pairs import extremes

        return float(extremes(self._frame())[column].iloc[side])

    def information(self, estimator: str, variables: str) -> Value:
        table = self._information(estimator)["information"]
        # A database may return the hyperparameters in another order.
        reversed_variables = " + ".join(reversed(variables.split(" + ")))
        return float(table[variables if variables in table.index else reversed_variables])

    def pairs_matter(self, estimator: str) -> Value:
        interactions = self._information(estimator)["interaction_p"].dropna()
        return "yes" if interactions.min() * len(interactions) <= 0.05 else "no"

    def _estimate(self, estimator: str) -> DataFrame:
        from lemur_analysis.pairs import mutual_information

        table = mutual_information(
            self._frame(), estimators=estimator, permutations=PERMUTATIONS, repeats=REPEATS
        )
        return table.set_index("variables")

    def _read(self) -> DataFrame:
        import pandas as pd

        from lemur_analysis.pairs import of_collections

        if self._sources.folder is not None:
            name = f"crossedwires/{self._net.lower()}.csv"
            return pd.read_csv(self._sources.file(name, ORIGIN))
        if self._sources.db is None:
            raise MissingDataError(f"get {ORIGIN}, and give --data; or {DATABASE_ORIGIN}")
        try:
            pairs = of_collections(f"crossedwires-{self._net}", db=self._sources.db)
        except (SettingsError, StoreError, UnknownNameError) as error:
            raise MissingDataError(f"{error}; {DATABASE_ORIGIN}, or give --data") from error
        renamed = {f"prm.{short}": f"prm.{name}" for short, name in _NAMES.items()}
        return pairs.rename(columns=renamed)
