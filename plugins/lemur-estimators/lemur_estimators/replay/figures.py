"""Draw the figures of a replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_estimators.replay.judge import ReplayResult
from lemur_estimators.replay.measures import BEST, Measures

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

Results = Mapping[str, Sequence[ReplayResult]]
_BEST_SHARE = 0.2
_INK = "#37474f"


def draw(folder: Path, results: Results, measures: Mapping[str, Measures]) -> list[Path]:
    """Create a folder, write the figures to it as PNG files, and return their paths.

    Args:
        folder: The folder.
        results: The results of each estimator, by name.
        measures: The measures of each estimator, by name.
    """
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw_axis in (
        ("epochs", _epochs),
        ("predictions", _predictions),
        ("best", _best),
        ("errors", _errors),
    ):
        rows = -(-len(results) // 4)
        across = min(4, len(results))
        figure, axes = plt.subplots(
            rows, across, figsize=(3.4 * across, 3.1 * rows), squeeze=False, layout="constrained"
        )
        for axis in axes.flat[len(results) :]:
            axis.set_visible(False)
        for axis, (estimator, of_estimator) in zip(axes.flat, results.items(), strict=False):
            axis.set_title(estimator, fontsize=10)
            draw_axis(axis, [result for result in of_estimator if result.order == 0])
        written.append(_save(plt, figure, folder / f"{name}.png"))
    for name, draw_all in (("overlap", _overlap), ("trade", _trade)):
        figure, axis = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
        draw_all(axis, measures)
        written.append(_save(plt, figure, folder / f"{name}.png"))
    return written


def _save(plt: Any, figure: Any, file: Path) -> Path:
    figure.savefig(file, dpi=130)
    plt.close(figure)
    return file


def _epochs(axis: Axes, results: Sequence[ReplayResult]) -> None:
    """Draw the distribution of the share of epochs after which trials were stopped."""
    axis.hist(
        [100 - 100 * result.saved for result in results],
        np.linspace(0, 100, 21).tolist(),
        color="#00838f",
    )
    axis.set(xlabel="epochs trained, %", ylabel="trials", xlim=(0, 100))


def _predictions(axis: Axes, results: Sequence[ReplayResult]) -> None:
    """Draw the predicted against the measured final scores."""
    for early, colour, label in (
        (False, "#b0bec5", "to the end"),
        (True, "#c62828", "stopped early"),
    ):
        chosen = [result for result in results if result.early == early]
        measured = [100 * result.trial.curve.final for result in chosen]
        predicted = [100 * result.predicted for result in chosen]
        axis.scatter(measured, predicted, 9, colour, label=label, alpha=0.7, lw=0)
    axis.plot((0, 100), (0, 100), color=_INK, lw=0.7)
    axis.set(xlabel="measured, %", ylabel="predicted, %", xlim=(0, 100), ylim=(0, 100))
    axis.legend(fontsize=7, frameon=False, loc="upper left")


def _best(axis: Axes, results: Sequence[ReplayResult]) -> None:
    """Draw the scores of the true and of the predicted best fifth of each study."""
    studies = sorted({result.trial.study for result in results})
    for index, study in enumerate(studies):
        of_study = [result for result in results if result.trial.study == study]
        count = max(1, round(_BEST_SHARE * len(of_study)))
        true = np.array([100 * result.trial.curve.final for result in of_study])
        order = np.argsort([-result.predicted for result in of_study], kind="stable")
        for shift, scores, colour in (
            (-0.2, np.sort(true)[::-1][:count], "#90a4ae"),
            (0.2, true[order[:count]], "#00838f"),
        ):
            axis.boxplot(
                scores,
                positions=[index + shift],
                widths=0.32,
                patch_artist=True,
                boxprops={"facecolor": colour},
                medianprops={"color": "black"},
                flierprops={"markersize": 2},
            )
    axis.set_xticks(range(len(studies)), list(map(_short, studies)), fontsize=6, rotation=35)
    axis.set(ylabel="score of the best 20 %: true, predicted")


def _errors(axis: Axes, results: Sequence[ReplayResult]) -> None:
    """Draw the distribution of the errors of predictions for trials that were stopped early."""
    stopped = [result for result in results if result.early]
    errors = [100 * (result.predicted - result.trial.curve.final) for result in stopped]
    axis.hist(np.clip(errors, -15, 15), np.linspace(-15, 15, 31).tolist(), color="#6a1b9a")
    axis.axvline(0, color=_INK, lw=0.7)
    axis.set(xlabel="predicted - measured, points", ylabel="trials stopped early", xlim=(-15, 15))


def _overlap(axis: Axes, measures: Mapping[str, Measures]) -> None:
    width = 0.8 / len(BEST)
    for index, share in enumerate(BEST):
        positions = np.arange(len(measures)) + (index - (len(BEST) - 1) / 2) * width
        heights = [of_estimator.overlap[index] for of_estimator in measures.values()]
        axis.bar(
            positions,
            heights,
            width,
            label=f"best {share:.0%}",
            color=("#80cbc4", "#00838f", "#004d55")[index],
        )
    axis.set_xticks(range(len(measures)), list(measures), rotation=20)
    axis.set(ylabel="overlap of predicted and true best", ylim=(0, 1))
    axis.legend(frameon=False, ncols=len(BEST), loc="upper center", bbox_to_anchor=(0.5, 1.13))


def _trade(axis: Axes, measures: Mapping[str, Measures]) -> None:
    for name, of_estimator in measures.items():
        point = (100 * of_estimator.saved, of_estimator.overlap[1])
        axis.scatter(*point, 42, label=name)
        axis.annotate(name, point, (5, 4), textcoords="offset points", fontsize=8)
    axis.set(xlabel="epochs saved, %", ylabel="overlap of the best 20 %", xlim=(0, 100))
    axis.grid(color="#eceff1")


def _short(study: str) -> str:
    return study.split("_")[1] if study.count("_") == 2 else study
