"""Run a recorded trial again from its own code, and say where its numbers differ, and why."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lemur_core.composition import compose
from lemur_core.dataset import DatasetRecord, differing
from lemur_core.entry import Entry
from lemur_core.errors import DataChangedError, SettingsError, UnknownNameError
from lemur_core.initial_weights import InitialWeights, identity_in
from lemur_core.pattern import Pattern
from lemur_core.store.writing.elsewhere import RECIPE as ELSEWHERE
from lemur_core.train.attempt import attempt
from lemur_core.train.data import Bundles
from lemur_core.train.file_digests import FileDigests
from lemur_core.train.interruption import stopped_at_once
from lemur_core.train.versions import versions
from lemur_core.trial import Epoch, Outcome, State, Trial, TrialDecision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry
    from lemur_core.store.reading.stored_trial import StoredEpoch, StoredTrial

_STORED = "stored"
_CODE = {"loader": "loader_entry", "metric": "metric_entry"}


@dataclass(frozen=True)
class Difference:
    """A number that is not what it was.

    Attributes:
        epoch: Whose it is.
        name: ``loss``, ``validation`` or ``accuracy``.
        recorded: As it was.
        again: As it is.
    """

    epoch: int
    name: str
    recorded: float | None
    again: float | None


@dataclass(frozen=True)
class Reproduction:
    """How a trial went the second time.

    Attributes:
        outcome: How it ended.
        differences: What differs from what was recorded.
        changed: What else is not what it was: versions, code, the device.
    """

    outcome: Outcome
    differences: list[Difference]
    changed: list[str]

    @property
    def same(self) -> bool:
        """Whether it went as it did the first time."""
        return self.outcome.state is State.FINISHED and not self.differences


def reproduce(
    told: StoredTrial,
    registry: Registry,
    folder: Path,
    device: str | None = None,
    watch: Callable[[Epoch], None] = lambda epoch: None,
    weights: Path | None = None,
) -> Reproduction:
    """Train a recorded trial again, in this process, as many epochs as were recorded.

    Its net is the code that was recorded; data set, metric and transform are the installed ones.

    Args:
        told: The trial.
        registry: What is installed.
        folder: Of the data sets.
        device: A torch device; None is the one it was trained on.
        watch: Told each epoch.
        weights: File of the weights that it began with; None if it began from scratch.

    Raises:
        SettingsError: Too little of the trial is known, or was recorded; or the weights that it
            began with are not in the file.
        UnknownNameError: Its data set, metric or transform is not installed.
        MissingDataError: Its data set is not in the folder.
        DataChangedError: The data set in the folder is not the one it was trained on.
    """
    with recorded(told, registry, device) as trial:
        bundles = bundles_of(told, folder)
        check_same_data(told, bundles.record(trial.pipeline))
        outcome = train_to_end(replace(trial, initial=weights), bundles, watch)
        changed = list(_changed(told, trial, versions(registry)))
        changed += _left_out_now(told.left_out, bundles.left_out(trial.pipeline))
    return Reproduction(outcome, list(_differences(told, outcome)), changed)


def bundles_of(told: StoredTrial, folder: Path) -> Bundles:
    """Return a recorded trial's data; what cannot be decoded is left out if it was then."""
    # Which samples these are was said when it was trained.
    return Bundles(folder, (lambda _: None) if told.left_out else None, FileDigests())


def check_same_data(told: StoredTrial, today: DatasetRecord | None) -> None:
    """Raise `DataChangedError` if a trial was trained on other data than today's.

    Nothing is known of the data of older trials and of those that were trained elsewhere.
    """
    if told.data is None or today is None or told.data.fingerprint == today.fingerprint:
        return
    raise DataChangedError(
        f"trial {told.facts['uid'][:8]} was trained on another data set "
        f"{told.facts['dataset']!r}: {differing(told.data, today)}; name its folder with --data"
    )


@contextmanager
def recorded(told: StoredTrial, registry: Registry, device: str | None = None) -> Iterator[Trial]:
    """Give a trial as it was recorded, its code in a file for as long as that is needed.

    Args:
        told: The trial.
        registry: What is installed.
        device: A torch device; None is the one it was trained on.

    Raises:
        SettingsError: Too little of the trial is known, or was recorded.
        UnknownNameError: Its data set, metric or transform is not installed.
    """
    check_known(told)
    with _pipeline(told, registry) as pipeline:
        yield Trial(
            pipeline,
            told.facts["number"] or 1,
            told.prm,
            told.facts["seed"],
            len(told.epochs),
            device or told.facts["device"],
            told.facts["uid"],
        )


def check_known(told: StoredTrial) -> None:
    """Raise `SettingsError` where too little of a trial is known, or was recorded."""
    if told.facts["recipe"] == ELSEWHERE:
        raise SettingsError(
            f"trial {told.facts['uid']}: was recorded by another program, whose training lemur "
            "cannot run again"
        )
    missing = [name for name in ("seed", "device") if told.facts[name] is None]
    missing += ["code"] if "nn" not in told.codes else []
    missing += ["epochs"] if not told.epochs else []
    if missing:
        raise SettingsError(
            f"trial {told.facts['uid']}: cannot be run again, for nothing is known of its "
            f"{', '.join(missing)}"
        )


