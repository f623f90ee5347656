"""The sections of a page about a population: what each shows, its tables and its figures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lemur_analysis import representativeness as rep
from lemur_analysis.representativeness.agreement import MOST_SCATTERED
from lemur_analysis.representativeness.controls import changes_of, of_change
from lemur_analysis.representativeness.population import COMPLEXITIES, NET
from lemur_analysis.representativeness.stages import stage_columns, with_totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pandas import DataFrame

CONTROLS: dict[str, str] = {
    "longer_training": "Errors after trainings of several lengths; where lines cross, the "
    "shortest trainings do not rank the nets as the longest do",
    "noise_of_training": "Spread of single nets' runs next to that of the population",
    "top1_against_top5": "Top-5 against top-1 error",
    "balanced_errors": "Errors after training on balanced against unbalanced classes",
    "changed_hyperparameters": "Errors with {} against errors as in the population",
    "pretraining_gain": "Errors with pretraining against errors from scratch",
}
"""Figures of controls, by the name of their function, with captions."""
_NOISE, _LONGER, _TOP5 = "noise_of_training", "longer_training", "top1_against_top5"
_CHANGED, _PRETRAINED = "changed_hyperparameters", "pretraining_gain"
_BALANCED = "balanced_errors"
_BEST = 10
_LEAST_RUNS = 2
_LOGARITHMIC = ("parameters", "macs", "activations")
_STATISTICS = {
    "count": "nets",
    "min": "lowest",
    "25%": "25%",
    "50%": "median",
    "75%": "75%",
    "max": "highest",
}


class Figure(NamedTuple):
    """A figure, which is drawn from the frame of its section."""

    name: str
    caption: str
    draw: Callable[[DataFrame], Any]


class PopulationSection(NamedTuple):
    """A section of the page.

    Attributes:
        name: Its id on the page.
        title: Its title.
        text: What it shows, in a few sentences.
        tables: Its tables by title.
        figures: Its figures.
        frame: The frame that the figures are drawn from.
    """

    name: str
    title: str
    text: str
    tables: Mapping[str, DataFrame]
    figures: Sequence[Figure]
    frame: DataFrame


class ComparedPopulation(NamedTuple):
    """The contents of a page.

    Attributes:
        best: The best of the compared runs: one row per net and dataset.
        compared: The runs that are compared: those of ``runs``, or equally many of each net.
        runs: All runs.
        reference: The dataset with which the others are compared.
        missing: The missing errors: ``dataset`` and ``net``.
        controls: Populations for figures of controls, by a name in `CONTROLS`.
    """

    best: DataFrame
    compared: DataFrame
    runs: DataFrame
    reference: str
    missing: DataFrame
    controls: Mapping[str, DataFrame]

    @property
    def repeats(self) -> DataFrame | None:
        """The population with further runs of a few nets; None if no net has further runs."""
        runs = self.controls.get(_NOISE)
        return runs if runs is not None and is_repeated(runs) else None


def sections_of(population: ComparedPopulation) -> Iterator[PopulationSection]:
    """Yield the sections of a page."""
    yield _datasets(population)
    yield _agreement(population)
    yield _noise(population)
    yield from _complexity(population.best)
    yield from _design_space(population.best)
    yield from _controls(population)


def is_repeated(runs: DataFrame) -> bool:
    """Return whether a net has several runs on a dataset."""
    return bool(runs.duplicated(list(NET)).any())


def _datasets(population: ComparedPopulation) -> PopulationSection:
    best, missing = population.best, population.missing["dataset"].value_counts()
    names = sorted({*best["dataset"], *missing.index})
    table = best.groupby("dataset", observed=True)["error"].describe()[[*_STATISTICS]]
    table = table.rename(columns=_STATISTICS).reindex(names)
    table = table.assign(
        nets=table["nets"].fillna(0).astype("int64"), missing=missing.reindex(names, fill_value=0)
    )
    shown = {"Errors of the nets": table.rename_axis("dataset").reset_index()}
    text = f"The distribution of the nets' errors on each dataset. {_numbers_of_runs(population)}"
    return PopulationSection("datasets", "Datasets", text.strip(), shown, [], best)


def _numbers_of_runs(population: ComparedPopulation) -> str:
    """Return a sentence about the runs that are compared; empty if each net has one."""
    counts = population.compared.groupby(list(NET), observed=True).size()
    least, most = counts.min(), counts.max()
    if least < most:
        return (
            f"Nets have {least:,} to {most:,} runs on a dataset, of which the best counts. "
            "This favours nets with many runs."
        )
    if len(population.compared) < len(population.runs):
        first = "first run" if most == 1 else f"first {most:,} runs"
        return f"Some nets have more runs than others, so only the {first} of each are compared."
    return f"Each net has {most:,} runs on a dataset, of which the best counts." if most > 1 else ""


def _agreement(population: ComparedPopulation) -> PopulationSection:
    best = population.best
    shown = {f"The {_BEST} best nets of each dataset": _best_nets(best)}
    if best["dataset"].nunique() < 2:
        text = "Ranks are compared between two datasets or more; this population has one."
        return PopulationSection("agreement", "Agreement", text, shown, [], best)
    text = (
        "A correlation of 1 means that both datasets rank the nets alike, 0 that the ranks are "
        "unrelated. It is computed over the nets that have an error on both, and has an interval "
        "of 95 %."
    )
    by_version = {
        f"Rank correlations with {whole} and its smaller versions": table
        for whole in rep.smaller_versions(best)
        if len(table := rep.version_correlations(best, whole))
    }
    if by_version:
        text += " The closest version is the one whose number of classes is closest."
    shown = {"Rank correlations": rep.rank_correlations(best), **by_version, **shown}
    figures = [*_agreement_figures(population)]
    return PopulationSection("agreement", "Agreement", text, shown, figures, best)


def _best_nets(best: DataFrame) -> DataFrame:
    ranked = best.sort_values(["error", "net"], kind="stable")
    described = [name for name in COMPLEXITIES if name in best.columns]
    top = ranked.groupby("dataset", sort=False).head(_BEST).sort_values(["dataset", "error"])
    return top[["dataset", "net", "error", *described]]


def _agreement_figures(population: ComparedPopulation) -> Iterator[Figure]:
    best, compared, reference = population.best, population.compared, population.reference
    yield Figure("rank-agreement", "Rank correlations between datasets", rep.rank_agreement)
    repeats = None if is_repeated(compared) else population.repeats
    has_ceilings = is_repeated(compared) or repeats is not None
    ceilings = ", and noise ceilings" if has_ceilings else ""
    draw: Callable[..., Any] = rep.rank_transfer
    if repeats is not None:
        draw = partial(_draw_single_run_transfer, repeats)
    yield Figure(
        "rank-transfer",
        f"Rank correlations with {reference}{ceilings}",
        _of(compared, draw, reference=reference),
    )
    yield Figure(
        "error-scatter",
        f"Errors on each dataset against those on {reference}",
        partial(rep.error_scatter, reference=reference),
    )
    if best["dataset"].nunique() <= MOST_SCATTERED:
        yield Figure("scatter-matrix", "Errors on all pairs", rep.scatter_matrix)


def _draw_single_run_transfer(repeats: DataFrame, frame: DataFrame, **options: Any) -> Any:
    return rep.single_run_transfer(frame, repeats, **options)


def _noise(population: ComparedPopulation) -> PopulationSection:
    runs = population.controls.get(_NOISE, population.runs)
    texts, shown = [], {}
    if is_repeated(population.runs):
        texts += [
            "The noise ceiling is the correlation that two datasets which rank the nets alike are "
            "expected to have, given how much the runs of a net differ. A correlation that reaches "
            "it is as high as the noise allows. Runs are all that were recorded of a net: if they "
            "differ in more than the seed, for example in the image size, that counts as noise."
        ]
        shown["Reliability of the ranks on each dataset"] = rep.noise_ceiling(population.runs)
    elif population.repeats is not None:
        texts += [
            "Each net has one run on a dataset, and a few nets have more. The reliability is the "
            "correlation that a second run of all nets is expected to have with the first, given "
            "how much the runs of those nets differ. The noise ceiling of two datasets is the "
            "square root of the product of their reliabilities: a correlation that reaches it is "
            "as high as the noise allows."
        ]
        shown["Reliability of one run on each dataset"] = rep.single_run_reliability(runs)
    else:
        texts += [
            "Each net has one run on a dataset, so the noise ceilings are unknown: noise alone may "
            "explain correlations below 1. Ceilings need two runs or more of each net."
        ]
    figures = []
    if is_repeated(runs):
        texts += ["Errors tell nets apart if the population spreads much more than a net's runs."]
        spread = rep.training_noise(runs, least=_LEAST_RUNS)
        shown["Spread of the errors"] = spread.fillna({"net": "all nets, mean of each"})
        draw = _of(runs, rep.noise_of_training, least=_LEAST_RUNS)
        figures += [Figure("noise-of-training", CONTROLS[_NOISE], draw)]
    return PopulationSection("noise", "Noise of training", " ".join(texts), shown, figures, runs)


def _complexity(best: DataFrame) -> Iterator[PopulationSection]:
    rows = with_totals(best)
    names = tuple(name for name in ("depth", "width", *COMPLEXITIES) if name in rows.columns)
    if not names:
        return
    shown = {
        "Rank correlations of the error with complexities": rep.complexity_correlations(
            rows, columns=names
        )
    }
    figures = [
        Figure(
            f"error-{name}",
            f"Error against {name}",
            partial(rep.error_against, complexity=name, log=name in _LOGARITHMIC),
        )
        for name in names
    ]
    if {"depth", "width"} <= {*names}:
        caption = "Rank correlations of the error with cumulative depth and width"
        figures.insert(0, Figure("complexity-correlation", caption, rep.complexity_correlation))
    text = "A negative correlation means that larger nets have lower errors."
    yield PopulationSection("complexity", "Complexity", text, shown, figures, rows)


def _design_space(best: DataFrame) -> Iterator[PopulationSection]:
    if not stage_columns(best):
        return
    shown = {
        "Nets whose settings ascend through the stages": rep.ascending_counts(best),
        "Settings of the best net, and of the 15 best": rep.best_configurations(best),
    }
    figures = [
        Figure("error-ecdf", "Errors of sub-populations", rep.error_ecdf),
        Figure("best-configuration", "Settings of the best nets", rep.best_configuration),
        *(
            Figure(
                f"stages-{name}",
                f"Error against the settings of each stage: {name}",
                partial(rep.stage_scatter, dataset=name),
            )
            for name in dict.fromkeys(best["dataset"])
        ),
    ]
    text = "How the error depends on the settings of the stages, from the first to the last."
    yield PopulationSection("design-space", "Design space", text, shown, figures, best)


def _controls(population: ComparedPopulation) -> Iterator[PopulationSection]:
    given = dict(population.controls)
    if len(both := _with_both_errors(population.best)):
        given.setdefault(_TOP5, both)
    if len(pairs := rep.balanced_pairs(population.best)):
        given.setdefault(_BALANCED, pairs)
    figures = [
        Figure(name.replace("_", "-"), caption, _of(given[name], getattr(rep, name)))
        for name, caption in CONTROLS.items()
        if name in given and name not in (_NOISE, _CHANGED)
    ]
    shown = {}
    if _LONGER in given:
        shown["Errors after trainings of several lengths"] = _lengths(given[_LONGER])
    if _BALANCED in given and "balanced" in given[_BALANCED].columns:
        gains = rep.condition_gains(given[_BALANCED], "balanced")
        shown["Errors with balanced and with unbalanced classes"] = gains
    if _CHANGED in given and "changed" in given[_CHANGED].columns:
        figures += _figures_of_changes(given[_CHANGED])
        shown["Errors with changed hyperparameters and as in the population"] = rep.change_gains(
            given[_CHANGED]
        )
    if _PRETRAINED in given and "pretrained" in given[_PRETRAINED].columns:
        gains = rep.condition_gains(given[_PRETRAINED], "pretrained")
        shown["Errors with pretraining and from scratch"] = gains
    if "training_error" in population.best.columns:
        both = population.best.dropna(subset=["training_error"])
        figures += _training_error_figures(both)
        if both["dataset"].nunique() > 1:
            shown["Rank correlations of test and training errors"] = _of_both_errors(both)
    if figures:
        text = "Do the ranks depend on how the nets were trained, or on which error is measured?"
        yield PopulationSection("controls", "Controls", text, shown, figures, population.best)


def _figures_of_changes(frame: DataFrame) -> Iterator[Figure]:
    """Yield a figure for each change of hyperparameters."""
    for number, change in enumerate(changes_of(frame), 1):
        draw = _of(of_change(frame, change), rep.changed_hyperparameters)
        yield Figure(f"changed-{number}", CONTROLS[_CHANGED].format(change), draw)


def _training_error_figures(both: DataFrame) -> Iterator[Figure]:
    """Yield the figures of nets that have a training error."""
    if both["dataset"].nunique() > 1:
        training = both.assign(error=both["training_error"])
        caption = "Rank correlations between datasets, of the errors on the training split"
        yield Figure("training-agreement", caption, _of(training, rep.rank_agreement))
    if "depth" in with_totals(both).columns:
        draw = _of(both, rep.error_against, error="training_error")
        yield Figure("training-error", "Training error against depth", draw)


def _of_both_errors(both: DataFrame) -> DataFrame:
    """Return the rank correlations of the test and the training errors, over the same nets."""
    ends = ["correlation", "low", "high"]
    test = rep.rank_correlations(both).drop(columns="p_value")
    training = rep.rank_correlations(both.assign(error=both["training_error"]))
    return test.assign(**{f"training_{name}": training[name] for name in ends})


def _with_both_errors(best: DataFrame) -> DataFrame:
    """Return the rows with a top-5 error; their ``error`` is the top-1 error."""
    if "top5_error" not in best.columns:
        return best.head(0)
    if "top1_error" in best.columns:
        best = best.assign(error=best["top1_error"])
    return best.dropna(subset=["error", "top5_error"])


def _lengths(frame: DataFrame) -> DataFrame:
    """Return the errors of the nets that were trained for several numbers of epochs."""
    columns = ["dataset", "net", "epochs", "error"]
    if "epochs" not in frame.columns:
        return frame.reindex(columns=columns).head(0)
    rows = frame[frame.duplicated(list(NET), keep=False)]
    return rows.sort_values(columns[:3])[columns]


def _of(frame: DataFrame, draw: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Return a function that draws a figure of this frame, whatever frame it is given."""
    return partial(_draw_other, draw, frame, options)


def _draw_other(
    draw: Callable[..., Any], frame: DataFrame, options: Mapping[str, Any], _: DataFrame
) -> Any:
    return draw(frame, **options)
