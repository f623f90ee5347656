"""The text that ends a campaign: leaderboard, failures and where the results are."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from lemur_core.cli.failure import SHORT, db_flag
from lemur_core.cli.table import headed, text_table
from lemur_core.cli.text import counted, duration, prm_text
from lemur_core.continuation import origin_in
from lemur_core.error_metric import error_number
from lemur_core.escapes import join_lines
from lemur_core.restriction import split, without_fold
from lemur_core.trial import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lemur_core.restriction import Restriction
    from lemur_core.search.forecast import EstimatorAudit
    from lemur_core.store.reading.standings import Standing
    from lemur_core.summary import Left, Summary

STATE = "state"
"""Header after the epoch, if a trial on the leaderboard was not trained to its last epoch."""
FOLD = "fold"
"""Header after the net, if a dataset is divided into folds."""
SEEDS = ("mean test", "n")
"""Headers after the test score, if settings were trained with several seeds."""
_HEADERS = (
    "net", FOLD, "test", *SEEDS, "validation", "id", "trial", "epoch", STATE, "seconds",
    "hyperparameters",
)  # fmt: skip


def closing_text(
    summary: Summary, elapsed_s: float, failures: Mapping[str, str] | None = None
) -> str:
    """Return the text that ends a campaign.

    Args:
        summary: The summary of the campaign.
        elapsed_s: Seconds since it started.
        failures: For each reason of a failure, a line that says where it happened.
    """
    closing = _closing(summary, elapsed_s, failures or {})
    parts = [*_boards(summary.standings), join_lines(closing)]
    return "\n\n".join(parts)


def _boards(standings: list[Standing]) -> Iterator[str]:
    ordered = sorted(standings, key=lambda standing: (_board(standing), -standing.validation))
    for board, group in groupby(ordered, _board):
        rows = list(group)
        if folds := _folds_text(rows):
            yield headed(f"{board}: mean ± standard deviation over the folds", folds)
        left_out = _left_out(rows)
        headers = [name for name in _HEADERS if name not in left_out]
        cells = [dict(zip(_HEADERS, _row(standing), strict=True)) for standing in rows]
        yield headed(board, text_table(headers, [[row[name] for name in headers] for row in cells]))


def _folds_text(standings: Sequence[Standing]) -> str:
    """Return a table of the scores averaged over folds; empty if no net has several."""
    nets: dict[tuple[str, Restriction], list[Standing]] = {}
    for standing in standings:
        restriction = _restriction(standing)
        if restriction.folds is not None:
            # Folds of different divisions are not averaged.
            key = standing.pipeline.rpartition("_")[2], replace(restriction, fold=None)
            nets.setdefault(key, []).append(standing)
    rows = [_folds_row(net, folds) for (net, _), folds in nets.items() if len(folds) > 1]
    return text_table(("net", "test", "validation", "folds"), rows) if rows else ""


def _continued_text(folds: Sequence[Standing]) -> str:
    """Return how many folds were trained longer than the others; empty if none was."""
    continued = sum(origin_in(standing.prm) is not None for standing in folds)
    return f", {continued} continued" if 0 < continued < len(folds) else ""


def _folds_row(net: str, folds: Sequence[Standing]) -> list[str]:
    return [
        net,
        _mean_text(_values(folds, "error", "accuracy")),
        _mean_text(_values(folds, "validation_error", "validation")),
        f"{len(folds)} of {_restriction(folds[0]).folds}{_continued_text(folds)}",
    ]


def _mean_text(scores: Sequence[float]) -> str:
    return f"{fmean(scores):.4f} ± {stdev(scores):.4f}"


def _restriction(standing: Standing) -> Restriction:
    return split(standing.pipeline.split("_")[1])[1]


def _left_out(standings: Sequence[Standing]) -> set[str]:
    """Return the headers of columns that say nothing about these standings."""
    has_states = any(standing.state is not State.FINISHED for standing in standings)
    has_seeds = any((standing.seeds or 0) > 1 for standing in standings)
    has_folds = any(_restriction(standing).folds is not None for standing in standings)
    shown = {STATE: has_states, FOLD: has_folds, **dict.fromkeys(SEEDS, has_seeds)}
    return {header for header, is_shown in shown.items() if not is_shown}


def _row(standing: Standing) -> Sequence[str]:
    """Return the cells of a standing, in the order of `_HEADERS`."""
    return [
        standing.pipeline.rpartition("_")[2],
        "-" if (fold := _restriction(standing).fold) is None else str(fold),
        _text(standing.error, standing.accuracy),
        *_seeds(standing),
        _text(standing.validation_error, standing.validation),
        standing.uid[:SHORT],
        str(standing.trial),
        str(standing.epoch),
        standing.state.words,
        f"{standing.duration_ns / 1e9:.1f}",
        prm_text(standing.prm),
    ]


def _values(folds: Sequence[Standing], error: str, score: str) -> list[float]:
    """Return the errors of folds, or their scores if the error of one of them is unknown."""
    errors = [getattr(fold, error) for fold in folds]
    return [getattr(fold, score) for fold in folds] if None in errors else errors


def _text(error: float | None, score: float) -> str:
    """Return what people read: the error, if the metric gives errors, or the score."""
    return f"{score:.4f}" if error is None else error_number(error)


def _seeds(standing: Standing) -> tuple[str, str]:
    """Return the mean on the test split over the seeds, with its deviation, and their number."""
    mean, deviation = standing.accuracy_mean, standing.accuracy_std
    if standing.error_mean is not None:
        mean, deviation = standing.error_mean, standing.error_std
    if standing.seeds is None or mean is None or deviation is None:
        return "", "1"
    return f"{error_number(mean)} ± {error_number(deviation)}", str(standing.seeds)


def _board(standing: Standing) -> str:
    """Return the task, dataset and metric of a pipeline, whose nets share a leaderboard.

    The folds of a dataset share one too.
    """
    task, dataset, metric, _ = standing.pipeline.split("_")
    return f"{task}_{without_fold(dataset)}_{metric}"


def _closing(summary: Summary, elapsed_s: float, failures: Mapping[str, str]) -> Iterator[str]:
    counts = [f"{summary.states[state]} {state.words}" for state in State if summary.states[state]]
    yield f"trials: {', '.join(counts) or 'none to train'}, in {duration(elapsed_s)}"
    if summary.left:
        yield f"the time is over: {_left(summary.left)}; the same command continues"
    for reason, count in summary.reasons.most_common():
        yield f"  {count} failed: {reason}"
        if reason in failures:
            yield f"    {failures[reason]}"
    if summary.audit:
        yield from _audited(summary.audit)
    yield f"results: {summary.db} (lemur data{db_flag(summary.db)})"


def _left(left: Left) -> str:
    begun = f"{counted(left.trials, 'trial')} of {counted(left.pipelines, 'pipeline')} left"
    waiting = f"{counted(left.not_begun, 'pipeline')} not begun"
    return ", ".join([begun] * bool(left.trials) + [waiting] * bool(left.not_begun))


def _audited(audit: EstimatorAudit) -> Iterator[str]:
    share = audit.saved / audit.expected if audit.expected else 0
    yield (
        f"estimator {audit.estimator}: {audit.stopped} stopped, {audit.saved} of {audit.expected} "
        f"epochs saved ({share:.0%})"
    )
    if audit.drawn:
        predicted, measured = zip(*audit.drawn, strict=True)
        errors = [abs(score - final) for score, final in audit.drawn]
        yield (
            f"  {len(errors)} trained to the end as a check: mean score {fmean(measured):.4f}, "
            f"predicted {fmean(predicted):.4f}; mean error {fmean(errors):.4f}, "
            f"largest {max(errors):.4f}"
        )
    for predicted_score, final in audit.completed:
        yield (
            f"  stopped, then trained to the end as one of the best: score {final:.4f}, "
            f"predicted {predicted_score:.4f}"
        )
