"""The figures of a replay, drawn without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_estimators.replay.judge import ReplayResult
from lemur_estimators.replay.measures import BEST, Measures

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

Verdicts = Mapping[str, Sequence[ReplayResult]]
_BEST_SHARE = 0.2
_INK = "#37474f"


def draw(folder: Path, verdicts: Verdicts, measured: Mapping[str, Measures]) -> list[Path]:
    """Write the figures as PNG files into a folder, which is made, and return their paths."""
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, drawn in (
        ("epochs", _epochs),
        ("predictions", _predictions),
        ("best", _best),
        ("errors", _errors),
    ):
        rows = -(-len(verdicts) // 4)
        across = min(4, len(verdicts))
        figure, axes = plt.subplots(
            rows, across, figsize=(3.4 * across, 3.1 * rows), squeeze=False, layout="constrained"
        )
        for axis in axes.flat[len(verdicts) :]:
            axis.set_visible(False)
        for axis, (estimator, ones) in zip(axes.flat, verdicts.items(), strict=False):
            axis.set_title(estimator, fontsize=10)
            drawn(axis, [one for one in ones if one.order == 0])
        written.append(_saved(plt, figure, folder / f"{name}.png"))
    for name, over_all in (("overlap", _overlap), ("trade", _trade)):
        figure, axis = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
        over_all(axis, measured)
        written.append(_saved(plt, figure, folder / f"{name}.png"))
    return written


def _saved(plt: Any, figure: Any, file: Path) -> Path:
    figure.savefig(file, dpi=130)
    plt.close(figure)
    return file


def _epochs(axis: Axes, verdicts: Sequence[ReplayResult]) -> None:
    """When trials were ended: the distribution of the share of epochs that was trained."""
    axis.hist(
        [100 - 100 * one.saved for one in verdicts],
        np.linspace(0, 100, 21).tolist(),
        color="#00838f",
    )
    axis.set(xlabel="epochs trained, %", ylabel="trials", xlim=(0, 100))


def _predictions(axis: Axes, verdicts: Sequence[ReplayResult]) -> None:
    """Each final score as it was predicted, by what it was."""
    for early, colour, label in (
        (False, "#b0bec5", "to the end"),
        (True, "#c62828", "ended early"),
    ):
        ones = [one for one in verdicts if one.early == early]
        true = [100 * one.trial.curve.final for one in ones]
        axis.scatter(
            true, [100 * one.predicted for one in ones], 9, colour, label=label, alpha=0.7, lw=0
        )
    axis.plot((0, 100), (0, 100), color=_INK, lw=0.7)
    axis.set(xlabel="measured, %", ylabel="predicted, %", xlim=(0, 100), ylim=(0, 100))
    axis.legend(fontsize=7, frameon=False, loc="upper left")


def _best(axis: Axes, verdicts: Sequence[ReplayResult]) -> None:
    """The scores of the true best fifth of each study, and of those taken for them."""
    studies = sorted({one.trial.study for one in verdicts})
    for place, study in enumerate(studies):
        ones = [one for one in verdicts if one.trial.study == study]
        count = max(1, round(_BEST_SHARE * len(ones)))
        true = np.array([100 * one.trial.curve.final for one in ones])
        taken = true[np.argsort([-one.predicted for one in ones], kind="stable")[:count]]
        for shift, scores, colour in (
            (-0.2, np.sort(true)[::-1][:count], "#90a4ae"),
            (0.2, taken, "#00838f"),
        ):
            axis.boxplot(
                scores,
                positions=[place + shift],
                widths=0.32,
                patch_artist=True,
                boxprops={"facecolor": colour},
                medianprops={"color": "black"},
                flierprops={"markersize": 2},
            )
    axis.set_xticks(range(len(studies)), [_short(one) for one in studies], fontsize=6, rotation=35)
    axis.set(ylabel="score of the best 20 %: true, taken")


def _errors(axis: Axes, verdicts: Sequence[ReplayResult]) -> None:
    """How far off the predictions of trials that were ended early are."""
    off = [100 * (one.predicted - one.trial.curve.final) for one in verdicts if one.early]
    axis.hist(np.clip(off, -15, 15), np.linspace(-15, 15, 31).tolist(), color="#6a1b9a")
    axis.axvline(0, color=_INK, lw=0.7)
    axis.set(xlabel="predicted - measured, points", ylabel="trials ended early", xlim=(-15, 15))


def _overlap(axis: Axes, measured: Mapping[str, Measures]) -> None:
    width = 0.8 / len(BEST)
    for place, share in enumerate(BEST):
        at = np.arange(len(measured)) + (place - (len(BEST) - 1) / 2) * width
        heights = [one.overlap[place] for one in measured.values()]
        axis.bar(
            at,
            heights,
            width,
            label=f"best {share:.0%}",
            color=("#80cbc4", "#00838f", "#004d55")[place],
        )
    axis.set_xticks(range(len(measured)), list(measured), rotation=20)
    axis.set(ylabel="overlap of predicted and true best", ylim=(0, 1))
    axis.legend(frameon=False, ncols=len(BEST), loc="upper center", bbox_to_anchor=(0.5, 1.13))


def _trade(axis: Axes, measured: Mapping[str, Measures]) -> None:
    for name, one in measured.items():
        axis.scatter(100 * one.saved, one.overlap[1], 42, label=name)
        axis.annotate(
            name, (100 * one.saved, one.overlap[1]), (5, 4), textcoords="offset points", fontsize=8
        )
    axis.set(xlabel="epochs saved, %", ylabel="overlap of the best 20 %", xlim=(0, 100))
    axis.grid(color="#eceff1")


def _short(study: str) -> str:
    return study.split("_")[1] if study.count("_") == 2 else study
