"""Format the events of a campaign as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lemur_core.cli.text import binary, duration, prm_text
from lemur_core.error_metric import Errors
from lemur_core.settings import DrawnSeed
from lemur_core.trial import Epoch, Outcome, Prediction, State, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lemur_core import events
    from lemur_core.pipeline import Pipeline
    from lemur_core.space import Value

# A single sample changes the score on fewer samples by more than 2 %.
_FEW_SAMPLES = 50


def fetched_line(event: events.FileFetched) -> str:
    """Return how much of a dataset's file is downloaded."""
    of = f" of {binary(event.total)}" if event.total else ""
    return f"fetching {event.file}: {binary(event.done)}{of}"


def campaign_line(event: events.CampaignStarted) -> str:
    """Return how much a campaign trains, on which devices, and where results are recorded."""
    pipelines, trials = len(event.pipelines), event.trials
    return (
        f"{_count(pipelines, 'pipeline')}, {_count(trials, 'trial')} of "
        f"{_count(event.epochs, 'epoch')} on {_places(event.devices)}{_drawn(event.seed)}; "
        f"results go to {event.db}"
    )


def _drawn(seed: int) -> str:
    return f", with the drawn seed {seed}" if isinstance(seed, DrawnSeed) else ""


def study_line(event: events.StudyStarted) -> str:
    """Return a pipeline's name and how many of its trials are done and to be trained."""
    done = f", {event.done} already done" if event.done else ""
    others = ""
    if event.others:
        others = f" ({_count(event.others, 'trial')} with other hyperparameters not counted)"
    return f"{event.pipeline.name}: {_count(event.trials, 'trial')} to go{done}{others}"


def searched_line(event: events.StudyStarted) -> str:
    """Return the names of the hyperparameters that are searched, and the values of the others."""
    names = sorted(name for name in event.searched if name != "transform")
    if "transform" in event.searched:
        transforms = event.searched["transform"].split(",")
        names.append(f"{len(transforms)} transforms ({', '.join(transforms)})")
    searched = [f"searched: {', '.join(names)}"] if names else []
    fixed = [f"fixed: {prm_text(event.fixed)}"] if event.fixed else []
    return f"  {'; '.join([*searched, *fixed])}".rstrip()


def validation_line(event: events.StudyStarted) -> str:
    """Return a warning of a validation split that is too small to compare scores; else nothing."""
    if not 0 < event.validation < _FEW_SAMPLES:
        return ""
    samples = _count(event.validation, "sample")
    restriction = event.pipeline.restriction
    can_grow = event.is_held_out and restriction.validation is None and restriction.folds is None
    return (
        f"dataset {event.pipeline.dataset!r}: validation split has {samples}: scores differ by "
        f"{1 / event.validation:.0%} per sample{'; use --validation 0.2' if can_grow else ''}"
    )


def transforms_lines(pipelines: Sequence[Pipeline]) -> Iterator[str]:
    """Yield a line for each set of transforms that pipelines search or use."""
    counts = Counter(tuple(pipeline.transforms) for pipeline in pipelines)
    for names, count in counts.items():
        which = _count(count, "pipeline") if len(counts) > 1 else "all pipelines"
        what = "transform used" if len(names) == 1 else f"{len(names)} transforms searched"
        yield f"{what} by {which}: {', '.join(names)}"


def waiting_line(event: events.TrialsHeld) -> str:
    """Return how many trials of another campaign are waited for, and until when."""
    line = f"waiting: {held_trials_text(event.trials, event.host, event.silent_s)}"
    if event.free_at is None:
        return f"{line}; its process is still running"
    return f"{line}; taken over at {event.free_at:%H:%M:%S} unless it is seen again"


def held_trials_text(trials: int, host: str, silent_s: float) -> str:
    """Return how many trials are held, by which host, and when it was last seen."""
    verb, owner = "is" if trials == 1 else "are", f"host {host}" if host else "another campaign"
    seen = f"last seen {duration(silent_s)} ago"
    return f"{_count(trials, 'trial')} {verb} held by {owner}, {seen}"


def searched_text(trial: Trial, fixed: Mapping[str, Value]) -> str:
    """Return the hyperparameters that the search chose for a trial."""
    return prm_text({name: value for name, value in trial.prm.items() if name not in fixed})


def epoch_text(epoch: Epoch, metric: str | None = None) -> str:
    """Return an epoch's loss and its scores; given the metric, its errors if there are any."""
    loss = "" if epoch.loss is None else f"loss {epoch.loss:.4f}, "
    return f"{loss}{_scores(epoch, metric)}"


def _scores(epoch: Epoch, metric: str | None) -> str:
    if metric and (errors := Errors.among(epoch.facts, metric)):
        return errors.text(metric)
    return f"validation {epoch.validation:.4f}, test {epoch.accuracy:.4f}"


def outcome_text(outcome: Outcome, metric: str) -> str:
    """Return a trial's state, and its best epoch by a metric or why it failed."""
    if outcome.state is State.FAILED:
        return f"failed: {outcome.reason}"
    best, state = outcome.best, outcome.state.words
    if best is None:
        return state
    return (
        f"{state}: {_scores(best, metric)} at epoch {best.number}, "
        f"{duration(outcome.epochs[-1].duration_ns / 1e9)}{_predicted(outcome.prediction)}"
    )


def _predicted(prediction: Prediction | None) -> str:
    if prediction is None:
        return ""
    text = f"validation {prediction.score:.4f} was predicted after {prediction.epoch:g} epochs"
    return f"; {text}{', trained to the end as a check' if prediction.audited else ''}"


def trial_name(trial: Trial, *, alone: bool) -> str:
    """Return the name of a trial: its number, and its net too unless it trains alone."""
    return f"trial {trial.number}" if alone else f"{trial.pipeline.net} trial {trial.number}"


def _places(devices: Sequence[str]) -> str:
    places = ", ".join(dict.fromkeys(devices))
    return places if len(devices) == 1 else f"{places} by {len(devices)} workers"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