@contextmanager
def _pipeline(told: StoredTrial, registry: Registry) -> Iterator[Pipeline]:
    facts = told.facts
    with TemporaryDirectory(prefix="lemur-reproduce-") as folder:
        entry = _stored(told, registry, Path(folder))
        known = registry.with_entries(_STORED, "net", [entry])
        others = sorted({name for epoch in told.epochs for name in epoch.scores})
        metrics = ",".join([facts["metric"], *others])
        pattern = f"{facts['task']}_{facts['dataset']}_{metrics}_{_STORED}/{entry.name}"
        yield compose(known, [Pattern.parse(pattern)], [told.prm["transform"]])[0]


def _stored(told: StoredTrial, registry: Registry, folder: Path) -> Entry:
    """Return an entry of the net as it was: the installed one, where its code is the same."""
    name, code = told.facts["nn"], told.codes["nn"]
    try:
        entry = registry.get("net", name)
    except UnknownNameError:
        # A plugin's name before it is of none that is installed.
        name = name.rpartition("/")[2]
        entry = Entry(name, f"{name}.py", (told.facts["task"],))
    else:
        # Running its text, and not what this process may have imported before it was edited.
        installed = entry.as_read(is_net=True)
        if installed.code() == code:
            return installed
        if entry.code_target is not None:
            raise SettingsError(
                f"trial {told.facts['uid']}: cannot be run again, for the code of net {name!r} is "
                f"another; it is that of {entry.code_target}, which is not a net by itself"
            )
    file = folder / f"{name.rpartition('/')[2]}.py"
    file.write_text(code, encoding="utf-8")
    return replace(entry, target=str(file))


def train_to_end(trial: Trial, bundles: Bundles, watch: Callable[[Epoch], None]) -> Outcome:
    """Train a trial to its end, in this process.

    Args:
        trial: What is trained.
        bundles: Where its data is.
        watch: Told each epoch.

    Raises:
        SettingsError: The weights that it begins with are not in its file, or it has none.
    """
    _check_initial(trial)
    with stopped_at_once():
        return _train_to_end(trial, bundles, watch)


def _train_to_end(trial: Trial, bundles: Bundles, watch: Callable[[Epoch], None]) -> Outcome:
    going, verdict = attempt(trial, bundles), None
    while True:
        try:
            # None begins it.
            epoch = going.send(verdict)  # type: ignore[arg-type]
        except StopIteration as ended:
            outcome: Outcome = ended.value
            return outcome
        watch(epoch)
        verdict = TrialDecision.GO_ON


def _check_initial(trial: Trial) -> None:
    wanted, file = identity_in(trial.prm), trial.initial
    if file is None and wanted is not None:
        raise SettingsError(
            f"trial {trial.uid[:8]} began with the weights of a file that is not kept, whose "
            f"SHA-256 begins with {wanted.partition(':')[2]}; name it: "
            f"lemur reproduce {trial.uid[:8]} --weights FILE"
        )
    if file is not None and (found := InitialWeights().add(file)) != wanted:
        began = f"with {wanted}" if wanted else "from scratch"
        raise SettingsError(f"weights {str(file)!r} are {found}; the trial began {began}")


def _differences(told: StoredTrial, outcome: Outcome) -> Iterator[Difference]:
    for recorded, again in zip(told.epochs, outcome.epochs, strict=False):
        for name, before, after in _numbers(recorded, again):
            if before != after:
                yield Difference(again.number, name, before, after)


def _numbers(
    recorded: StoredEpoch, again: Epoch
) -> Iterator[tuple[str, float | None, float | None]]:
    yield "loss", recorded.loss, again.loss
    yield "validation", recorded.validation, again.validation
    yield "accuracy", recorded.accuracy, again.accuracy


def _left_out_now(before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[str]:
    for split in sorted({*before, *now}):
        if before.get(split, 0) != now.get(split, 0):
            yield f"left out of {split}: {before.get(split, 0)} then, {now.get(split, 0)} now"


def _changed(told: StoredTrial, trial: Trial, today: Mapping[str, str]) -> Iterator[str]:
    before: Mapping[str, str] = told.facts["versions"]
    for name in sorted({*before, *today}):
        if before.get(name) != today.get(name):
            yield f"{name} was {before.get(name, 'not there')}, is {today.get(name, 'not there')}"
    if told.data is None:
        yield "which data it was trained on was not recorded"
    if trial.device != told.facts["device"]:
        yield f"the device was {told.facts['device']}, is {trial.device}"
    recipe = told.facts.get("recipe")
    if recipe is not None and recipe != trial.pipeline.net_entry.recipe():
        yield f"the code that trains net {trial.pipeline.net!r} is another"
    entries = {kind: getattr(trial.pipeline, name) for kind, name in _CODE.items()}
    for kind, entry in (entries | {"transform": trial.transform_entry}).items():
        if kind in told.codes and told.codes[kind] != entry.source():
            yield f"the code of {kind} {entry.name!r} is another"
