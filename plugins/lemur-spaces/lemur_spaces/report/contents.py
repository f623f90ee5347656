"""The tables and figures of a report, by `lemur_analysis.representativeness`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pandas import concat

from lemur_analysis import representativeness as rep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pandas import DataFrame

_COMPLEXITIES = ("depth", "width", "parameters", "macs", "activations")
# Panels of larger matrices cannot be read.
_MOST_SCATTERED = 8


class Part(NamedTuple):
    """A section of a report.

    Attributes:
        title: Title of the section.
        text: What the section shows, in a sentence or two.
        tables: Its tables, by caption.
        figures: Functions that draw its figures and return their axes, by caption.
    """

    title: str
    text: str
    tables: Mapping[str, DataFrame]
    figures: Mapping[str, Callable[[], Any]]


def contents(runs: DataFrame, missing: DataFrame, reference: str = "") -> Iterator[Part]:
    """Yield the sections of a report.

    Args:
        runs: A population with a row per training, and one or more for each net and dataset.
        missing: The nets and datasets without a training.
        reference: Dataset with which the others are compared; "" takes the one with most nets.

    Raises:
        SettingsError: The population is invalid, or does not have the reference.
    """
    controls = dict(_controls(runs))
    runs = controls.pop("", runs)
    best = _population(runs)
    reference = reference or str(best["dataset"].value_counts().sort_index().idxmax())
    yield _datasets(best, missing)
    yield _agreement(best, reference)
    yield _noise(runs, reference)
    yield _complexities(best)
    if any(name.startswith("depth_") for name in best.columns):
        yield _stages(best)
    if (
        "top5_error" in best.columns
        and best[["top1_error", "top5_error"]].notna().all(axis=1).any()
    ):
        yield _top5(best)
    if "longer" in controls:
        yield _longer(best, controls["longer"])
    if "noise" in controls:
        yield _repeated(runs, controls["noise"])


def _controls(runs: DataFrame) -> Iterator[tuple[str, DataFrame]]:
    """Yield the trainings of the whole population, with an empty name, and of each control."""
    if "control" in runs.columns:
        for name, part in runs.groupby("control"):
            yield str(name), part.drop(columns="control")


def _top5(best: DataFrame) -> Part:
    rows = best.assign(error=best["top1_error"])
    figures = {"Top-5 against top-1 errors": partial(rep.top1_against_top5, rows)}
    return Part("Top-1 and top-5", "Both errors are those of the same epoch.", {}, figures)


def _longer(best: DataFrame, longer: DataFrame) -> Part:
    rows = concat([best, longer[[name for name in longer.columns if name in best.columns]]])
    rows = rows[rows["dataset"].isin(longer["dataset"])]
    rows = rows.drop_duplicates(["net", "dataset", "epochs"])
    figures = {"Errors after trainings of several lengths": partial(rep.longer_training, rows)}
    text = (
        "The best and the worst nets by validation, trained longer: if the lines cross, the "
        "population's trainings are too short to rank it."
    )
    table = longer[["dataset", "net", "epochs", "error"]]
    return Part("Longer training", text, {"Errors after longer training": table}, figures)


def _repeated(runs: DataFrame, repeated: DataFrame) -> Part:
    rows = concat([repeated, runs]).drop_duplicates(["dataset", "run"], ignore_index=True)
    figures = {
        "Trainings of a few nets, and the population": partial(rep.noise_of_training, rows, least=2)
    }
    text = "Errors tell nets apart if the population spreads much more than the runs of one net."
    table = rep.training_noise(rows, least=2)
    return Part("Repeated training", text, {"Spread of the errors": table}, figures)


def _population(runs: DataFrame) -> DataFrame:
    """Return the best run of each net on each dataset by validation.

    All are compared at the same number of runs, the first of each: the best of several is better.
    """
    cells = runs.groupby(["net", "dataset"], sort=False)
    runs = runs[cells.cumcount() < cells.size().min()]
    ordered = runs.sort_values(
        "selection" if "selection" in runs.columns else "error", kind="stable"
    )
    return ordered.drop_duplicates(["net", "dataset"]).sort_values(
        ["dataset", "net"], ignore_index=True
    )


def _datasets(best: DataFrame, missing: DataFrame) -> Part:
    table = best.groupby("dataset")["error"].describe().reset_index()
    table = table.rename(columns={"count": "nets", "50%": "median", "min": "lowest"})
    table = table[["dataset", "nets", "lowest", "25%", "median", "75%", "max"]].rename(
        columns={"max": "highest"}
    )
    counts = missing["dataset"].value_counts()
    table["missing"] = [int(counts.get(name, 0)) for name in table["dataset"]]
    tables = {"Test errors, 0 to 1, over the nets": table}
    if not missing.empty:
        tables["Nets without a finished training, by dataset"] = missing
    text = (
        "The error of a net is that on the test split, at the epoch that is best on the validation "
        "split. Missing trainings are left out pair by pair: each correlation names its number of "
        "nets."
    )
    return Part("Datasets", text, tables, {})


def _agreement(best: DataFrame, reference: str) -> Part:
    figures: dict[str, Callable[[], Any]] = {
        "Rank correlations between datasets": partial(rep.rank_agreement, best),
        f"Errors against those on {reference}": partial(
            rep.error_scatter, best, reference=reference
        ),
    }
    if 1 < best["dataset"].nunique() <= _MOST_SCATTERED:
        figures["Errors on all pairs of datasets"] = partial(rep.scatter_matrix, best)
    tables = {}
    if best["dataset"].nunique() > 1:
        tables["Spearman's rank correlations, with intervals of 95 %"] = rep.rank_correlations(best)
    text = "A correlation of 1 means that both datasets rank the nets alike, 0 that they do not."
    return Part("Rank agreement", text, tables, figures)


def _noise(runs: DataFrame, reference: str) -> Part:
    repeated = runs.groupby(["net", "dataset"]).size().gt(1).any()
    if not repeated:
        text = (
            "Each net is trained once on each dataset, so the noise of training is unknown: a "
            "correlation below 1 may be due to it. Give the study more seeds."
        )
        return Part("Noise of training", text, {}, {})
    text = (
        "The ceiling is the correlation that two datasets which rank the nets alike would have, "
        "given how much the trainings of one net differ."
    )
    figures = {
        "Rank correlations and their ceilings": partial(
            rep.rank_transfer, runs, reference=reference
        ),
        "Trainings of single nets, and the population": partial(
            rep.noise_of_training, runs, least=2
        ),
    }
    tables = {"Reliability of the ranks on each dataset": rep.noise_ceiling(runs)}
    return Part("Noise of training", text, tables, figures)


def _complexities(best: DataFrame) -> Part:
    known = [name for name in _COMPLEXITIES if name in rep.with_totals(best).columns]
    figures: dict[str, Callable[[], Any]] = {
        f"Error against {name}": partial(
            rep.error_against, best, complexity=name, log=name not in ("depth", "width")
        )
        for name in known
    }
    figures["Correlation of the error with depth and width"] = partial(
        rep.complexity_correlation, best
    )
    tables = {}
    if known:
        tables["Rank correlations of the error with complexities"] = rep.complexity_correlations(
            best, method="spearman"
        )
    text = "A negative correlation means that larger nets have lower errors."
    return Part("Complexity", text, tables, figures)


def _stages(best: DataFrame) -> Part:
    figures: dict[str, Callable[[], Any]] = {
        "Distribution of errors, and of those of ascending designs": partial(rep.error_ecdf, best),
        "Numbers of the best designs": partial(rep.best_configuration, best),
    }
    for dataset in best["dataset"].unique():
        figures[f"Error by stage on {dataset}"] = partial(
            rep.stage_scatter, best, dataset=str(dataset)
        )
    tables = {
        "Designs whose settings ascend through the stages": rep.ascending_counts(best),
        "Means over the best designs": rep.best_configurations(best),
    }
    text = "The numbers of each stage, from the first to the last."
    return Part("Stages", text, tables, figures)
