"""``lemur show trial``: everything recorded about a trial, and the command that repeats it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.cli.failure import place_of
from lemur_core.cli.table import text_table
from lemur_core.cli.text import binary, counted, json_text
from lemur_core.continuation import origin_in
from lemur_core.early_end import ENDED_EARLY, REPEATS, EarlyEnd
from lemur_core.error_metric import error_number
from lemur_core.escapes import join_lines
from lemur_core.restriction import split
from lemur_core.store.writing.elsewhere import RECIPE as ELSEWHERE
from lemur_core.tags import tag_fact, tags_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.store.reading.stored_trial import StoredEpoch, StoredTrial

_HEADERS = ("epoch", "accuracy", "validation", "loss", "validation loss", "seconds")


def trial_text(trial: StoredTrial) -> str:
    """Return everything recorded about a trial except its code."""
    return "\n".join([join_lines(_facts(trial)), "", _curve(trial), *_traceback(trial)])


def _facts(trial: StoredTrial) -> Iterator[str]:
    yield f"{'trial':<12}{trial.facts['uid']}"
    yield f"{'pipeline':<12}{trial.pipeline}"
    yield from _data(trial)
    for name, value in trial.summary.items():
        yield f"{name:<12}{value}"
    if place := place_of(trial.facts["traceback"]):
        yield f"{'failed in':<12}{place}"
    if best := trial.best:
        yield f"{'best':<12}epoch {best.number}: {_scores(trial, best)}"
    yield from _prediction(trial)
    yield from _links(trial)
    for part, count in trial.left_out.items():
        yield f"{'left out':<12}{count} of {part}, which cannot be decoded"
    for source in dict.fromkeys(epoch.source for epoch in trial.epochs if epoch.source):
        yield f"{'source':<12}{source}"
    for name, version in sorted((trial.facts["versions"] or {}).items()):
        yield f"{'version':<12}{name} {version}"
    for name, value in sorted(trial.prm.items()):
        yield f"{'prm':<12}{name} = {value!r}"
    yield from _attached(trial)
    if trial.facts["recipe"] == ELSEWHERE:
        yield f"{'recorded':<12}by another program, whose training lemur cannot repeat"
    elif trial.facts["seed"] is not None and origin_in(trial.prm) is None:
        yield f"{'repeat':<12}lemur reproduce {trial.facts['uid']}"


def _scores(trial: StoredTrial, epoch: StoredEpoch) -> str:
    if errors := trial.errors(epoch):
        return errors.text(trial.facts["metric"])
    return f"validation {_digits(epoch.validation, 4)}, test {epoch.accuracy:.4f}"


def _links(trial: StoredTrial) -> Iterator[str]:
    if end := EarlyEnd.of(trial.attached.get(ENDED_EARLY)):
        ended = f", {end.ended}" if end.ended else ""
        yield f"{'stopped':<12}{end.state} after {counted(end.epochs, 'epoch')}{ended}"
    for link in trial.links:
        after = "" if link.epoch is None else f" after epoch {link.epoch}"
        relation, _, by = link.relation.partition(" ")
        yield f"{relation:<12}{by and 'by '}trial {link.uid}{after}"


def _attached(trial: StoredTrial) -> Iterator[str]:
    for tag in tags_of(trial.attached):
        yield f"{'tag':<12}{tag}"
    tags = {tag_fact(tag) for tag in tags_of(trial.attached)}
    for name, value in trial.attached.items():
        if name in tags or name in (ENDED_EARLY, REPEATS):
            continue
        yield f"{'fact':<12}{name} = {json_text(value)}"
    for epoch, values in trial.epochs_attached.items():
        for name, value in values.items():
            yield f"{'fact':<12}epoch {epoch}: {name} = {json_text(value)}"
    for artefact in trial.artefacts:
        yield (
            f"{'artefact':<12}{artefact.name}, {artefact.kind}, {binary(artefact.bytes)}, "
            f"{artefact.path}"
        )


def _data(trial: StoredTrial) -> Iterator[str]:
    if trial.data is None:
        return
    yield f"{'data':<12}{trial.data.label} ({trial.data.sizes})"
    yield f"{'fingerprint':<12}{trial.data.fingerprint}"
    if names := _class_names(trial.facts["dataset"], trial.data.class_names):
        yield f"{'classes':<12}{', '.join(names)}"


def _class_names(dataset: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the classes that the dataset's restriction keeps."""
    from lemur_core.chosen_classes import chosen_classes

    _, restriction = split(dataset)
    if restriction.classes is None or restriction.classes >= len(names):
        return names
    chosen = chosen_classes(len(names), restriction.classes, restriction.seed)
    return tuple(names[number] for number in chosen)


def _prediction(trial: StoredTrial) -> Iterator[str]:
    prediction = trial.prediction
    if prediction is None:
        return
    audited = "; the trial was trained to the end as a check" if prediction.audited else ""
    yield (
        f"{'predicted':<12}{prediction.score:.4f} by {prediction.estimator} after "
        f"{prediction.epoch:g} epochs{audited}"
    )
    for name, value in sorted(prediction.facts.items()):
        yield f"{'':<12}{name} = {value!r}"


def _curve(trial: StoredTrial) -> str:
    if not trial.epochs:
        return "no epoch was recorded"
    others = sorted({name for epoch in trial.epochs for name in epoch.scores})
    headers, rows = [*_HEADERS, *others], [_row(epoch, others) for epoch in trial.epochs]
    errors = [trial.errors(epoch) for epoch in trial.epochs]
    if any(errors):
        headers += ["error", "validation error"]
        for row, error in zip(rows, errors, strict=True):
            row += ["-", "-"] if error is None else [*map(error_number, reversed(error))]
    return text_table(headers, rows)


def _row(epoch: StoredEpoch, others: list[str]) -> list[str]:
    seconds = None if epoch.duration_ns is None else epoch.duration_ns / 1e9
    cells = [str(epoch.number)]
    scores = (epoch.accuracy, epoch.validation, epoch.loss, epoch.validation_loss)
    cells += [_digits(score, 4) for score in scores]
    cells.append(_digits(seconds, 1))
    return cells + [_digits(epoch.scores.get(name, (None, None))[1], 4) for name in others]


def _digits(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _traceback(trial: StoredTrial) -> Iterator[str]:
    if trial.facts["traceback"]:
        yield f"\n{trial.facts['traceback'].rstrip()}"
