"""Compare the data of a campaign with the data of earlier trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.events import Warned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_core.dataset import DatasetRecord
    from lemur_core.pipeline import Pipeline
    from lemur_core.search.trial_resources import TrialResources


def check_data(pipeline: Pipeline, means: TrialResources) -> None:
    """Warn of earlier trials that were trained on other data than a pipeline's, or unknown data.

    With the setting ``adopt``, trials of unknown data are recorded as trained on the data at hand.
    """
    data = means.bundles.record(pipeline)
    if data is None:
        return
    if means.settings.adopt and (adopted := means.writer.adopt(pipeline, data)):
        text = f"{_trials(adopted)} recorded as trained on {data.label}"
        means.watch(Warned(f"data set {pipeline.dataset!r}: {text}"))
    elsewhere = means.writer.count_elsewhere(pipeline, data)
    if elsewhere:
        means.watch(Warned(_elsewhere(pipeline.dataset, data, elsewhere)))
    elif unknown := means.writer.count_unknown(pipeline):
        means.watch(Warned(_taken_for_granted(pipeline.dataset, data, unknown)))


def _elsewhere(dataset: str, data: DatasetRecord, elsewhere: Mapping[str | None, int]) -> str:
    known = [f"{count} on {label}" for label, count in elsewhere.items() if label is not None]
    unknown = elsewhere.get(None, 0)
    told = known + [f"{unknown} on unknown data"] * bool(unknown)
    total = sum(elsewhere.values())
    text = (
        f"data set {dataset!r} is {data.label}; {_trials(total)} of this database "
        f"{'was' if total == 1 else 'were'} trained on other data ({', '.join(told)}): kept, but "
        "not counted"
    )
    hint = "; if the unknown data is this data, --adopt says so"
    return text + hint * bool(unknown)


def _taken_for_granted(dataset: str, data: DatasetRecord, unknown: int) -> str:
    return (
        f"data set {dataset!r}: {_trials(unknown)} of this database "
        f"{'does' if unknown == 1 else 'do'} not say what data was trained on, and "
        f"{'counts' if unknown == 1 else 'count'} as trained on {data.label}; --adopt records that"
    )


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"
