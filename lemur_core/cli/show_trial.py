"""``lemur show trial``: everything that is known of one, and the command that repeats it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.cli.table import text_table
from lemur_core.cli.text import binary, json_text
from lemur_core.escapes import join_lines
from lemur_core.store.writing.elsewhere import RECIPE as ELSEWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.store.reading.stored_trial import StoredEpoch, StoredTrial

_HEADERS = ("epoch", "accuracy", "validation", "loss", "seconds")


def trial_text(told: StoredTrial) -> str:
    """Return what is known of a trial, its code left out."""
    return "\n".join([join_lines(_facts(told)), "", _curve(told), *_traceback(told)])


def _facts(told: StoredTrial) -> Iterator[str]:
    yield f"{'trial':<12}{told.facts['uid']}"
    yield f"{'pipeline':<12}{told.pipeline}"
    yield from _data(told)
    for name, value in told.summary.items():
        yield f"{name:<12}{value}"
    if best := told.best:
        validation = _digits(best.validation, 4)
        yield f"{'best':<12}epoch {best.number}: validation {validation}, test {best.accuracy:.4f}"
    yield from _prediction(told)
    for split, count in told.left_out.items():
        yield f"{'left out':<12}{count} of {split}, which cannot be decoded"
    for source in dict.fromkeys(epoch.source for epoch in told.epochs if epoch.source):
        yield f"{'source':<12}{source}"
    for name, version in sorted((told.facts["versions"] or {}).items()):
        yield f"{'version':<12}{name} {version}"
    for name, value in sorted(told.prm.items()):
        yield f"{'prm':<12}{name} = {value!r}"
    yield from _attached(told)
    if told.facts["recipe"] == ELSEWHERE:
        yield f"{'recorded':<12}by another program, whose training lemur cannot repeat"
    elif told.facts["seed"] is not None:
        yield f"{'repeat':<12}lemur reproduce {told.facts['uid']}"


def _attached(told: StoredTrial) -> Iterator[str]:
    for name, value in told.attached.items():
        yield f"{'fact':<12}{name} = {json_text(value)}"
    for epoch, values in told.epochs_attached.items():
        for name, value in values.items():
            yield f"{'fact':<12}epoch {epoch}: {name} = {json_text(value)}"
    for one in told.artefacts:
        yield f"{'artefact':<12}{one.name}, {one.kind}, {binary(one.bytes)}, {one.path}"


def _data(told: StoredTrial) -> Iterator[str]:
    if told.data is None:
        return
    yield f"{'data':<12}{told.data.label} ({told.data.sizes})"
    yield f"{'fingerprint':<12}{told.data.fingerprint}"
    if told.data.class_names:
        yield f"{'classes':<12}{', '.join(told.data.class_names)}"


def _prediction(told: StoredTrial) -> Iterator[str]:
    prediction = told.prediction
    if prediction is None:
        return
    audited = ", and the trial trained on to see" if prediction.audited else ""
    yield (
        f"{'predicted':<12}{prediction.score:.4f} by {prediction.estimator} after "
        f"{prediction.epoch:g} epochs{audited}"
    )
    for name, value in sorted(prediction.facts.items()):
        yield f"{'':<12}{name} = {value!r}"


def _curve(told: StoredTrial) -> str:
    if not told.epochs:
        return "no epoch was recorded"
    others = sorted({name for epoch in told.epochs for name in epoch.scores})
    return text_table([*_HEADERS, *others], [_row(epoch, others) for epoch in told.epochs])


def _row(epoch: StoredEpoch, others: list[str]) -> list[str]:
    seconds = None if epoch.duration_ns is None else epoch.duration_ns / 1e9
    cells = [str(epoch.number)]
    cells += [_digits(one, 4) for one in (epoch.accuracy, epoch.validation, epoch.loss)]
    cells.append(_digits(seconds, 1))
    return cells + [_digits(epoch.scores.get(name, (None, None))[1], 4) for name in others]


def _digits(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _traceback(told: StoredTrial) -> Iterator[str]:
    if told.facts["traceback"]:
        yield f"\n{told.facts['traceback'].rstrip()}"
