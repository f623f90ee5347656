"""Compare the data, the code and the metrics of a campaign with those of recorded trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.events import Warned
from lemur_core.file_entry import SIGN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline
    from lemur_core.search.trial_resources import TrialResources


def check_data(pipeline: Pipeline, resources: TrialResources) -> None:
    """Warn of recorded trials of a pipeline that were trained on other data or unknown data.

    With the setting ``adopt``, trials of unknown data are recorded as trained on the current data.
    """
    data = resources.bundles.record(pipeline)
    if data is None:
        return
    if resources.settings.adopt and (adopted := resources.writer.adopt(pipeline, data)):
        text = f"{_trials(adopted)} recorded as trained on {data.label}"
        resources.watch(Warned(f"dataset {pipeline.dataset!r}: {text}"))
    elsewhere = resources.writer.count_elsewhere(pipeline, data)
    if elsewhere:
        resources.watch(Warned(_elsewhere(pipeline.dataset, data, elsewhere)))
    elif unknown := resources.writer.count_unknown(pipeline):
        resources.watch(Warned(_assumed_same(pipeline.dataset, data, unknown)))


def check_code(pipeline: Pipeline, resources: TrialResources) -> None:
    """Warn of recorded trials whose loader or metric is another version of the pipeline's file."""
    if other := resources.writer.count_other_code(pipeline):
        resources.watch(Warned(_other_code(pipeline, other)))


def check_metrics(pipeline: Pipeline, resources: TrialResources) -> None:
    """Warn of recorded trials of a pipeline that were not scored by all of its metrics."""
    if lacking := resources.writer.count_lacking_scores(pipeline):
        resources.watch(
            Warned(
                f"{_trials(lacking)} of {pipeline.name} in this database "
                f"{'was' if lacking == 1 else 'were'} not scored by {', '.join(pipeline.also)} and "
                f"{'is' if lacking == 1 else 'are'} not counted"
            )
        )


def _other_code(pipeline: Pipeline, trials: int) -> str:
    files = [
        f"{kind} {name.partition(SIGN)[0]!r}"
        for kind, name in (("dataset", pipeline.dataset), ("metric", pipeline.metric))
        if SIGN in name
    ]
    return (
        f"{' or '.join(files)} was edited: {_trials(trials)} of this database used other code and "
        f"{'is' if trials == 1 else 'are'} not counted"
    )


def _elsewhere(dataset: str, data: DatasetRecord, elsewhere: Mapping[str | None, int]) -> str:
    counts = [f"{count} on {label}" for label, count in elsewhere.items() if label is not None]
    unknown = elsewhere.get(None, 0)
    counts += [f"{unknown} on unknown data"] * bool(unknown)
    total = sum(elsewhere.values())
    text = (
        f"dataset {dataset!r} is {data.label}; {_trials(total)} of this database "
        f"{'was' if total == 1 else 'were'} trained on other data ({', '.join(counts)}) and "
        f"{'is' if total == 1 else 'are'} not counted"
    )
    hint = "; if the unknown data is the same as the current data, use --adopt"
    return text + hint * bool(unknown)


def _assumed_same(dataset: str, data: DatasetRecord, unknown: int) -> str:
    return (
        f"dataset {dataset!r}: {_trials(unknown)} of this database "
        f"{'does' if unknown == 1 else 'do'} not state the data used for training, and "
        f"{'counts' if unknown == 1 else 'count'} as trained on {data.label}; use --adopt to "
        "record that"
    )


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"
