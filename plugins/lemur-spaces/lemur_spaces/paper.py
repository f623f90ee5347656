"""Tuggener et al. (2022): is a net that is good on ImageNet good elsewhere?

*Is it enough to optimize CNN architectures on ImageNet?*, Frontiers in Computer Science 4. The
errors of the 500 nets were never published. The claims are the arithmetic of the printed tables,
and, from a study of your own that is called ``representativeness``, tables 3 and 4 again: the rank
correlations of the errors on each dataset with those on ImageNet, and of the errors on ImageNet
with the depth and width of the nets.
"""

from __future__ import annotations

from functools import cache, partial
from math import isfinite
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.errors import (
    MissingDataError,
    SettingsError,
    StoreError,
    UnknownNameError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pandas import DataFrame

    from lemur_analysis.papers.paper import Claim, Sources

STUDY = "representativeness"
"""Name of the study from which tables 3 and 4 are computed."""
IMAGENET = "imagenet-1k"
PRINTED = "half a unit of the last digit printed"
OTHER_NETS = (
    "the errors of the paper's nets are not published; these are other nets of the same space, "
    "with the settings of your study"
)
MEAN = "the mean of the eight printed correlations is 0.500"


class PublishedRow(NamedTuple):
    """A row of table 3.

    Attributes:
        whole: Rank correlation of the errors with those on ImageNet.
        closest: Rank correlation with those on the ImageNet subset closest in number of classes.
        classes: Number of classes of that subset.
    """

    whole: float
    closest: float
    classes: int


TABLE_3 = {
    "concrete": PublishedRow(0.001, 0.106, 2),
    "mlc2008": PublishedRow(0.476, 0.811, 10),
    "ham10000": PublishedRow(0.517, 0.608, 5),
    "powerline": PublishedRow(-0.436, 0.294, 2),
    "insects": PublishedRow(0.967, 0.95, 100),
    "natural": PublishedRow(-0.38, 0.186, 5),
    "cifar-10": PublishedRow(-0.104, 0.45, 10),
    "cifar-100": PublishedRow(0.476, 0.595, 100),
}
"""Rank correlations by dataset."""
MEANS = PublishedRow(0.19, 0.507, 0)
"""The last row of table 3, the mean of its columns as printed."""
TABLE_4 = {
    1000: (-0.205, -0.511),
    100: (-0.022, -0.558),
    10: (0.249, -0.457),
    5: (0.51, -0.338),
    2: (0.425, -0.179),
}
"""Correlations of the error with cumulative depth and width, by number of classes of ImageNet."""


def claims(sources: Sources) -> Iterator[Claim]:
    """Yield the claims of the paper."""
    from lemur_analysis.papers.paper import Claim

    for column, what in (("whole", "ImageNet"), ("closest", "the closest subset of ImageNet")):
        printed = [getattr(row, column) for row in TABLE_3.values()]
        yield Claim(
            f"mean rank correlation with {what}", "table 3", getattr(MEANS, column),
            partial(fmean, printed), 0.0005 if column == "closest" else 0.005, PRINTED,
            MEAN if column == "closest" else "",
        )  # fmt: skip
    errors = cache(partial(_errors, sources))
    for dataset, row in TABLE_3.items():
        subset = f"{IMAGENET}[classes={row.classes}]"
        for reference, value in ((IMAGENET, row.whole), (subset, row.closest)):
            yield _repeated(
                f"rank correlation of {dataset} and {reference}", "table 3", value,
                partial(_rank_correlation, errors, dataset, reference),
            )  # fmt: skip
    for classes, values in TABLE_4.items():
        dataset = IMAGENET if classes == 1000 else f"{IMAGENET}[classes={classes}]"
        for setting, value in zip(("depth", "width"), values, strict=True):
            yield _repeated(
                f"correlation of error and {setting} on {dataset}", "table 4", value,
                partial(_complexity_correlation, errors, dataset, setting),
            )  # fmt: skip


def _repeated(text: str, where: str, published: float, compute: Callable[[], float]) -> Claim:
    """Return a claim that a study repeats with other nets, so its value may differ."""
    from lemur_analysis.papers.paper import Claim

    return Claim(text, where, published, compute, 0.0005, PRINTED, OTHER_NETS)


def _errors(sources: Sources) -> DataFrame:
    """Return the errors of the study, with the designs of the nets: a row per net and dataset.

    All nets are compared at the same number of trainings, the first of each, because the best of
    many is better.

    Raises:
        MissingDataError: There is no database or no such study.
    """
    from lemur_analysis import representativeness as rep
    from lemur_spaces.study.results import NothingTrainedError, read_results

    if sources.db is None:
        raise MissingDataError("there is no database of results: give --db")
    try:
        runs = read_results(STUDY, str(sources.db)).runs
    except (StoreError, UnknownNameError, NothingTrainedError) as error:
        raise MissingDataError(f"{error}; lemur spaces study {STUDY}.toml trains it") from error
    runs = runs[runs["control"] == ""]
    cells = runs.groupby(["net", "dataset"])
    return rep.best_runs(runs[cells.cumcount() < cells.size().min()])


def _rank_correlation(errors: Callable[[], DataFrame], dataset: str, reference: str) -> float:
    from lemur_analysis import representativeness as rep

    frame = errors()
    _check_trained(frame, dataset, reference)
    pair = frame[frame["dataset"].isin([dataset, reference])]
    [correlation] = rep.rank_correlations(pair, reference=reference)["correlation"]
    return _defined(correlation, f"errors on {dataset!r} and {reference!r}")


def _complexity_correlation(errors: Callable[[], DataFrame], dataset: str, setting: str) -> float:
    from lemur_analysis import representativeness as rep

    frame = errors()
    _check_trained(frame, dataset)
    rows = frame[frame["dataset"] == dataset]
    try:
        [correlation] = rep.complexity_correlations(rows, columns=(setting,))["correlation"]
    except SettingsError as error:
        raise MissingDataError(f"study {STUDY!r}: {error}") from None
    return _defined(correlation, f"error and {setting} on {dataset!r}")


def _defined(correlation: float, what: str) -> float:
    if not isfinite(correlation):
        raise MissingDataError(
            f"study {STUDY!r}: the correlation of {what} is undefined; the nets must differ in both"
        )
    return float(correlation)


def _check_trained(frame: DataFrame, *datasets: str) -> None:
    for dataset in datasets:
        if not (frame["dataset"] == dataset).any():
            raise MissingDataError(f"study {STUDY!r} has no dataset {dataset!r}")
